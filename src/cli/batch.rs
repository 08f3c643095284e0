//! `unmask scan --out` and the children it starts. In: recordings, folders, lists. Out: files in a folder, failures and
//! a last line on standard error.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use unmask::batch::{self, Batch, Linking, Notice};
use unmask::link::Vault;
use unmask::report::Redact;
use unmask::report::ReportKind;
use unmask::{Cancel, Config, Error};

use super::interrupt::{self, INTERRUPTED};
use super::progress::Progress;
use super::{exit_code, jobs};

#[derive(Args)]
pub struct BatchArgs {
    /// Calls scanned at the same time, each in a process of its own (default: half the processors)
    #[arg(long, value_name = "N", requires = "out")]
    jobs: Option<NonZero<usize>>,
    /// What to make of each call beside DIR/<name>.jsonl
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND", requires = "out")]
    report: Vec<ReportKind>,
    /// Whose face is made unrecognisable in the pictures of reports: others without a value
    #[arg(
        long,
        value_enum,
        value_name = "WHOSE",
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "others",
        requires = "out"
    )]
    redact: Redact,
    /// What signs evidence bundles (default: evidence.key in the user's configuration folder; made on first use)
    #[arg(long, value_name = "FILE", requires = "out")]
    key: Option<PathBuf>,
    /// Compare the candidates' faces and voices across the calls of DIR: needs their consent, and keeps sealed prints
    #[arg(long, requires_all = ["out", "consent"])]
    link: bool,
    /// Who consented to the comparison, how and when; kept with each print
    #[arg(long, value_name = "TEXT", requires = "link")]
    consent: Option<String>,
    /// What seals the prints (default: link.key in the user's configuration folder; made on first use)
    #[arg(long, value_name = "FILE", requires = "link")]
    link_key: Option<PathBuf>,
    /// Scan also what is unchanged since it was scanned
    #[arg(long, requires = "out")]
    again: bool,
    /// For how many days results may be kept: unmask store gc deletes older ones
    #[arg(long, value_name = "N", requires = "out")]
    keep_days: Option<u32>,
}

/// Scans into `dir`; one call that fails is reported and does not stop the rest.
pub fn run(inputs: &[String], dir: &Path, args: &BatchArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "stopping; what is done is kept, and the same command goes on with the rest")?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let (reports, jobs, keep_days) = (args.report.as_slice(), jobs(args.jobs), args.keep_days);
    let (redact, again) = (args.redact, args.again);
    let key = args.key.as_deref();
    let link_key = match (&args.link_key, args.link) {
        (Some(path), _) => path.clone(),
        (None, true) => Vault::default_path().map_err(Error::from)?,
        (None, false) => PathBuf::new(),
    };
    let linking = |consent| Linking { consent, key: &link_key };
    let link = args.consent.as_deref().filter(|_| args.link).map(linking);
    let batch = Batch { dir, reports, redact, key, link, jobs, again, keep_days, config, program, cancel: &cancel };
    let progress = Progress::of_calls();
    let tally = batch::scan_all(batch::expand(inputs, dir), &batch, &mut |notice| match notice {
        Notice::Progress { part, ended, of } => progress.part(part, ended, of),
        Notice::Failed { message } => progress.say(&format!("unmask: {message}")),
    })?;
    drop(progress);
    let index = dir.join("index.html");
    eprintln!("{} done, {} skipped, {} failed: {}", tally.done, tally.skipped, tally.failed, index.display());
    if cancel.is_cancelled() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(exit_code(tally.first_failure))
}

/// A child: what it has to say of an error, its parent has read.
pub fn work() -> ExitCode {
    exit_code(batch::serve().err().as_ref().map(Error::kind))
}
