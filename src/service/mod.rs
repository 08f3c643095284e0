//! Calls over HTTP. In: options. Out: a service that takes recordings, scans them one by one, and answers with records
//! and reports, until it is asked to stop. The only asynchronous code; workers are threads (`jobs`), the queue is the
//! store, and what was accepted survives whatever ends the process.

mod app;
mod audit;
mod auth;
mod body;
mod dto;
mod error;
mod events;
mod fetch;
mod files;
mod health;
mod hosts;
mod jobs;
mod keep;
mod limits;
mod listen;
mod live;
mod metrics;
mod openapi;
mod pages;
mod places;
mod problem;
mod rates;
mod routes;
mod sessions;
mod sign_in;
mod socket;
mod traces;
mod upload;
mod uris;
mod webhooks;

pub use auth::new_key;
pub use error::ServiceError;
pub use openapi::document;
pub use traces::Traces;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::batch::analysis_key;
use crate::config::Config;
use crate::error::Error;
use crate::evidence::SecretKey;
use crate::media::Cancel;
use crate::report::Redact;
use crate::store::{Queue, Store, UPLOADS};
use crate::webrtc::Desk;
use app::{App, DELETIONS_AT_ONCE, UPLOADS_AT_ONCE, WAITERS_AT_ONCE};
use audit::Audit;
use auth::Keys;
use health::Probe;
use jobs::Jobs;
use live::Live;
use places::Places;
use rates::Rates;
use sessions::Sessions;
use uris::Allowed;
use webhooks::Webhooks;

/// How long open connections may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// How long live interviews may take to write their reports.
const REPORTS: Duration = Duration::from_secs(20);

/// Wrong keys that an address may show in a minute.
const ATTEMPTS: u32 = 60;

/// Threads that may wait for the disk at the same time.
const DISK_THREADS: usize = 32;

/// How to serve.
pub struct Serve {
    /// Where; port 0 is any free one.
    pub listen: SocketAddr,
    /// Folder of uploads and results.
    pub dir: PathBuf,
    /// Calls scanned at the same time.
    pub jobs: usize,
    /// Most calls that wait.
    pub queue: u32,
    /// Most calls of one tenant that wait; none: as many as of all.
    pub queue_per_tenant: Option<u32>,
    /// File of hashed keys; none: only this machine may ask.
    pub keys: Option<PathBuf>,
    /// Addresses below which recordings may be fetched.
    pub allow_uri: Vec<String>,
    /// Also from this machine and its own network.
    pub allow_private: bool,
    /// Tells hosts of this machine and its own network that a call has ended, too.
    pub webhook_private: bool,
    /// File of the secret that signs webhooks; none: `webhook.key` in the folder.
    pub webhook_key: Option<PathBuf>,
    /// Certificate with its chain, and private key, both PEM files; none: no TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Requests a minute for each client; 0: as many as they like.
    pub rate: u32,
    /// Live interviews at the same time; 0: none.
    pub live: usize,
    /// UDP port that their media come to; none: the number of the port that is listened on.
    pub live_port: Option<u16>,
    /// Address that publishers send media to; none: the one that is listened on.
    pub live_address: Option<IpAddr>,
    /// How long a live interview may last.
    pub live_max: Duration,
    /// What signs evidence bundles; none: the user's own key.
    pub evidence_key: Option<PathBuf>,
    /// How to analyse.
    pub config: Config,
    /// This program.
    pub program: PathBuf,
}

/// Serves until SIGINT or SIGTERM; `ready` is told the address once requests are answered. Calls that are being scanned
/// then wait for the next start.
pub fn serve(serve: &Serve, ready: &mut dyn FnMut(SocketAddr)) -> Result<(), Error> {
    let keys = match &serve.keys {
        Some(path) => Keys::load(path)?,
        None if serve.listen.ip().is_loopback() => Keys::default(),
        None => return Err(ServiceError::Open(serve.listen).into()),
    };
    let tls = serve.tls.as_ref().map(|(cert, key)| listen::tls(cert, key)).transpose()?;
    if tls.is_none() && !serve.listen.ip().is_loopback() {
        tracing::warn!("keys and recordings go over the network in the clear: give --tls-cert and --tls-key");
    }
    let app = Arc::new(build(serve, keys)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(DISK_THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(ServiceError::from)?;
    let served = runtime.block_on(run(&app, serve.listen, tls, ready));
    runtime.shutdown_timeout(GRACE);
    served
}

fn build(serve: &Serve, keys: Keys) -> Result<App, Error> {
    let allowed = Allowed::new(&serve.allow_uri, serve.allow_private)?;
    let analysis = analysis_key(&serve.config, Redact::None)?;
    let evidence_key = serve.evidence_key.clone().map_or_else(SecretKey::default_path, Ok)?;
    // A key that does not do is known before the first call, not after it.
    SecretKey::open(&evidence_key)?;
    let machine = |e: std::io::Error| Error::from(ServiceError::from(e));
    let writer = Store::open(&serve.dir)?;
    std::fs::create_dir_all(serve.dir.join(UPLOADS)).map_err(machine)?;
    let dir = std::fs::canonicalize(&serve.dir).map_err(machine)?;
    remove_orphans(&writer, &dir.join(UPLOADS))?;
    // Each network gives its known answer here, or the service does not start.
    let health = Probe::load(&serve.config)?;
    let reader = Store::read(&dir)?;
    let shared = !keys.is_empty();
    Ok(App {
        dir,
        config: serve.config.clone(),
        analysis,
        program: serve.program.clone(),
        keys,
        sessions: Sessions::new(serve.tls.is_some()),
        rates: Rates::new(serve.rate),
        attempts: Rates::new(ATTEMPTS),
        audit: Audit::open(&serve.dir).map_err(machine)?,
        webhooks: webhooks(serve)?,
        evidence_key,
        allowed,
        queue: Queue { all: i64::from(serve.queue), tenant: i64::from(serve.queue_per_tenant.unwrap_or(serve.queue)) },
        loopback: serve.listen.ip().is_loopback(),
        live: open_live(serve)?,
        jobs: Jobs::new(serve.jobs),
        counted: app::Counted::default(),
        changed: watch::Sender::new(0),
        uploads: Places::new(UPLOADS_AT_ONCE, shared),
        waiters: Places::new(WAITERS_AT_ONCE, shared),
        deletions: Semaphore::new(DELETIONS_AT_ONCE),
        stop: Cancel::default(),
        health,
        writer: Mutex::new(writer),
        reader: Mutex::new(reader),
    })
}

fn open_live(serve: &Serve) -> Result<Option<Live>, ServiceError> {
    if serve.live == 0 {
        return Ok(None);
    }
    let mut address = serve.listen;
    address.set_port(serve.live_port.unwrap_or(address.port()));
    let desk = Desk::open(address, serve.live_address, serve.live_max);
    let desk = desk.map_err(|source| ServiceError::Media { address, source })?;
    tracing::info!(announced = %desk.announced(), "live interviews send their media by UDP");
    Ok(Some(Live::new(desk, serve.live)))
}

fn webhooks(serve: &Serve) -> Result<Webhooks, ServiceError> {
    let key = serve.webhook_key.clone().unwrap_or_else(|| serve.dir.join("webhook.key"));
    Webhooks::open(&key, serve.webhook_private)
}

/// What a tenant checks the signatures of webhooks with; the empty name is nobody's in particular.
pub fn webhook_secret(dir: &Path, key: Option<&Path>, tenant: &str) -> Result<String, Error> {
    let key = key.map_or_else(|| dir.join("webhook.key"), Path::to_owned);
    Ok(Webhooks::open(&key, false)?.secret(tenant))
}

/// Uploads that never became a call.
fn remove_orphans(store: &Store, uploads: &Path) -> Result<(), Error> {
    let entries = std::fs::read_dir(uploads).map_err(ServiceError::from)?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if store.target(&name)?.is_none() {
            // One that stays takes space, and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

async fn run(
    app: &Arc<App>,
    listen: SocketAddr,
    tls: Option<TlsAcceptor>,
    ready: &mut dyn FnMut(SocketAddr),
) -> Result<(), Error> {
    let failed = |source| ServiceError::Bind { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServiceError::from)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServiceError::from)?;
    let workers = jobs::start(app).map_err(ServiceError::from)?;
    let tellers = webhooks::start(app).map_err(ServiceError::from)?;
    let (ending, ended) = watch::channel(false);
    let router = routes::router(app.clone());
    let server = tokio::spawn(listen::serve(listener, tls, router, ended));
    ready(address);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("unmask: stopping; calls that are being scanned wait for the next start");
    app.stop.cancel();
    app.jobs.kill();
    app.tell();
    ending.send_replace(true);
    // Until all are answered, and sockets closed; those who take longer are cut off.
    let quiet = async { (server.await, app.waiters.close().await) };
    let _ = tokio::time::timeout(GRACE, quiet).await.map(drop);
    let sessions = app.live.as_ref().map(Live::end).unwrap_or_default();
    let grace = if sessions.is_empty() { GRACE } else { REPORTS };
    let threads = workers.into_iter().chain(tellers).chain(sessions);
    let joined = tokio::task::spawn_blocking(move || threads.for_each(|thread| drop(thread.join())));
    // A worker that is stuck leaves its call running, and the next start lets it wait.
    let _ = tokio::time::timeout(grace, joined).await;
    Ok(())
}
