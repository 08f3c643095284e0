//! Prints with consent. In: sealed prints, the words of a consent. Out: the prints of this store, opened with their
//! key. A print goes with its call.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, utc};
use crate::error::Error;
use crate::link::{Print, Sealed, Vault, VaultError};

impl Store {
    /// True when a print of that call, or that it has none, is kept.
    pub fn has_print(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM prints WHERE name = ?1";
        let found = self.db.query_row(sql, [name], |_| Ok(())).optional().map_err(|e| self.failed(&e))?;
        Ok(found.is_some())
    }

    /// Keeps a print in place of an earlier one, with the words of the consent and when they were given.
    pub fn keep_print(&self, name: &str, candidate: &str, print: &Sealed, consent: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO prints(name, candidate, nonce, sealed, consent, given) \
                   VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
        let Sealed { nonce, bytes } = print;
        self.change(sql, params![name, candidate, nonce, bytes, consent, utc::now()]).map(drop)
    }

    /// Gives the print of a call, if there is one, the candidate's name as it is given now.
    pub fn name_print(&self, name: &str, candidate: &str) -> Result<(), StoreError> {
        self.change("UPDATE prints SET candidate = ?2 WHERE name = ?1", [name, candidate]).map(drop)
    }

    /// Every print, opened.
    pub fn prints(&self, vault: &Vault) -> Result<Vec<Print>, Error> {
        let read = || -> rusqlite::Result<Vec<(String, String, Sealed)>> {
            let sql = "SELECT name, candidate, nonce, sealed FROM prints ORDER BY name";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, Sealed { nonce: row.get(2)?, bytes: row.get(3)? }))
            })?;
            rows.collect()
        };
        let rows = read().map_err(|e| self.failed(&e))?;
        let open = |(call, candidate, sealed): (String, String, Sealed)| {
            let secret = vault.unseal(&call, &sealed)?;
            let closed = VaultError::Closed { call: call.clone() };
            Ok(Print::with_secret(call, candidate, &secret).ok_or(closed)?)
        };
        rows.into_iter().map(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{FacePrint, VoicePrint};

    #[test]
    fn a_print_is_kept_sealed_and_goes_with_its_call() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("link.key")).unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.admit("1", "a.mp4", "a").unwrap();
        let (call, candidate) = ("a".to_owned(), "Ada".to_owned());
        let face = Some(FacePrint { views: 9, embedding: vec![0.5; 8], portrait: "portrait of Ada".into() });
        let voice = Some(VoicePrint { windows: 9, embedding: vec![0.5; 8] });
        let print = Print { call, candidate, face, voice };
        let sealed = vault.seal("a", &print.secret().unwrap()).unwrap();
        store.keep_print("a", "Ada", &sealed, "Ada, in writing, 1 June").unwrap();
        assert!(store.has_print("a").unwrap() && !store.has_print("b").unwrap());
        assert_eq!(store.prints(&vault).unwrap(), [print]);
        let files = ["unmask.db", "unmask.db-wal"].map(|f| std::fs::read(dir.path().join(f)).unwrap_or_default());
        assert!(files.iter().all(|bytes| !bytes.windows(8).any(|w| w == b"portrait")), "it is not readable");
        store.name_print("a", "Ada L.").unwrap();
        assert_eq!(store.prints(&vault).unwrap()[0].candidate, "Ada L.");
        let finding = crate::report::index::CallFinding::of(&crate::report::test_records::call(4.0));
        let done = |sha256: &str| {
            let of = crate::store::Fingerprint { sha256: Some(sha256.into()), bytes: None };
            store.done("a", &of, "key", &finding, &crate::store::Made { reports: &[], files: &[] }).unwrap();
        };
        done("00");
        assert!(!store.has_print("a").unwrap(), "of another recording than before");
        store.keep_print("a", "Ada", &sealed, "Ada, in writing, 1 June").unwrap();
        done("00");
        assert!(store.has_print("a").unwrap());
        let receipt = store.delete(&["a".into()]).unwrap();
        assert!(receipt.calls[0].print && !store.has_print("a").unwrap());
    }
}
