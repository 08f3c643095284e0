//! `unmask verify`. In: an evidence bundle, and a copy of its recording. Out: what of them was altered.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use unmask::Error;
use unmask::evidence::{Bundle, Copy, EvidenceError, Manifest, PublicKey, State, Verification};

use super::print_line;

#[derive(Args)]
pub struct VerifyArgs {
    /// The evidence bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Refuse a bundle that another key signed: the digits that `unmask key` printed for its maker, or a file with them
    #[arg(long, value_name = "PUBKEY")]
    key: Option<String>,
    /// A copy of the recording: say whether it is the one that was analysed, and from where on it differs
    #[arg(long, value_name = "RECORDING")]
    input: Option<PathBuf>,
}

/// Prints each part with its state; anything altered is an error that names it.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let expected = args.key.as_deref().map(PublicKey::parse).transpose().map_err(Error::from)?;
    let bundle = Bundle::open(&args.bundle).map_err(Error::from)?;
    print_parts(bundle.verification())?;
    let intact = bundle.intact(expected.as_ref());
    if let Ok((manifest, key)) = &intact {
        print_origin(manifest, key, expected.is_some())?;
    }
    let (manifest, _) = intact.map_err(Error::from)?;
    if let Some(input) = &args.input {
        let copy = bundle.hold(manifest, input).map_err(Error::from)?;
        let how = copy.words(manifest.input.duration_s);
        if copy != Copy::Same {
            return Err(Error::from(EvidenceError::OtherInput { input: input.display().to_string(), how }).into());
        }
        print_line(&format!("ok       {} {how}", input.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_parts(verification: &Verification) -> Result<(), Error> {
    for check in &verification.checks {
        let line = match check.state {
            State::Ok => format!("ok       {}", check.name),
            State::Altered(how) => format!("ALTERED  {}: {how}", check.name),
            State::Unknown => format!("unknown  {}: nothing that is in order vouches for it", check.name),
        };
        print_line(&line)?;
    }
    Ok(())
}

fn print_origin(manifest: &Manifest, key: &PublicKey, expected: bool) -> Result<(), Error> {
    let Manifest { made_utc, made_utc_from, tool_version, input, runtime, .. } = manifest;
    let bytes = input.bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
    let sha256 = input.sha256.as_ref().map(|hash| format!(", sha256 {hash}")).unwrap_or_default();
    let compare = if expected { "the one given with --key" } else { "compare it with the one its maker tells you" };
    let c2pa = if input.c2pa == Some(true) { "; it carries a C2PA manifest (not verified)" } else { "" };
    let lines = [
        format!("key      {} ({compare}); it shows which key signed, not which person", key.hex()),
        format!("made     {made_utc} ({made_utc_from}) by unmask {tool_version} on {}", runtime.provider),
        format!("input    {}{bytes}{sha256}{c2pa}", input.uri),
    ];
    lines.iter().try_for_each(|line| print_line(&plain(line)))
}

/// Without characters that steer a terminal: a bundle may come from anybody.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
