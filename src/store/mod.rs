//! What a folder of results knows of its calls. In: calls as they are begun and ended. Out: the same calls after Ctrl-C,
//! kill -9 or a power cut, in `unmask.db`; receipts of what was deleted.
//!
//! SQLite with a write-ahead log and `synchronous=FULL`: what was said to be done is done. A call is marked done only
//! after its files lie on the disk. One process at a time changes a folder; `.unmask.lock` sees to that and is let go
//! by the system however the process ends.

mod accepted;
mod delete;
mod error;
mod hooks;
mod prints;
mod row;
pub(crate) mod utc;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

pub use accepted::{Answer, Ask, CallPage, Queue, StateCounts, UPLOADS, Which};
pub use delete::{DeletedCall, DeletedFile, Receipt, hash_files};
pub use error::StoreError;
pub use hooks::Hook;
pub use row::{Progress, StoredCall};

use crate::report::ReportKind;
use crate::report::index::CallFinding;
use row::COLUMNS;

/// Of the tables below.
const LAYOUT: i64 = 2;

const TABLES: &str = "
CREATE TABLE calls(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    source_id TEXT NOT NULL UNIQUE,
    input TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    sha256 TEXT,
    bytes INTEGER,
    analysis TEXT,
    error TEXT,
    finding TEXT,
    reports TEXT NOT NULL DEFAULT '',
    files TEXT NOT NULL DEFAULT '[]',
    attempts INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER
);
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE deletions(
    id INTEGER PRIMARY KEY,
    utc INTEGER NOT NULL,
    reason TEXT NOT NULL,
    calls INTEGER NOT NULL,
    files INTEGER NOT NULL,
    receipt_sha256 TEXT NOT NULL
);
";

/// Layout 1 sealed faces alone: its prints go, and are made anew when their calls are linked again.
const PRINTS: &str = "
DROP TABLE IF EXISTS prints;
CREATE TABLE prints(
    name TEXT PRIMARY KEY,
    candidate TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    consent TEXT NOT NULL,
    given INTEGER NOT NULL
);
";

/// What follows a call's name while a file is being written.
const PARTS: [&str; 2] = [".jsonl.part", ".overlay.webm.part"];

/// What is written on people across calls.
pub const LINK_PAGES: [&str; 2] = ["links.html", "links.json"];

/// Pages over many calls: no call is named so.
const RESERVED: [&str; 2] = ["index", "links"];

/// How long a reader waits for a writer.
const BUSY: Duration = Duration::from_secs(5);

/// The store of a folder.
pub struct Store {
    db: Connection,
    dir: PathBuf,
    _lock: Option<File>,
}

/// What was seen of a recording when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// SHA-256, hex; absent for addresses.
    pub sha256: Option<String>,
    /// Size; absent for addresses.
    pub bytes: Option<u64>,
}

/// What a scan has written.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// What was asked for beside the records.
    pub reports: &'a [ReportKind],
    /// Names of all files.
    pub files: &'a [String],
}

impl Store {
    /// Opens the store of a folder to change it; makes both if they are not there. What an earlier process left
    /// half-done waits again.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::File { path: dir.to_owned(), source };
        if dir.exists() && !dir.is_dir() {
            return Err(StoreError::NotAFolder { path: dir.to_owned() });
        }
        std::fs::create_dir_all(dir).map_err(failed)?;
        Self::locked(dir)
    }

    /// Opens a store that is there, to change it.
    pub fn open_existing(dir: &Path) -> Result<Self, StoreError> {
        if !dir.join("unmask.db").is_file() {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        Self::locked(dir)
    }

    /// Opens a store that is there, to look at it, also while another process changes it.
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        if !dir.join("unmask.db").is_file() {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        let store = Self { db: connect(dir)?, dir: dir.to_owned(), _lock: None };
        store.check_layout()?;
        Ok(store)
    }

    fn locked(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(".unmask.lock");
        let failed = |source| StoreError::File { path: path.clone(), source };
        let lock = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let store = Self { db: connect(dir)?, dir: dir.to_owned(), _lock: Some(lock) };
        let found = store.check_layout()?;
        if found < LAYOUT {
            let tables = if found == 0 { TABLES } else { "" };
            let change = format!("BEGIN; {tables} {PRINTS} PRAGMA user_version = {LAYOUT}; COMMIT;");
            store.db.execute_batch(&change).map_err(|e| store.failed(&e))?;
        }
        store.db.execute_batch(accepted::TABLE).map_err(|e| store.failed(&e))?;
        store.add_columns("accepted", &accepted::LATER).map_err(|e| store.failed(&e))?;
        store.forget_half_done()?;
        Ok(store)
    }

    /// Adds the columns that a table of an earlier version has not.
    fn add_columns(&self, table: &str, columns: &[(&str, &str)]) -> rusqlite::Result<()> {
        let mut query = self.db.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let known = query.query_map([table], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        for (name, kind) in columns.iter().filter(|(name, _)| !known.iter().any(|k| k == name)) {
            self.db.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {name} {kind};"))?;
        }
        Ok(())
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::Database { dir: self.dir.clone(), reason: error.to_string() }
    }

    fn check_layout(&self) -> Result<i64, StoreError> {
        let found = self.db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|e| self.failed(&e))?;
        if found > LAYOUT {
            return Err(StoreError::Newer { dir: self.dir.clone(), found, known: LAYOUT });
        }
        Ok(found)
    }

    fn change(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.db.execute(sql, values).map_err(|e| self.failed(&e))
    }

    /// Calls that were being scanned wait again, and files that were being written are removed.
    fn forget_half_done(&self) -> Result<(), StoreError> {
        for call in self.calls()? {
            if call.state == Progress::Running {
                self.remove_parts(&call.name);
            }
        }
        let failed = |source| StoreError::File { path: self.dir.clone(), source };
        for entry in std::fs::read_dir(&self.dir).map_err(failed)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(".unmask-") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        self.change("UPDATE calls SET state = 'waiting' WHERE state = 'running'", [])?;
        Ok(())
    }

    /// Removes what a scan of that call has left half-written.
    pub fn remove_parts(&self, name: &str) {
        for ending in PARTS {
            // Mostly there is none; one that stays is overwritten.
            let _ = std::fs::remove_file(self.dir.join(format!("{name}{ending}")));
        }
    }

    /// Every call, by name.
    pub fn calls(&self) -> Result<Vec<StoredCall>, StoreError> {
        let read = || -> rusqlite::Result<Vec<StoredCall>> {
            let mut query = self.db.prepare_cached(&format!("SELECT {COLUMNS} FROM calls ORDER BY name"))?;
            let rows = query.query_map([], StoredCall::read)?;
            rows.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    fn one(&self, column: &str, value: &str) -> Result<Option<StoredCall>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM calls WHERE {column} = ?1");
        self.db.query_row(&sql, [value], StoredCall::read).optional().map_err(|e| self.failed(&e))
    }

    /// The call of that name.
    pub fn call(&self, name: &str) -> Result<StoredCall, StoreError> {
        let missing = || StoreError::NoCall { dir: self.dir.clone(), name: name.to_owned() };
        self.one("name", name)?.ok_or_else(missing)
    }

    /// The call of that source; one that is new gets `stem`, or `stem` with the first free number behind it, as its
    /// name for good.
    pub fn admit(&self, source_id: &str, input: &str, stem: &str) -> Result<StoredCall, StoreError> {
        if let Some(call) = self.one("source_id", source_id)? {
            return Ok(call);
        }
        let stem = file_stem(stem);
        let mut name = stem.clone();
        for n in 2.. {
            let reserved = RESERVED.iter().any(|page| name.eq_ignore_ascii_case(page));
            if !reserved && self.one("name", &name)?.is_none() {
                break;
            }
            name = format!("{stem}-{n}");
        }
        let sql = "INSERT INTO calls(name, source_id, input, added) VALUES(?1, ?2, ?3, ?4)";
        self.change(sql, params![name, source_id, input, utc::now()])?;
        self.call(&name)
    }

    /// A scan begins.
    pub fn begin(&self, name: &str) -> Result<(), StoreError> {
        let sql = "UPDATE calls SET state = 'running', attempts = attempts + 1, started = ?2, finished = NULL, \
                   error = NULL WHERE name = ?1";
        self.change(sql, params![name, utc::now()]).map(drop)
    }

    /// A scan was interrupted.
    pub fn interrupted(&self, name: &str) -> Result<(), StoreError> {
        self.change("UPDATE calls SET state = 'waiting' WHERE name = ?1", [name]).map(drop)
    }

    /// A scan has ended well, and its files lie on the disk.
    pub fn done(
        &self,
        name: &str,
        of: &Fingerprint,
        analysis: &str,
        finding: &CallFinding,
        made: &Made<'_>,
    ) -> Result<(), StoreError> {
        let json = |e: serde_json::Error| StoreError::Database { dir: self.dir.clone(), reason: e.to_string() };
        let text = serde_json::to_string(finding).map_err(json)?;
        let files = serde_json::to_string(made.files).map_err(json)?;
        let sql = "UPDATE calls SET state = 'done', error = NULL, finding = ?2, sha256 = ?3, bytes = ?4, \
                   analysis = ?5, reports = ?6, files = ?7, finished = ?8 WHERE name = ?1";
        // A print of what the recording was before is none of this call.
        let stale = "DELETE FROM prints WHERE name = ?1 AND (SELECT sha256 FROM calls WHERE name = ?1) IS NOT ?2";
        self.change(stale, params![name, of.sha256])?;
        let bytes = of.bytes.and_then(|b| i64::try_from(b).ok());
        let reports: Vec<String> = made.reports.iter().map(|kind| kind.name()).collect();
        let reports = reports.join(",");
        self.change(sql, params![name, text, of.sha256, bytes, analysis, reports, files, utc::now()]).map(drop)
    }

    /// A scan has failed.
    pub fn failed_with(&self, name: &str, error: &str) -> Result<(), StoreError> {
        let sql = "UPDATE calls SET state = 'failed', error = ?2, finding = NULL, finished = ?3 WHERE name = ?1";
        self.change(sql, params![name, error, utc::now()]).map(drop)
    }

    /// Keeps for how many days calls may be kept; [`Store::collect`] enforces it.
    pub fn set_keep_days(&self, days: u32) -> Result<(), StoreError> {
        let sql = "INSERT INTO settings VALUES('keep_days', ?1) ON CONFLICT(key) DO UPDATE SET value = ?1";
        self.change(sql, [days.to_string()]).map(drop)
    }

    /// For how many days calls may be kept, if that was said.
    pub fn keep_days(&self) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT value FROM settings WHERE key = 'keep_days'";
        let text: Option<String> =
            self.db.query_row(sql, [], |row| row.get(0)).optional().map_err(|e| self.failed(&e))?;
        Ok(text.and_then(|t| t.parse().ok()))
    }
}

fn connect(dir: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(dir.join("unmask.db"), flags)?;
        db.busy_timeout(BUSY)?;
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")?;
        Ok(db)
    };
    open().map_err(|e: rusqlite::Error| StoreError::Database { dir: dir.to_owned(), reason: e.to_string() })
}

/// A stem that is a good file name everywhere: visible, one line, with room for endings.
fn file_stem(stem: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c };
    let mut name: String = stem.trim_start_matches('.').chars().map(plain).collect();
    while name.len() > 200 {
        name.pop();
    }
    if name.is_empty() { "recording".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finding() -> CallFinding {
        CallFinding::of(&crate::report::test_records::call(4.0))
    }

    #[test]
    fn names_are_stable_and_never_shared() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let name = |id: &str, stem: &str| store.admit(id, "x", stem).unwrap().name;
        assert_eq!([name("1", "call"), name("2", "call"), name("3", "Call")], ["call", "call-2", "Call-3"]);
        assert_eq!([name("2", "other"), name("4", "index"), name("5", "..")], ["call-2", "index-2", "recording"]);
        assert_eq!(name("6", "Links"), "Links-2", "links.html is the page of linked calls");
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.admit("3", "x", "call").unwrap().name, "Call-3");
    }

    #[test]
    fn what_was_done_stays_done_and_what_was_not_waits() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (id, name) in [("1", "a"), ("2", "b"), ("3", "c")] {
            store.admit(id, name, name).unwrap();
            store.begin(name).unwrap();
        }
        let of = Fingerprint { sha256: Some("00".into()), bytes: Some(7) };
        let files = ["a.jsonl".to_owned(), "a.csv".to_owned()];
        store.done("a", &of, "key", &finding(), &Made { reports: &[ReportKind::Csv], files: &files }).unwrap();
        store.failed_with("b", "b: is empty").unwrap();
        std::fs::write(dir.path().join("c.jsonl.part"), "x").unwrap();
        std::fs::write(dir.path().join(".unmask-x"), "x").unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let states: Vec<Progress> = store.calls().unwrap().iter().map(|c| c.state).collect();
        assert_eq!(states, [Progress::Done, Progress::Failed, Progress::Waiting]);
        let a = store.call("a").unwrap();
        assert_eq!((a.finding.as_ref(), a.report_kinds()), (Some(&finding()), vec![ReportKind::Csv]));
        assert_eq!(a.files, files);
        assert!(!dir.path().join("c.jsonl.part").exists() && !dir.path().join(".unmask-x").exists());
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let locked = Store::open(dir.path()).err().unwrap();
        assert!(locked.to_string().contains("another unmask"), "{locked}");
        assert!(Store::read(dir.path()).is_ok(), "looking is always possible");
        drop(store);
        assert!(Store::open(dir.path()).is_ok());
        assert!(matches!(Store::read(&dir.path().join("no")), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path()).unwrap().db.execute_batch("PRAGMA user_version = 9").unwrap();
        assert!(Store::open(dir.path()).err().unwrap().to_string().contains("update unmask"));
    }

    proptest! {
        #[test]
        fn any_stem_is_a_file_name(stem in "\\PC{0,300}|[./\\\\\n]{0,9}") {
            let name = file_stem(&stem);
            prop_assert!(!name.is_empty() && name.len() <= 200 && !name.starts_with('.'));
            prop_assert!(!name.contains(['/', '\\', '\n', '\0']));
        }
    }
}
