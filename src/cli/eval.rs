//! `unmask eval`. In: a manifest of labelled clips. Out: error rates as a table or JSON.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use crossbeam_channel::{Sender, bounded};
use unmask::eval::{self, Clip, ClipResult, Collector, Failure, Row, Tool};
use unmask::infer::Shared;
use unmask::types::record::Start;
use unmask::{Cancel, Config, Engines, Error, Input, Run, analyze, triage};

use super::interrupt::{self, INTERRUPTED};
use super::progress::Progress;
use super::{AnalysisArgs, exit_code, jobs, print_line};

/// Answers that wait for the printing thread; each holds a clip's scores (4 bytes a frame).
const ANSWERS: usize = 4;

#[derive(Args)]
pub struct EvalArgs {
    /// CSV with a header: path,label[,method][,kind][,source][,person]; label is real or fake, paths are relative to it
    #[arg(value_name = "MANIFEST.csv")]
    manifest: PathBuf,
    /// Clips scanned at the same time (default: half the processors)
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Print JSON instead of the table, with every clip's scores
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// What a scan said of the clip of that number.
type Answer = (usize, Result<(Start, ClipResult), Error>);

/// Scans every clip; one that fails is listed, is in no figure, and makes the exit code that of the first.
pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let config = args.analysis.config()?;
    let clips = eval::read(&args.manifest).map_err(Error::from)?;
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "stopping without figures")?;
    let answers = scan_all(&clips, jobs(args.jobs).min(clips.len()), &config, &cancel)?;
    if cancel.is_cancelled() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let (mut rows, mut failed, mut tool) = (Vec::new(), Vec::new(), None);
    let mut first_failure = None;
    for (i, answer) in answers {
        let clip = clips[i].clone();
        match answer {
            Ok((start, result)) => {
                tool = tool.or_else(|| Some(Tool::from(start)));
                rows.push(Row { clip, result });
            }
            Err(error) => {
                first_failure = first_failure.or(Some(error.kind()));
                failed.push(Failure { path: clip.path, error: error.to_string() });
            }
        }
    }
    let report = eval::report(tool, rows, failed);
    print_line(&if args.json { serde_json::to_string_pretty(&report)? } else { eval::table(&report) })?;
    Ok(exit_code(first_failure))
}

/// Scans with `jobs` workers; the answers come back in the clips' order. A broken installation ends all at once.
fn scan_all(clips: &[Clip], jobs: usize, config: &Config, cancel: &Cancel) -> anyhow::Result<Vec<Answer>> {
    let (next, shared) = (AtomicUsize::new(0), Shared::default());
    let (sender, answers) = bounded::<Result<Answer, Error>>(ANSWERS);
    let progress = Progress::of_clips(clips.len());
    let mut done = Vec::with_capacity(clips.len());
    let mut failure = None;
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for n in 0..jobs {
            let (sender, next, shared) = (sender.clone(), &next, &shared);
            let worker = move || work(clips, next, (config, shared), cancel, &sender);
            std::thread::Builder::new().name(format!("eval-{n}")).spawn_scoped(scope, worker)?;
        }
        drop(sender);
        for answer in answers {
            match answer {
                Ok(answer) => done.push(answer),
                Err(error) => failure = failure.take().or(Some(error)),
            }
            progress.one_more();
        }
        Ok(())
    })?;
    drop(progress);
    if let Some(error) = failure {
        return Err(error.into());
    }
    done.sort_by_key(|(i, _)| *i);
    Ok(done)
}

/// Owns its engines and takes the next clip until there is none, or until the engines fail.
fn work(
    clips: &[Clip],
    next: &AtomicUsize,
    (config, shared): (&Config, &Shared),
    cancel: &Cancel,
    out: &Sender<Result<Answer, Error>>,
) {
    let mut engines = match Engines::load_joined(config, shared) {
        Ok(engines) => engines,
        Err(error) => {
            next.store(clips.len(), Ordering::Relaxed);
            let _gone = out.send(Err(error));
            return;
        }
    };
    while !cancel.is_cancelled() {
        let i = next.fetch_add(1, Ordering::Relaxed);
        let Some(clip) = clips.get(i) else { return };
        let answer = match scan(clip, config, &mut engines, cancel) {
            Err(error @ Error::Infer(_)) => {
                next.store(clips.len(), Ordering::Relaxed);
                Err(error)
            }
            answer => Ok((i, answer)),
        };
        if out.send(answer).is_err() {
            return;
        }
    }
}

fn scan(clip: &Clip, config: &Config, engines: &mut Engines, cancel: &Cancel) -> Result<(Start, ClipResult), Error> {
    let mut source = triage::open(Input::File(clip.path.clone()), config, engines, cancel)?;
    let mut collector = Collector::default();
    let run = Run { config, engines, sink: &mut collector, cancel, progress: &mut |_| {} };
    analyze(&mut *source, run)?;
    collector.take().ok_or(Error::StagePanicked("collect"))
}
