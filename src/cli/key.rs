//! `unmask key`. In: the file of the signing key. Out: its public key, for those who check bundles.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use unmask::Error;
use unmask::evidence::{EvidenceError, SecretKey};

use super::print_line;

#[derive(Args)]
pub struct KeyArgs {
    /// File of the secret key (default: unmask/evidence.key in the user's configuration folder)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Prints the public key.
pub fn run(args: &KeyArgs) -> anyhow::Result<ExitCode> {
    print_line(&public(args.key.clone()).map_err(Error::from)?)?;
    Ok(ExitCode::SUCCESS)
}

fn public(path: Option<PathBuf>) -> Result<String, EvidenceError> {
    let path = path.map_or_else(SecretKey::default_path, Ok)?;
    Ok(SecretKey::open(&path)?.public().hex())
}
