//! `unmask serve`. In: options. Out: the address on standard output once requests are answered; a new key.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use unmask::Error;
use unmask::service::{self, Serve};

use super::watch::seconds;
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
    /// Most calls of one tenant that wait, so that it leaves room for others (default: as --queue)
    #[arg(long, value_name = "N")]
    queue_per_tenant: Option<u32>,
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
    #[arg(long, value_name = "NAME[@TENANT]:SCOPES", conflicts_with = "data_dir")]
    new_key: Option<String>,
    /// Tell also hosts of this machine and its own network that a call has ended
    #[arg(long)]
    webhook_allow_private: bool,
    /// Secret that signs webhooks; made on first use (default: webhook.key in --data-dir)
    #[arg(long, value_name = "FILE")]
    webhook_key: Option<PathBuf>,
    /// Print what a tenant checks webhooks with and end; without a name that of keys without a tenant
    #[arg(long, value_name = "TENANT", num_args = 0..=1, default_missing_value = "")]
    webhook_secret: Option<String>,
    /// Certificate with its chain (PEM); the service then speaks TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Requests a minute for each key, or each address without one; 0: as many as they like
    #[arg(long, value_name = "N", default_value = "1200")]
    rate: u32,
    /// Live interviews at the same time, from browsers (WHIP); 0: none
    #[arg(long, value_name = "N", default_value = "2")]
    live: usize,
    /// UDP port that live media come to (default: the number of the port that is listened on)
    #[arg(long, value_name = "PORT")]
    live_port: Option<u16>,
    /// Address that publishers send media to, where it is not the one that is listened on
    #[arg(long, value_name = "IP")]
    live_address: Option<IpAddr>,
    /// Longest live interview, such as 90m or 2h
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "2h")]
    live_max: f64,
    /// Key that signs evidence bundles (default: unmask/evidence.key in the user's configuration folder)
    #[arg(long, value_name = "FILE")]
    evidence_key: Option<PathBuf>,
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
    if let (Some(tenant), Some(dir)) = (&args.webhook_secret, &args.data_dir) {
        print_line(&service::webhook_secret(dir, args.webhook_key.as_deref(), tenant)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let serve = Serve {
        listen: args.listen,
        dir: args.data_dir.clone().unwrap_or_default(),
        jobs: jobs(args.jobs),
        queue: args.queue,
        queue_per_tenant: args.queue_per_tenant,
        keys: args.keys.clone(),
        allow_uri: args.allow_uri.clone(),
        allow_private: args.allow_private,
        webhook_private: args.webhook_allow_private,
        webhook_key: args.webhook_key.clone(),
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        rate: args.rate,
        live: args.live,
        live_port: args.live_port,
        live_address: args.live_address,
        live_max: Duration::from_secs_f64(args.live_max),
        evidence_key: args.evidence_key.clone(),
        config: args.analysis.config()?,
        program,
    };
    let scheme = if serve.tls.is_some() { "https" } else { "http" };
    service::serve(&serve, &mut |address| {
        // Nobody has to read it.
        let _ = print_line(&format!("{scheme}://{address}"));
    })?;
    Ok(ExitCode::SUCCESS)
}
