//! The command line. In: arguments. Out: results on standard output, everything else on standard error.

mod batch;
mod bench;
mod challenges;
mod doctor;
mod eval;
mod interrupt;
mod key;
mod models;
mod progress;
mod replay;
mod scan;
mod serve;
mod store;
mod verify;
mod watch;

use std::io::IsTerminal;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use unmask::config::ConfigError;
use unmask::service::{ServiceError, Traces};
use unmask::{Config, Device, Error, ErrorKind};

/// Tells, frame by frame, whether a face or voice in an interview recording is masked by AI.
///
/// Finding no signs does not show that a person is who they say they are.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// How the log on standard error is written; what it says is up to UNMASK_LOG, as in UNMASK_LOG=unmask=info
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Analyse recordings: files, http(s) and rtsp addresses, or - for standard input; folders and lists with --out
    Scan(scan::ScanArgs),
    /// Analyse a live stream: rtsp, rtmp, srt, udp and http(s) addresses, HLS, WHEP, a camera, RTP by a .sdp file, or -
    Watch(watch::WatchArgs),
    /// Scan one call for a batch
    #[command(hide = true)]
    Work,
    /// Take recordings over HTTP, scan them, and answer with records and reports
    Serve(serve::ServeArgs),
    /// List, export and delete the results that scan --out has kept
    Store(store::StoreArgs),
    /// Scan labelled clips and print error rates with their intervals
    Eval(eval::EvalArgs),
    /// Measure what decoding, the networks and the whole scan cost on this machine
    Bench(bench::BenchArgs),
    /// Say whether an evidence bundle, or a copy of its recording, was altered, and where
    Verify(verify::VerifyArgs),
    /// Analyse a recording again as an evidence bundle says, and compare what is found
    Replay(replay::ReplayArgs),
    /// Print the public key of the key that signs evidence bundles; makes it on first use
    Key(key::KeyArgs),
    /// Print what to ask a candidate for during an interview, and what to look for
    Challenges(challenges::ChallengesArgs),
    /// Check the installation: decoders, ONNX Runtime, models, and what really runs them
    Doctor(RuntimeArgs),
    /// List the models, or check them
    Models(models::ModelsArgs),
    /// Print the JSON Schema of the records
    Schema,
}

/// What runs the networks.
#[derive(Args, Clone)]
struct RuntimeArgs {
    /// Configuration file (TOML); options given here win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the networks run
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Fail unless the networks run on a GPU
    #[arg(long)]
    require_gpu: bool,
    /// ONNX Runtime's shared library
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
    /// A plug-in execution provider of ONNX Runtime, as WebGPU or TensorRT-RTX: its shared library
    #[arg(long, value_name = "FILE")]
    ep_lib: Option<PathBuf>,
    /// Folder of the models
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Load models whose licence forbids commercial use
    #[arg(long)]
    allow_noncommercial: bool,
}

impl RuntimeArgs {
    /// The configuration file, or the defaults, with these options on top.
    fn config(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        let runtime = &mut config.runtime;
        runtime.device = self.device.unwrap_or(runtime.device);
        runtime.require_gpu |= self.require_gpu;
        runtime.allow_noncommercial |= self.allow_noncommercial;
        runtime.ort_lib = self.ort_lib.clone().or_else(|| runtime.ort_lib.clone());
        runtime.ep_lib = self.ep_lib.clone().or_else(|| runtime.ep_lib.clone());
        runtime.models_dir = self.models.clone().or_else(|| runtime.models_dir.clone());
        Ok(config)
    }
}

/// How many recordings are scanned at the same time: half the processors unless said.
fn jobs(asked: Option<NonZero<usize>>) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    asked.map_or((processors / 2).max(1), NonZero::get)
}

/// How recordings are analysed, and what runs the networks.
#[derive(Args, Clone)]
struct AnalysisArgs {
    /// Frames a second to analyse (default: every frame)
    #[arg(long, value_name = "N")]
    fps: Option<f64>,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl AnalysisArgs {
    /// The validated configuration with these options on top.
    fn config(&self) -> Result<Config, ConfigError> {
        let mut config = self.runtime.config()?;
        config.fps = self.fps.or(config.fps);
        config.validate()?;
        Ok(config)
    }
}

/// Parses, runs, and turns an error's kind into the exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let traces = match traces(&cli.command) {
        Ok(traces) => traces,
        Err(error) => return report(&Error::from(error).into()),
    };
    log(cli.log_format, traces.as_ref());
    let result = match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Work => Ok(batch::work()),
        Command::Serve(args) => serve::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Challenges(args) => challenges::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Schema => schema(),
    };
    match result {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

/// The service's; nothing else has any.
fn traces(command: &Command) -> Result<Option<Traces>, ServiceError> {
    match command {
        Command::Serve(_) => Traces::from_env(),
        _ => Ok(None),
    }
}

/// What is said on standard error, and what is handed to traces.
fn log(format: LogFormat, traces: Option<&Traces>) {
    let filter = EnvFilter::try_from_env("UNMASK_LOG").unwrap_or_else(|_| EnvFilter::new("warn,ort=off"));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    let all = tracing_subscriber::registry().with(log.with_filter(filter));
    all.with(traces.map(Traces::layer)).init();
}

/// Prints the error once; a reader that stopped reading is no error.
fn report(error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    if matches!(known, Some(Error::Report(e)) if e.is_closed_pipe()) {
        return ExitCode::SUCCESS;
    }
    match known {
        // Its words hold those of its cause.
        Some(error) => eprintln!("unmask: {error}"),
        None => eprintln!("unmask: {error:#}"),
    }
    let kind = match known {
        Some(error) => error.kind(),
        None if error.is::<ConfigError>() => ErrorKind::Usage,
        None => ErrorKind::Environment,
    };
    exit_code(Some(kind))
}

/// The exit code of a run with many inputs: that of the first failure.
fn exit_code(first_failure: Option<ErrorKind>) -> ExitCode {
    first_failure.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_code()))
}

fn schema() -> anyhow::Result<ExitCode> {
    print_line(&serde_json::to_string_pretty(&unmask::report::schema())?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints to standard output; a closed pipe is quiet.
fn print_line(text: &str) -> Result<(), Error> {
    use std::io::Write;
    let written = writeln!(std::io::stdout().lock(), "{text}");
    let failed = |source| unmask::report::ReportError::Write { name: "standard output".into(), source };
    Ok(written.map_err(failed)?)
}

/// True when a person reads standard output.
fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
