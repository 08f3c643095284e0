//! Deleting. In: names, or an age. Out: files and rows gone, and a receipt; the store keeps only that something was
//! deleted, when, and the receipt's hash, so that a receipt can be proven and no person be found.

use std::fs::Metadata;
use std::path::Path;

use clap::ValueEnum;
use rusqlite::params;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{LINK_PAGES, PARTS, Store, StoreError, StoredCall, UPLOADS, utc};
use crate::infer::hex;
use crate::media::{Cancel, sha256_of};
use crate::report::ReportKind;

/// Proof of a deletion, for whoever asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Receipt {
    /// `unmask-receipt/1`.
    pub schema: &'static str,
    /// When.
    pub utc: String,
    /// Asked for by name, or too old.
    pub reason: &'static str,
    /// What.
    pub calls: Vec<DeletedCall>,
    /// Pages on faces across calls, which may have shown these; the next scan with `--link` writes them anew.
    pub pages: Vec<DeletedFile>,
}

/// A call that is gone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeletedCall {
    /// Its name.
    pub name: String,
    /// The recording as it was given; it is not touched, unless the service has kept an upload: that is among the
    /// files.
    pub input: String,
    /// Its files.
    pub files: Vec<DeletedFile>,
    /// True when a print of face and voice was kept of it, which is gone, too.
    pub print: bool,
}

/// A file that is gone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeletedFile {
    /// Below the folder.
    pub file: String,
    /// Of its content, hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

impl Store {
    /// Deletes these calls, or none if a name is unknown.
    pub fn delete(&mut self, names: &[String]) -> Result<Receipt, StoreError> {
        let calls = names.iter().map(|name| self.call(name)).collect::<Result<Vec<_>, _>>()?;
        self.remove(&calls, "asked for", &[])
    }

    /// Where a call's files are, or would be, below the folder.
    pub fn files_of(&self, name: &str) -> Result<Vec<String>, StoreError> {
        if Path::new(name).file_name() != Some(name.as_ref()) {
            let reason = format!("the name {name:?} in it leads elsewhere");
            return Err(StoreError::Database { dir: self.dir.clone(), reason });
        }
        let upload = self.target(name)?.filter(|target| *target == format!("{UPLOADS}{name}"));
        Ok(results_of(name).chain(upload).collect())
    }

    /// Deletes a call whose files were hashed before, by [`hash_files`]; what has changed since is hashed anew.
    pub fn delete_hashed(&mut self, name: &str, hashed: &[DeletedFile]) -> Result<Receipt, StoreError> {
        let call = self.call(name)?;
        self.remove(&[call], "asked for", hashed)
    }

    /// Removes what a scan may have left of a call of which nothing is kept.
    pub fn remove_results(&self, name: &str) {
        for file in results_of(name) {
            // What cannot be removed goes with the call.
            let _ = remove_file(&self.dir, &file, &[], &mut Vec::new());
        }
    }

    /// Deletes the calls that ended, or never began, more than `keep_days` days ago; without a number the one that
    /// [`Store::set_keep_days`] has kept.
    pub fn collect(&mut self, keep_days: Option<u32>) -> Result<Receipt, StoreError> {
        let days = match keep_days {
            Some(days) => days,
            None => self.keep_days()?.ok_or_else(|| StoreError::NoRetention { dir: self.dir.clone() })?,
        };
        let oldest = utc::now() - i64::from(days) * 86_400;
        let age = |call: &StoredCall| call.finished.or(call.started).or(call.added).unwrap_or(0);
        let old: Vec<StoredCall> = self.calls()?.into_iter().filter(|call| age(call) <= oldest).collect();
        self.remove(&old, "too old", &[])
    }

    /// Files first: when this is cut short, the rows are still there and it can be done again.
    fn remove(
        &mut self,
        calls: &[StoredCall],
        reason: &'static str,
        hashed: &[DeletedFile],
    ) -> Result<Receipt, StoreError> {
        let now = utc::now();
        let mut receipt =
            Receipt { schema: "unmask-receipt/1", utc: utc::text(now), reason, calls: vec![], pages: vec![] };
        for call in calls {
            let mut files = Vec::new();
            for file in self.files_of(&call.name)? {
                remove_file(&self.dir, &file, hashed, &mut files)?;
            }
            let (name, input, print) = (call.name.clone(), call.input.clone(), self.has_print(&call.name)?);
            receipt.calls.push(DeletedCall { name, input, files, print });
        }
        if receipt.calls.is_empty() {
            return Ok(receipt);
        }
        for page in LINK_PAGES {
            remove_file(&self.dir, page, &[], &mut receipt.pages)?;
        }
        self.forget(&receipt, now).map_err(|e| self.failed(&e))?;
        Ok(receipt)
    }

    /// Rows out, a record of the deletion in; nothing of the rows stays in the database's files.
    fn forget(&mut self, receipt: &Receipt, now: i64) -> rusqlite::Result<()> {
        let text = serde_json::to_string(receipt).unwrap_or_default();
        let files: usize = receipt.calls.iter().map(|c| c.files.len()).sum();
        let change = self.db.transaction()?;
        for call in &receipt.calls {
            change.execute("DELETE FROM calls WHERE name = ?1", [&call.name])?;
            change.execute("DELETE FROM accepted WHERE name = ?1", [&call.name])?;
            change.execute("DELETE FROM prints WHERE name = ?1", [&call.name])?;
        }
        let (calls, files) = (receipt.calls.len() as i64, files as i64);
        change.execute(
            "INSERT INTO deletions(utc, reason, calls, files, receipt_sha256) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![now, receipt.reason, calls, files, hex(&Sha256::digest(text.as_bytes()))],
        )?;
        change.commit()?;
        self.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")
    }
}

/// Records, reports, and what a scan has begun of them.
fn results_of(name: &str) -> impl Iterator<Item = String> {
    let reports = ReportKind::value_variants().iter().map(|kind| kind.ending());
    let endings = [".jsonl"].into_iter().chain(PARTS).chain(reports);
    endings.map(move |ending| format!("{name}{ending}"))
}

/// Hashes those of these files that are there, and all that is in folders; nothing is changed.
pub fn hash_files(dir: &Path, names: &[String]) -> Result<Vec<DeletedFile>, StoreError> {
    let mut found = Vec::new();
    for name in names {
        each_file(dir, name, &mut |path, file, meta| {
            if meta.is_file() {
                found.push(hashed(path, file, meta)?);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn hashed(path: &Path, file: &str, meta: &Metadata) -> std::io::Result<DeletedFile> {
    Ok(DeletedFile { file: file.to_owned(), sha256: sha256_of(path, &Cancel::default())?, bytes: meta.len() })
}

/// Does something with a file, or with all that is in a folder and then the folder, if it is there.
fn each_file(
    dir: &Path,
    name: &str,
    act: &mut dyn FnMut(&Path, &str, &Metadata) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    let path = dir.join(name);
    let failed = |source| StoreError::File { path: path.clone(), source };
    let meta = match std::fs::symlink_metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        meta => meta.map_err(failed)?,
    };
    if meta.is_dir() {
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            each_file(dir, &format!("{name}/{}", entry.file_name().to_string_lossy()), act)?;
        }
    }
    act(&path, name, &meta).map_err(failed)
}

/// Deletes a file, or a folder with all that is in it, if it is there.
fn remove_file(dir: &Path, name: &str, known: &[DeletedFile], gone: &mut Vec<DeletedFile>) -> Result<(), StoreError> {
    each_file(dir, name, &mut |path, file, meta| {
        if meta.is_dir() {
            return std::fs::remove_dir(path);
        }
        if meta.is_file() {
            let known = known.iter().find(|known| known.file == file && known.bytes == meta.len());
            gone.push(known.map_or_else(|| hashed(path, file, meta), |known| Ok(known.clone()))?);
        }
        std::fs::remove_file(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Made};

    fn two_calls(dir: &Path) -> Store {
        let store = Store::open(dir).unwrap();
        let finding = crate::report::index::CallFinding::of(&crate::report::test_records::call(4.0));
        for name in ["jane-doe", "b"] {
            let made = Made { reports: &[ReportKind::Html], files: &[] };
            store.admit(name, &format!("in/{name}.mp4"), name).unwrap();
            store.begin(name).unwrap();
            std::fs::write(dir.join(format!("{name}.jsonl")), name).unwrap();
            std::fs::write(dir.join(format!("{name}.html")), "x").unwrap();
            store.done(name, &Fingerprint::default(), "key", &finding, &made).unwrap();
        }
        store
    }

    #[test]
    fn nothing_of_a_deleted_call_stays_but_its_receipt() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = two_calls(dir.path());
        assert!(matches!(store.delete(&["b".into(), "no".into()]), Err(StoreError::NoCall { .. })));
        std::fs::write(dir.path().join("links.html"), "the face of jane-doe").unwrap();
        let receipt = store.delete(&["jane-doe".into()]).unwrap();
        assert_eq!(receipt.pages[0].file, "links.html");
        let files: Vec<&str> = receipt.calls[0].files.iter().map(|f| f.file.as_str()).collect();
        assert_eq!(files, ["jane-doe.jsonl", "jane-doe.html"]);
        assert_eq!(receipt.calls[0].files[0].sha256, hex(&Sha256::digest(b"jane-doe")));
        assert!(!dir.path().join("jane-doe.html").exists() && dir.path().join("b.html").exists());
        let kept: String = store.db.query_row("SELECT receipt_sha256 FROM deletions", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, hex(&Sha256::digest(serde_json::to_string(&receipt).unwrap().as_bytes())));
        drop(store);
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(8).any(|w| w == b"jane-doe"));
        }
    }

    #[test]
    fn a_name_that_was_put_into_the_database_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let mut store = two_calls(&out);
        store.change("UPDATE calls SET name = '../other' WHERE name = 'b'", []).unwrap();
        std::fs::write(dir.path().join("other.jsonl"), "x").unwrap();
        assert!(store.collect(Some(0)).unwrap_err().to_string().contains("leads elsewhere"));
        assert!(dir.path().join("other.jsonl").exists());
    }

    #[test]
    fn old_calls_go_and_young_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = two_calls(dir.path());
        assert!(matches!(store.collect(None), Err(StoreError::NoRetention { .. })));
        store.set_keep_days(30).unwrap();
        store.change("UPDATE calls SET finished = finished - 31 * 86400 WHERE name = 'b'", []).unwrap();
        let gone = store.collect(None).unwrap();
        assert_eq!(gone.calls.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(store.collect(None).unwrap().calls.is_empty());
        assert_eq!(store.collect(Some(0)).unwrap().calls.len(), 1);
    }
}
