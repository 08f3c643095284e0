//! `unmask scan`. In: recordings. Out: a record stream or a summary of each; with `--out` see `batch`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use unmask::media;
use unmask::report;
use unmask::triage;
use unmask::{Cancel, Config, Engines, Error, Input, Run, SinkSpec, analyze};

use super::batch::{self, BatchArgs};
use super::interrupt::{self, INTERRUPTED};
use super::progress::Progress;
use super::{AnalysisArgs, exit_code, stdout_is_terminal};

#[derive(Args)]
pub struct ScanArgs {
    /// Recordings: files, addresses, or - for standard input; with --out also folders, and lists (.txt, .lst) of paths
    /// and addresses
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// What to print (default: summary on a terminal, else jsonl); with --out it is always jsonl
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write each record stream to DIR/<name>.jsonl instead of printing it, and an index over all
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    batch: BatchArgs,
    /// In haste: key frames first, then the most doubtful tenth closely; says what was looked at. For files
    #[arg(long)]
    triage: bool,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// A page for people
    Summary,
}

/// Scans each input; one that fails is reported and does not stop the rest.
pub fn run(args: &ScanArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.analysis.config()?;
    if args.triage {
        config = config.in_haste();
    }
    if let Some(dir) = &args.out {
        return batch::run(&args.inputs, dir, &args.batch, &config);
    }
    let inputs = args.inputs.iter().map(|text| Input::parse(text).map_err(Error::from));
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "finishing with what was seen so far")?;
    if let [only] = args.inputs.as_slice() {
        // What cannot be opened should not have to wait for the networks.
        check_early(only)?;
    }
    let mut engines = Engines::load(&config)?;
    let mut first_failure = None;
    for (input, text) in inputs.zip(&args.inputs) {
        let scanned = input.and_then(|input| scan(input, args, &config, &mut engines, &cancel));
        match scanned {
            Ok(()) => {}
            Err(_) if cancel.is_cancelled() => {}
            Err(error) if args.inputs.len() == 1 || error.stops_all() => return Err(error.into()),
            Err(error) => {
                eprintln!("unmask: {error}");
                tracing::debug!(input = %text, "failed");
                first_failure = first_failure.or(Some(error.kind()));
            }
        }
        if cancel.is_cancelled() {
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    Ok(exit_code(first_failure))
}

fn check_early(text: &str) -> Result<(), Error> {
    if let Input::File(path) = Input::parse(text)?
        && !path.exists()
    {
        return Err(media::MediaError::NotFound { input: path.display().to_string() }.into());
    }
    Ok(())
}

fn scan(input: Input, args: &ScanArgs, config: &Config, engines: &mut Engines, cancel: &Cancel) -> Result<(), Error> {
    let name = input.shown();
    let mut source = triage::open(input, config, engines, cancel)?;
    let out: Box<dyn Write> = Box::new(std::io::stdout());
    let format = args.format.unwrap_or(if stdout_is_terminal() { Format::Summary } else { Format::Jsonl });
    let mut sink = report::build(match format {
        Format::Jsonl => SinkSpec::Jsonl { out, name: "standard output".into() },
        Format::Summary => SinkSpec::Summary { out },
    });
    let progress = Progress::of_recording(&name, source.info().duration_s);
    let run = Run { config, engines, sink: &mut *sink, cancel, progress: &mut |pts| progress.reached(pts) };
    analyze(&mut *source, run).map(drop)
}
