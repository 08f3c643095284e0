//! What all requests share. In: options. Out: the store behind two locks, keys, limits, and news of changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use super::audit::{Audit, is_id};
use super::auth::Keys;
use super::dto::CallBody;
use super::health::Probe;
use super::jobs::Jobs;
use super::live::Live;
use super::places::Places;
use super::problem::Problem;
use super::rates::Rates;
use super::sessions::Sessions;
use super::uris::Allowed;
use super::webhooks::Webhooks;
use crate::config::Config;
use crate::media::Cancel;
use crate::store::{Queue, Store, StoreError};

/// Uploads that are received at the same time; each holds a block of the body and an open file.
pub const UPLOADS_AT_ONCE: usize = 16;

/// Clients that wait for events or an end at the same time; each holds a few kB.
pub const WAITERS_AT_ONCE: usize = 256;

/// Calls whose files are hashed, to be deleted, at the same time.
pub const DELETIONS_AT_ONCE: usize = 2;

/// What all requests share.
pub struct App {
    /// Folder of uploads and results; absolute.
    pub dir: PathBuf,
    /// How to analyse.
    pub config: Config,
    /// Hash of how to analyse.
    pub analysis: String,
    /// This program.
    pub program: PathBuf,
    /// Who may do what.
    pub keys: Keys,
    /// Browsers that have signed in.
    pub sessions: Sessions,
    /// How often each client may ask.
    pub rates: Rates,
    /// How often each address may show a key that is none.
    pub attempts: Rates,
    /// Who did what.
    pub audit: Audit,
    /// Who is told when a call has ended.
    pub webhooks: Webhooks,
    /// What signs evidence bundles.
    pub evidence_key: PathBuf,
    /// What may be fetched.
    pub allowed: Allowed,
    /// Most calls that wait.
    pub queue: Queue,
    /// Only this machine can reach it.
    pub loopback: bool,
    /// Those who publish; none: nobody may.
    pub live: Option<Live>,
    /// Workers and what they do.
    pub jobs: Jobs,
    /// What was counted.
    pub counted: Counted,
    /// Counts changes of any call.
    pub changed: watch::Sender<u64>,
    /// Free places for uploads.
    pub uploads: Places,
    /// Free places for those who wait.
    pub waiters: Places,
    /// Free places for deletions.
    pub deletions: Semaphore,
    /// Asks for the end.
    pub stop: Cancel,
    /// Whether calls can be scanned.
    pub health: Probe,
    /// Changes; locked for writes to the disk.
    pub writer: Mutex<Store>,
    /// Looks, without waiting for the disk.
    pub reader: Mutex<Store>,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counted {
    /// Scans that ended well.
    pub done: AtomicU64,
    /// Calls that could not be scanned.
    pub failed: AtomicU64,
    /// Scans that were interrupted, or that the machine kept from ending.
    pub interrupted: AtomicU64,
    /// Time that scans took.
    pub scan_ms: AtomicU64,
    /// Time that calls waited for their turn, in seconds.
    pub waited_s: AtomicU64,
    /// What the scans cost.
    pub costs: Mutex<Costs>,
    /// Answers by first digit of their status, from 1.
    pub answers: [AtomicU64; 5],
}

/// Sums over all scans since the start.
#[derive(Debug, Default)]
pub struct Costs {
    /// Frames that were analysed.
    pub frames: u64,
    /// Frames that were dropped because the analysis could not follow.
    pub dropped: u64,
    /// Processor seconds inside each network, by its id.
    pub networks: BTreeMap<String, f64>,
    /// Pieces of live media that came faster than they were passed on.
    pub lost: u64,
    /// How far the last live interview was behind, 95th percentile, milliseconds.
    pub delay_ms: Option<f64>,
}

/// A lock that a panic elsewhere does not close.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// Something about a call has changed.
    pub fn tell(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Looks into the store.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        in_thread(move || look(&lock(&app.reader))).await?.map_err(Problem::from)
    }

    /// Changes the store; when this is back, the change lies on the disk.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        in_thread(move || change(&mut lock(&app.writer))).await
    }

    /// The call as it is now; there is none for whoever is of another tenant.
    pub async fn call(self: &Arc<Self>, id: &str, tenant: &str) -> Result<CallBody, Problem> {
        let missing = || Problem::not_found("there is no such call");
        if !is_id(id) {
            return Err(missing());
        }
        let (name, tenant) = (id.to_owned(), tenant.to_owned());
        let call = self.read(move |store| store.accepted(&name, &tenant)).await?.ok_or_else(missing)?;
        let reach = self.jobs.reach(id);
        Ok(CallBody::of(call, reach))
    }
}

/// Runs what may block.
pub async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|_| Problem::bug())
}
