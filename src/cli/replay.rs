//! `unmask replay`. In: an evidence bundle and its recording. Out: whether a new run finds the same.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use unmask::evidence::{
    Bundle, Copy, Difference, EvidenceError, Found, Manifest, PublicKey, SCORE_TOLERANCE, TIME_TOLERANCE_S, compare,
};
use unmask::types::record::RuntimeInfo;
use unmask::{Cancel, Config, Device, Engines, Error, Input, Run, analyze, triage};

use super::interrupt::{self, INTERRUPTED};
use super::print_line;
use super::progress::Progress;
use super::verify::plain;

/// Differences that are printed.
const SHOWN: usize = 20;

#[derive(Args)]
pub struct ReplayArgs {
    /// The evidence bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Its recording
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// Refuse a bundle that another key signed: the digits that `unmask key` printed for its maker, or a file with them
    #[arg(long, value_name = "PUBKEY")]
    key: Option<String>,
    /// Where the networks run (default: as the bundle's configuration says)
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// ONNX Runtime's shared library
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
    /// A plug-in execution provider of ONNX Runtime: its shared library
    #[arg(long, value_name = "FILE")]
    ep_lib: Option<PathBuf>,
    /// Folder of the models
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// Compares; a difference beyond the tolerances is an error.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "stopping; nothing is compared")?;
    let replayed = replay(args, &cancel);
    if cancel.is_cancelled() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let differences = replayed?;
    let (scores, times) = (SCORE_TOLERANCE, TIME_TOLERANCE_S);
    let tolerance = format!("p_masked within {scores}, begins and ends of events within {times} s, findings equal");
    if differences.is_empty() {
        print_line(&format!("equal: the new run finds the same ({tolerance})"))?;
        return Ok(ExitCode::SUCCESS);
    }
    for Difference { at_s, what } in differences.iter().take(SHOWN) {
        let at = at_s.map_or_else(|| "whole call".into(), |s| format!("{s:.3} s"));
        print_line(&format!("differs  {at}: {what}"))?;
    }
    if differences.len() > SHOWN {
        print_line(&format!("differs  and {} times more", differences.len() - SHOWN))?;
    }
    print_line(&format!("tolerance: {tolerance}; of two values the bundle's comes first"))?;
    let (name, differences) = (args.bundle.display().to_string(), differences.len());
    Err(Error::from(EvidenceError::Differs { name, differences }).into())
}

fn replay(args: &ReplayArgs, cancel: &Cancel) -> Result<Vec<Difference>, Error> {
    let expected = args.key.as_deref().map(PublicKey::parse).transpose()?;
    let bundle = Bundle::open(&args.bundle)?;
    let (manifest, _) = bundle.intact(expected.as_ref())?;
    let copy = bundle.hold(manifest, &args.input)?;
    if copy != Copy::Same {
        let (input, how) = (args.input.display().to_string(), copy.words(manifest.input.duration_s));
        return Err(EvidenceError::OtherInput { input, how }.into());
    }
    let config = with_options(bundle.config(manifest)?, args);
    let then = bundle.records()?;
    let mut engines = Engines::load(&config)?;
    bundle.check_models(manifest, &engines.models)?;
    print_context(manifest, &engines.runtime)?;
    let now = analyse(&args.input, &config, &mut engines, cancel)?;
    Ok(compare(&then, &now))
}

/// What runs the networks may be another machine's; all else stays as it was.
fn with_options(mut config: Config, args: &ReplayArgs) -> Config {
    let runtime = &mut config.runtime;
    if let Some(device) = args.device {
        (runtime.device, runtime.require_gpu) = (device, false);
    }
    (runtime.ort_lib, runtime.ep_lib) = (args.ort_lib.clone(), args.ep_lib.clone());
    runtime.models_dir.clone_from(&args.models);
    config
}

/// What is not as it was, and may explain differences.
fn print_context(manifest: &Manifest, now: &RuntimeInfo) -> Result<(), Error> {
    let then = &manifest.runtime;
    let rows = [
        ("unmask", manifest.tool_version.as_str(), env!("CARGO_PKG_VERSION")),
        ("provider", &then.provider, &now.provider),
        ("ONNX Runtime", &then.onnxruntime, &now.onnxruntime),
        ("GStreamer", &then.gstreamer, &now.gstreamer),
    ];
    for (name, then, now) in rows.into_iter().filter(|(_, then, now)| then != now) {
        print_line(&plain(&format!("context  {name}: {then} then, {now} now")))?;
    }
    Ok(())
}

fn analyse(input: &Path, config: &Config, engines: &mut Engines, cancel: &Cancel) -> Result<Found, Error> {
    let input = Input::File(input.to_owned());
    let name = input.shown();
    let mut source = triage::open(input, config, engines, cancel)?;
    let progress = Progress::of_recording(&name, source.info().duration_s);
    let mut found = Found::default();
    let run = Run { config, engines, sink: &mut found, cancel, progress: &mut |pts| progress.reached(pts) };
    analyze(&mut *source, run)?;
    Ok(found)
}
