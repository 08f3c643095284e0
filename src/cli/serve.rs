//! `unmask serve`. In: options. Out: the address on standard output once requests are answered; a new key.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use unmask::Error;
use unmask::service::{self, Serve};

use super::{AnalysisArgs, jobs, print_line};

#[derive(Args)]
pub struct ServeArgs {
    /// Address and port; beyond this machine only with --keys
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder of uploads and results
    #[arg(long, value_name = "DIR", required_unless_present = "new_key")]
    data_dir: Option<PathBuf>,
    /// Calls scanned at the same time, each in a process of its own (default: half the processors)
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Most calls that wait; further ones are answered with 429
    #[arg(long, value_name = "N", default_value = "1000")]
    queue: u32,
    /// Scan addresses that begin so; can be given several times (default: uploads only)
    #[arg(long, value_name = "PREFIX")]
    allow_uri: Vec<String>,
    /// Fetch also from hosts of this machine and its own network
    #[arg(long, requires = "allow_uri")]
    allow_private: bool,
    /// Who may do what: a line a key, as --new-key prints it
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Make a key and end; scopes are submit, read, admin
    #[arg(long, value_name = "NAME:SCOPES", conflicts_with = "data_dir")]
    new_key: Option<String>,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if let Some(what) = &args.new_key {
        let (key, line) = service::new_key(what).map_err(Error::from)?;
        print_line(&key)?;
        eprintln!("unmask: this key is shown once; add this line to the file of --keys:\n{line}");
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let serve = Serve {
        listen: args.listen,
        dir: args.data_dir.clone().unwrap_or_default(),
        jobs: jobs(args.jobs),
        queue: args.queue,
        keys: args.keys.clone(),
        allow_uri: args.allow_uri.clone(),
        allow_private: args.allow_private,
        config: args.analysis.config()?,
        program,
    };
    service::serve(&serve, &mut |address| {
        // Nobody has to read it.
        let _ = print_line(&format!("http://{address}"));
    })?;
    Ok(ExitCode::SUCCESS)
}
