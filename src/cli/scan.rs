//! `unmask scan`. In: recordings. Out: a record stream or a summary of each.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use unmask::media;
use unmask::report::{self, ReportError};
use unmask::{Cancel, Config, Engines, Error, Input, Run, SinkSpec, SourceSpec, analyze};

use super::interrupt::{self, INTERRUPTED};
use super::progress::Progress;
use super::{AnalysisArgs, exit_code, stdout_is_terminal};

#[derive(Args)]
pub struct ScanArgs {
    /// Recordings: files, addresses, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// What to print (default: summary on a terminal, else jsonl); with --out it is always jsonl
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write each record stream to DIR/<name>.jsonl instead of printing it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    let config = args.analysis.config()?;
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
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
    let mut names = Names::default();
    for (input, text) in inputs.zip(&args.inputs) {
        let scanned = input.and_then(|input| {
            let name = names.free(&input.stem());
            scan(input, &name, args, &config, &mut engines, &cancel)
        });
        match scanned {
            Ok(()) => {}
            Err(_) if cancel.is_cancelled() => {}
            Err(error) if args.inputs.len() == 1 || stops_all(&error) => return Err(error.into()),
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

/// A broken installation or a full disk fails every input alike.
fn stops_all(error: &Error) -> bool {
    matches!(error, Error::Report(_) | Error::Infer(_) | Error::Config(_))
}

fn check_early(text: &str) -> Result<(), Error> {
    if let Input::File(path) = Input::parse(text)?
        && !path.exists()
    {
        return Err(media::MediaError::NotFound { input: path.display().to_string() }.into());
    }
    Ok(())
}

/// Result names of this run, so that two recordings of one name do not share a file.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// The stem, or the stem with the first free number behind it.
    fn free(&mut self, stem: &str) -> String {
        let numbered = (2..).map(|n| format!("{stem}-{n}"));
        let mut candidates = std::iter::once(stem.to_owned()).chain(numbered);
        let name = candidates.find(|name| !self.0.contains(name)).unwrap_or_else(|| stem.to_owned());
        self.0.insert(name.clone());
        name
    }
}

fn scan(
    input: Input,
    result: &str,
    args: &ScanArgs,
    config: &Config,
    engines: &mut Engines,
    cancel: &Cancel,
) -> Result<(), Error> {
    let name = input.shown();
    let mut source = media::build(SourceSpec::Gst(input), &config.limits, cancel)?;
    let mut output = Output::open(args, result)?;
    let progress = Progress::of_recording(&name, source.info().duration_s);
    let run = Run { config, engines, sink: &mut *output.sink, cancel, progress: &mut |pts| progress.reached(pts) };
    analyze(&mut *source, run)?;
    drop(progress);
    output.keep()
}

/// A sink, and the file it becomes when it is complete.
struct Output {
    sink: Box<dyn unmask::Sink>,
    rename: Option<(PathBuf, PathBuf)>,
}

impl Output {
    fn open(args: &ScanArgs, result: &str) -> Result<Self, Error> {
        let Some(dir) = &args.out else {
            let out: Box<dyn Write> = Box::new(std::io::stdout());
            let format = args.format.unwrap_or(if stdout_is_terminal() { Format::Summary } else { Format::Jsonl });
            let spec = match format {
                Format::Jsonl => SinkSpec::Jsonl { out, name: "standard output".into() },
                Format::Summary => SinkSpec::Summary { out },
            };
            return Ok(Self { sink: report::build(spec), rename: None });
        };
        let (path, part) = (dir.join(format!("{result}.jsonl")), dir.join(format!("{result}.jsonl.part")));
        let name = part.display().to_string();
        let failed = |source| ReportError::Write { name: name.clone(), source };
        let file = File::create(&part).map_err(failed)?;
        let sink = report::build(SinkSpec::Jsonl { out: Box::new(file), name });
        Ok(Self { sink, rename: Some((part, path)) })
    }

    /// A complete stream gets its name; an incomplete one keeps `.part`.
    fn keep(self) -> Result<(), Error> {
        let Some((part, path)) = self.rename else { return Ok(()) };
        let failed = |source| ReportError::Write { name: path.display().to_string(), source };
        std::fs::rename(&part, &path).map_err(failed)?;
        eprintln!("{}", path.display());
        Ok(())
    }
}
