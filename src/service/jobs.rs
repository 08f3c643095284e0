//! The workers. In: calls that wait in the store. Out: the same calls done or failed, each scanned by a child process of
//! its own, as in a batch. The store is the queue: what waits there outlives this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::app::{App, lock};
use super::fetch::fetch;
use super::problem::Problem;
use super::{live, traces};
use crate::batch::{BatchError, Cost, Found, Job, Posted, Said, Slot, lasting_files, scan_in_child};
use crate::error::Error;
use crate::report::{Redact, ReportKind};
use crate::store::{Fingerprint, Made, StoredCall, UPLOADS};

/// What is made of each call beside its records.
const REPORTS: [ReportKind; 2] = [ReportKind::Html, ReportKind::Evidence];

/// What stands above the page of a call, as seen from there.
const LINKS: [(&str, &str); 2] = [("Records", "records"), ("Evidence", "evidence")];

/// How long a worker sleeps at most when nothing waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it waits after something that every call would meet, such as a full disk.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// How far a scan is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reach {
    /// Declared length.
    pub length_s: Option<f64>,
    /// The analysis is there.
    pub reached_s: f64,
}

/// The workers' shared state.
pub struct Jobs {
    slots: Vec<Slot>,
    reach: Mutex<HashMap<String, Reach>>,
    woken: (Mutex<()>, Condvar),
}

impl Jobs {
    /// For so many calls at the same time.
    pub fn new(jobs: usize) -> Self {
        let slots = (0..jobs.max(1)).map(|_| Slot::default()).collect();
        Self { slots, reach: Mutex::default(), woken: Default::default() }
    }

    /// How far a call is that is being scanned.
    pub fn reach(&self, id: &str) -> Option<Reach> {
        lock(&self.reach).get(id).copied()
    }

    /// A call waits, or everybody is to stop.
    pub fn wake(&self) {
        self.woken.1.notify_all();
    }

    /// Ends what runs; it waits for the next start.
    pub fn kill(&self) {
        self.slots.iter().for_each(Slot::kill);
        self.wake();
    }

    fn sleep(&self, time: Duration) {
        drop(self.woken.1.wait_timeout(lock(&self.woken.0), time));
    }
}

/// Starts the workers.
pub fn start(app: &Arc<App>) -> std::io::Result<Vec<JoinHandle<()>>> {
    let spawn = |n| {
        let app = app.clone();
        std::thread::Builder::new().name(format!("call-{n}")).spawn(move || work(&app, n))
    };
    (0..app.jobs.slots.len()).map(spawn).collect()
}

fn work(app: &App, n: usize) {
    while !app.stop.is_cancelled() {
        let next = lock(&app.writer).begin_next();
        match next {
            Ok(Some((call, target))) => {
                app.tell();
                let waited = call.started.unwrap_or(0) - call.added.unwrap_or(0);
                app.counted.waited_s.fetch_add(waited.max(0).unsigned_abs(), Ordering::Relaxed);
                tracing::info!(call = call.name, attempts = call.attempts, "scan begins");
                run(app, &app.jobs.slots[n], &call, &target);
                app.tell();
            }
            Ok(None) => app.jobs.sleep(LOOK_EVERY),
            Err(error) => trouble(app, &error.into()),
        }
    }
}

/// Says what keeps every call from being scanned, and waits.
fn trouble(app: &App, error: &Error) {
    tracing::error!(%error, "no call can be scanned");
    app.health.trouble(Some(format!("{}: the service's log says more", error.kind().name())));
    let from = Instant::now();
    while from.elapsed() < AFTER_TROUBLE && !app.stop.is_cancelled() {
        app.jobs.sleep(LOOK_EVERY);
    }
}

fn run(app: &App, slot: &Slot, call: &StoredCall, target: &str) {
    let span = traces::scan(call);
    let _entered = span.enter();
    let (from, mut seen) = (Instant::now(), Fingerprint::default());
    let scanned = match target {
        live::TARGET => {
            lock(&app.writer).remove_results(&call.name);
            Err(Problem::not_found(live::LEFT))
        }
        target if target.starts_with(UPLOADS) => Ok(app.dir.join(target)),
        target => fetched(app, call, target),
    };
    let scanned = match scanned {
        Ok(input) => scan(app, slot, call, &input.display().to_string(), &mut seen),
        Err(_) if app.stop.is_cancelled() => Err(None),
        Err(refused) => Ok(Err(refused.detail().to_owned())),
    };
    let ended = scanned.unwrap_or_else(|error| {
        interrupted(app, call);
        if let Some(error) = error {
            trouble(app, &error.into());
        }
        Ok(None)
    });
    end(app, call, from, &ended, &seen);
}

/// A scan that began at `from` has ended: what it found is kept.
pub fn end(app: &App, call: &StoredCall, from: Instant, ended: &Ended, seen: &Fingerprint) {
    lock(&app.jobs.reach).remove(&call.name);
    let spent = u64::try_from(from.elapsed().as_millis()).unwrap_or(u64::MAX);
    app.counted.scan_ms.fetch_add(spent, Ordering::Relaxed);
    if !matches!(ended, Ok(Some(_))) {
        traces::failed(&tracing::Span::current());
    }
    tracing::info!(call = call.name, done = matches!(ended, Ok(Some(_))), ms = spent, "scan ends");
    // A full disk keeps no call from ending for good: once there is space, it ends as it did.
    while let Err(error) = keep(app, call, ended, seen) {
        trouble(app, &error);
        if app.stop.is_cancelled() {
            return;
        }
    }
}

/// Fetches what lies at an address; from then on it is as if it had been uploaded.
fn fetched(app: &App, call: &StoredCall, address: &str) -> Result<PathBuf, Problem> {
    let target = format!("{UPLOADS}{}", call.name);
    let path = app.dir.join(&target);
    fetch(app, address, &path)?;
    lock(&app.writer).fetched(&call.name, &target)?;
    Ok(path)
}

/// Done, nothing to keep, or failed with a message.
pub type Ended = Result<Option<Found>, String>;

/// An error is what interrupts: the end of the service, or something that every call would meet.
fn scan(
    app: &App,
    slot: &Slot,
    call: &StoredCall,
    input: &str,
    seen: &mut Fingerprint,
) -> Result<Ended, Option<BatchError>> {
    let job = job(app, call, input);
    let scanned = scan_in_child(&app.program, &job, slot, &app.stop, None, &mut |said| reached(app, call, &said, seen));
    match scanned {
        Ok(Some(found)) => Ok(Ok(Some(found))),
        Ok(None) => Err(None),
        Err(error) if error.stops_all() => Err(Some(error)),
        // The path of an upload says nothing to who has sent it.
        Err(error) => Ok(Err(error.to_string().replace(input, &call.input))),
    }
}

/// The scan of a call, in which `input` is opened.
pub fn job(app: &App, call: &StoredCall, input: &str) -> Job {
    let links = LINKS.map(|(word, to)| (word.to_owned(), to.to_owned())).to_vec();
    Job {
        input: input.to_owned(),
        dir: app.dir.clone(),
        name: call.name.clone(),
        reports: REPORTS.to_vec(),
        redact: Redact::None,
        key: Some(app.evidence_key.clone()),
        posted: Some(Posted { shown: call.input.clone(), links }),
        live: false,
        link: None,
        config: app.config.clone(),
        places: app.config.runtime.places(),
    }
}

/// Keeps how far a scan is, and what it has `seen` of the recording.
pub fn reached(app: &App, call: &StoredCall, said: &Said, seen: &mut Fingerprint) {
    if let Some(found) = said.fingerprint() {
        *seen = found;
    }
    {
        let mut all = lock(&app.jobs.reach);
        let reach = all.entry(call.name.clone()).or_default();
        match said {
            Said::Opened { duration_s, .. } => reach.length_s = *duration_s,
            Said::Reached { at_s } => reach.reached_s = *at_s,
            Said::Ready | Said::Told { .. } | Said::Done { .. } | Said::Failed { .. } => {}
        }
    }
    app.tell();
}

/// Adds what a scan has cost.
fn count(app: &App, cost: &Cost) {
    let mut sums = lock(&app.counted.costs);
    sums.frames += cost.frames;
    sums.dropped += cost.stats.frames_dropped;
    sums.delay_ms = cost.stats.live.as_ref().map(|live| live.delay_p95_ms).or(sums.delay_ms);
    for (id, seconds) in &cost.networks {
        *sums.networks.entry(id.clone()).or_default() += seconds;
    }
}

fn interrupted(app: &App, call: &StoredCall) {
    app.counted.interrupted.fetch_add(1, Ordering::Relaxed);
    let store = lock(&app.writer);
    store.remove_parts(&call.name);
    if let Err(error) = store.interrupted(&call.name) {
        // The next start finds it running, and lets it wait.
        tracing::error!(%error, call = call.name, "cannot keep that it was interrupted");
    }
}

fn keep(app: &App, call: &StoredCall, ended: &Ended, seen: &Fingerprint) -> Result<(), Error> {
    match ended {
        Ok(None) => return Ok(()),
        Ok(Some(found)) => {
            let files = lasting_files(&app.dir, &call.name, &REPORTS)?;
            let made = Made { reports: &REPORTS, files: &files };
            lock(&app.writer).done(&call.name, seen, &app.analysis, &found.finding, &made)?;
            app.counted.done.fetch_add(1, Ordering::Relaxed);
            count(app, &found.cost);
        }
        Err(message) => {
            lock(&app.writer).failed_with(&call.name, message)?;
            app.counted.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
    app.health.trouble(None);
    Ok(())
}
