//! Many calls. In: what to scan, a folder. Out: files, an index that is rewritten as calls end, and a tally. Finished
//! calls are kept whatever ends the run; what is unchanged is not scanned again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::child::{Slot, scan_in_child};
use super::list::Listed;
use super::notice::{Notice, Tally};
use super::share::{Share, part};
use super::worker::{Found, Job, Said, perform};
use super::{BatchError, analysis_key, write_index, write_links};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::link::Vault;
use crate::media::{Cancel, Input, sha256_of};
use crate::report::Redact;
use crate::report::ReportKind;
use crate::store::{Fingerprint, Made, Progress, Store, StoreError};

/// News that wait for the caller's thread; each is small, a finding some kB.
const NEWS: usize = 64;

/// How long the caller's thread sleeps at most before it looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often the index is rewritten.
const INDEX_EVERY: Duration = Duration::from_secs(3);

/// How to scan many calls.
pub struct Batch<'a> {
    /// The folder of the results; made if it is not there.
    pub dir: &'a Path,
    /// What to make beside the records.
    pub reports: &'a [ReportKind],
    /// Whose face is made unrecognisable in pictures.
    pub redact: Redact,
    /// What signs evidence bundles; none: the user's own key.
    pub key: Option<&'a Path>,
    /// Keep prints of faces and voices and compare them; none: no print is ever made.
    pub link: Option<Linking<'a>>,
    /// Calls scanned at the same time.
    pub jobs: usize,
    /// Scan also what is unchanged.
    pub again: bool,
    /// For how many days calls may be kept; none: as before.
    pub keep_days: Option<u32>,
    /// How to analyse.
    pub config: &'a Config,
    /// This program.
    pub program: PathBuf,
    /// Asks for an early end; calls that are being scanned then wait for the next run.
    pub cancel: &'a Cancel,
}

/// Consent to compare candidates' faces, and what seals them.
#[derive(Debug, Clone, Copy)]
pub struct Linking<'a> {
    /// Who consented to what, in words; kept with each print.
    pub consent: &'a str,
    /// Key file.
    pub key: &'a Path,
}

/// Scans every call. An error is one that stops all of them; a call's own is in the tally and in the index.
pub fn scan_all(listed: Vec<Listed>, batch: &Batch<'_>, notice: &mut dyn FnMut(Notice<'_>)) -> Result<Tally, Error> {
    if listed.len() > 1 && listed.iter().any(|one| matches!(one.input, Ok(Input::Stdin))) {
        return Err(BatchError::StdinAmongOthers.into());
    }
    let key = analysis_key(batch.config, batch.redact)?;
    if let Some(link) = &batch.link {
        // A key that does not do is known before the first call, not after it.
        Vault::open(link.key)?;
    }
    let store = Store::open(batch.dir)?;
    if let Some(days) = batch.keep_days {
        store.set_keep_days(days)?;
    }
    let planned = listed.into_iter().map(|one| plan(one, &store, &key, batch)).collect::<Result<Vec<_>, _>>()?;
    write_index(&store)?;
    let stop = Cancel::default();
    let mut books = Books::new(store, &planned, key, batch, notice);
    supervise(&planned, batch, &stop, &mut books);
    write_index(&books.store)?;
    if let Some(link) = &batch.link {
        write_links(&books.store, link.key, batch)?;
    }
    match books.fatal {
        Some(error) => Err(error),
        None => Ok(books.tally()),
    }
}

/// One call, and what was known of it before.
struct Planned {
    listed: Listed,
    name: String,
    reports: Vec<ReportKind>,
    before: Before,
}

enum Before {
    /// It is to be scanned.
    Nothing,
    /// It was scanned when its content had this hash.
    Hash(String),
    /// It was scanned; addresses have no hash, and count as unchanged.
    Address,
}

fn plan(listed: Listed, store: &Store, key: &str, batch: &Batch<'_>) -> Result<Planned, StoreError> {
    let stem = listed.input.as_ref().map_or_else(|_| "recording".into(), Input::stem);
    let call = store.admit(&listed.source_id(), &listed.shown(), &stem)?;
    // Reports made before are made again: none stays behind that tells of an earlier scan.
    let mut reports = [batch.reports, &call.report_kinds()].concat();
    reports.sort_unstable();
    reports.dedup();
    let made = batch.reports.iter().all(|kind| call.report_kinds().contains(kind));
    let there = call.files.iter().all(|file| batch.dir.join(file).exists());
    let printed = batch.link.is_none() || store.has_print(&call.name)?;
    let same = call.state == Progress::Done && call.analysis.as_deref() == Some(key) && made && there && printed;
    let before = match (&listed.input, call.sha256) {
        (Ok(Input::File(_)), Some(sha256)) if same && !batch.again => Before::Hash(sha256),
        (Ok(Input::Uri(_)), _) if same && !batch.again => Before::Address,
        _ => Before::Nothing,
    };
    Ok(Planned { listed, name: call.name, reports, before })
}

/// News of a call.
enum News {
    Begun,
    Said(Said),
    Ended(Ended),
}

enum Ended {
    Done(Found),
    Unchanged,
    Interrupted,
    Failed(BatchError),
}

/// Runs `jobs` supervising threads and keeps the books until all have ended.
fn supervise(planned: &[Planned], batch: &Batch<'_>, stop: &Cancel, books: &mut Books<'_>) {
    let jobs = batch.jobs.clamp(1, planned.len().max(1));
    let slots: Vec<Slot> = (0..jobs).map(|_| Slot::default()).collect();
    let next = AtomicUsize::new(0);
    let (sender, news) = bounded(NEWS);
    std::thread::scope(|scope| {
        for (n, slot) in slots.iter().enumerate() {
            let (sender, next) = (sender.clone(), &next);
            let thread = std::thread::Builder::new().name(format!("call-{n}"));
            let started = thread.spawn_scoped(scope, move || take_turns(planned, next, batch, slot, stop, &sender));
            if let Err(source) = started {
                books.fatal = Some(BatchError::Spawn { source }.into());
                break;
            }
        }
        drop(sender);
        keep_books(&news, &slots, batch, stop, books);
    });
}

fn keep_books(news: &Receiver<(usize, News)>, slots: &[Slot], batch: &Batch<'_>, stop: &Cancel, books: &mut Books<'_>) {
    loop {
        let result = match news.recv_timeout(LOOK_EVERY) {
            Ok((i, news)) => books.enter(i, news),
            Err(RecvTimeoutError::Timeout) => books.index_in_time(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(error) = result {
            books.fatal.get_or_insert(error);
        }
        if batch.cancel.is_cancelled() || books.fatal.is_some() {
            stop.cancel();
            slots.iter().for_each(Slot::kill);
        }
    }
}

/// Takes the next call until there is none.
fn take_turns(
    planned: &[Planned],
    next: &AtomicUsize,
    batch: &Batch<'_>,
    slot: &Slot,
    stop: &Cancel,
    out: &Sender<(usize, News)>,
) {
    while !stop.is_cancelled() {
        let i = next.fetch_add(1, Ordering::Relaxed);
        let Some(call) = planned.get(i) else { return };
        // The caller's thread listens until this one has ended.
        let mut tell = |news| drop(out.send((i, news)));
        let ended = scan(call, batch, slot, stop, &mut tell);
        tell(News::Ended(ended));
    }
}

fn scan(call: &Planned, batch: &Batch<'_>, slot: &Slot, stop: &Cancel, tell: &mut dyn FnMut(News)) -> Ended {
    let input = match &call.listed.input {
        Ok(input) => input,
        Err(e) => {
            let (message, kind) = (e.to_string(), e.kind());
            return Ended::Failed(BatchError::Call { message, kind, stops_all: false });
        }
    };
    match (&call.before, input) {
        (Before::Address, _) => return Ended::Unchanged,
        (Before::Hash(before), Input::File(path)) if path.is_file() => match sha256_of(path, stop) {
            _ if stop.is_cancelled() => return Ended::Interrupted,
            Ok(now) if now == *before => return Ended::Unchanged,
            // One that cannot be read now is reported by its scan.
            _ => {}
        },
        _ => {}
    }
    let job = Job {
        input: call.listed.text.clone(),
        dir: batch.dir.to_owned(),
        name: call.name.clone(),
        reports: call.reports.clone(),
        redact: batch.redact,
        key: batch.key.map(Path::to_owned),
        posted: None,
        live: false,
        link: batch.link.map(|link| link.key.to_owned()),
        config: batch.config.clone(),
        places: batch.config.runtime.places(),
    };
    tell(News::Begun);
    let mut say = |said| tell(News::Said(said));
    let scanned = match input {
        Input::Stdin => scan_here(&job, stop, &mut say),
        _ => scan_in_child(&batch.program, &job, slot, stop, None, &mut say),
    };
    match scanned {
        Ok(Some(found)) => Ended::Done(found),
        Ok(None) => Ended::Interrupted,
        Err(error) => Ended::Failed(error),
    }
}

/// Standard input is this process's own: no child could read it.
fn scan_here(job: &Job, stop: &Cancel, say: &mut dyn FnMut(Said)) -> Result<Option<Found>, BatchError> {
    let mut done = None;
    let scanned = perform(job, stop, &mut |said| match said {
        Said::Done { found } => done = Some(found),
        said => say(said),
    });
    let failed = |e: Error| BatchError::Call { message: e.to_string(), kind: e.kind(), stops_all: e.stops_all() };
    scanned.map(|()| done).map_err(failed)
}

/// What is known of every call, in memory and in the store.
struct Books<'a> {
    store: Store,
    planned: &'a [Planned],
    key: String,
    batch: &'a Batch<'a>,
    notice: &'a mut dyn FnMut(Notice<'_>),
    seen: Vec<Fingerprint>,
    shares: Vec<Share>,
    failures: Vec<(usize, ErrorKind)>,
    done: usize,
    skipped: usize,
    fatal: Option<Error>,
    indexed: Instant,
    stale: bool,
}

impl<'a> Books<'a> {
    fn new(
        store: Store,
        planned: &'a [Planned],
        key: String,
        batch: &'a Batch<'a>,
        notice: &'a mut dyn FnMut(Notice<'_>),
    ) -> Self {
        let (seen, shares) = (vec![Fingerprint::default(); planned.len()], vec![Share::default(); planned.len()]);
        let (indexed, failures) = (Instant::now(), Vec::new());
        let (done, skipped, fatal, stale) = (0, 0, None, false);
        Self { store, planned, key, batch, notice, seen, shares, failures, done, skipped, fatal, indexed, stale }
    }

    fn enter(&mut self, i: usize, news: News) -> Result<(), Error> {
        match news {
            News::Begun => self.store.begin(&self.planned[i].name)?,
            News::Said(said) => {
                if let Some(seen) = said.fingerprint() {
                    self.seen[i] = seen;
                }
                match said {
                    Said::Opened { duration_s, .. } => self.shares[i].length_s = duration_s,
                    Said::Reached { at_s } => self.shares[i].reached_s = at_s,
                    Said::Ready | Said::Told { .. } | Said::Done { .. } | Said::Failed { .. } => {}
                }
            }
            News::Ended(ended) => self.end(i, ended)?,
        }
        let ended = self.shares.iter().filter(|s| s.ended).count();
        (self.notice)(Notice::Progress { part: part(&self.shares), ended, of: self.shares.len() });
        self.index_in_time()
    }

    fn end(&mut self, i: usize, ended: Ended) -> Result<(), Error> {
        let call = &self.planned[i];
        self.shares[i].skipped = matches!(ended, Ended::Unchanged);
        self.shares[i].ended = true;
        self.stale = true;
        match ended {
            Ended::Done(Found { finding, print, .. }) => {
                let files = lasting_files(self.batch.dir, &call.name, &call.reports)?;
                let made = Made { reports: &call.reports, files: &files };
                self.store.done(&call.name, &self.seen[i], &self.key, &finding, &made)?;
                if let (Some(print), Some(link)) = (print, &self.batch.link) {
                    let candidate = call.listed.candidate.as_deref().unwrap_or(&call.name);
                    self.store.keep_print(&call.name, candidate, &print, link.consent)?;
                }
                self.done += 1;
            }
            Ended::Unchanged => {
                if let (Some(_), Some(candidate)) = (&self.batch.link, &call.listed.candidate) {
                    self.store.name_print(&call.name, candidate)?;
                }
                self.skipped += 1;
            }
            Ended::Interrupted => self.interrupted(i)?,
            Ended::Failed(error) if error.stops_all() => {
                self.store.interrupted(&call.name)?;
                return Err(error.into());
            }
            Ended::Failed(error) => {
                let message = error.to_string();
                (self.notice)(Notice::Failed { message: &message });
                self.store.failed_with(&call.name, &message)?;
                self.failures.push((i, error.kind()));
            }
        }
        Ok(())
    }

    /// What was being scanned waits for the next run; what was done before stays done.
    fn interrupted(&mut self, i: usize) -> Result<(), Error> {
        let name = &self.planned[i].name;
        self.shares[i].ended = false;
        if self.store.call(name)?.state == Progress::Running {
            self.store.interrupted(name)?;
            if self.batch.cancel.is_cancelled() {
                self.store.remove_parts(name);
            }
        }
        Ok(())
    }

    fn index_in_time(&mut self) -> Result<(), Error> {
        if self.stale && self.indexed.elapsed() >= INDEX_EVERY {
            write_index(&self.store)?;
            (self.indexed, self.stale) = (Instant::now(), false);
        }
        Ok(())
    }

    fn tally(&self) -> Tally {
        let first_failure = self.failures.iter().min_by_key(|f| f.0).map(|f| f.1);
        Tally { done: self.done, skipped: self.skipped, failed: self.failures.len(), first_failure }
    }
}

/// The files that a call has made, once they and their names would outlive a power cut. A recording without pictures
/// has no overlay.
pub(crate) fn lasting_files(dir: &Path, name: &str, reports: &[ReportKind]) -> Result<Vec<String>, StoreError> {
    let endings = std::iter::once(".jsonl").chain(reports.iter().map(|kind| kind.ending()));
    let mut files: Vec<String> = endings.map(|ending| format!("{name}{ending}")).collect();
    files.retain(|file| dir.join(file).exists());
    for path in files.iter().map(|file| dir.join(file)).chain([dir.to_owned()]) {
        let synced = std::fs::File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|source| StoreError::File { path, source })?;
    }
    Ok(files)
}
