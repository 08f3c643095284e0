//! Who is told that a call has ended. In: accepted calls with an address. Out: the next one whose telling is due; what
//! became of it. What is due follows from the calls' own rows, and so outlives the process.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, utc};

/// A call that has ended and whose owner is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The call.
    pub name: String,
    /// Whom to tell.
    pub address: String,
    /// Whose call it is.
    pub tenant: String,
    /// How often it was tried, this time included.
    pub tries: i64,
}

impl Store {
    /// The telling that is due longest. It is due again in `lease_s` seconds, should this process end before it is done.
    pub fn next_hook(&self, lease_s: i64) -> Result<Option<Hook>, StoreError> {
        let sql = "UPDATE accepted SET tries = tries + 1, due = ?1 + ?2 WHERE name = ( \
                   SELECT accepted.name FROM accepted JOIN calls ON calls.name = accepted.name \
                   WHERE webhook IS NOT NULL AND told IS NULL AND due <= ?1 AND state IN ('done', 'failed') \
                   ORDER BY due, calls.id LIMIT 1) RETURNING name, webhook, tenant, tries";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Hook { name: row.get(0)?, address: row.get(1)?, tenant: row.get(2)?, tries: row.get(3)? })
        };
        self.db.query_row(sql, params![utc::now(), lease_s], read).optional().map_err(|e| self.failed(&e))
    }

    /// True when a telling is due.
    pub fn has_hook(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS(SELECT 1 FROM accepted JOIN calls ON calls.name = accepted.name \
                   WHERE webhook IS NOT NULL AND told IS NULL AND due <= ?1 AND state IN ('done', 'failed'))";
        self.db.query_row(sql, [utc::now()], |row| row.get(0)).map_err(|e| self.failed(&e))
    }

    /// It was told, or is given up: how it ended.
    pub fn told(&self, name: &str, how: &str) -> Result<(), StoreError> {
        self.change("UPDATE accepted SET told = ?2 WHERE name = ?1", [name, how]).map(drop)
    }

    /// It is due again after so many seconds.
    pub fn tell_again(&self, name: &str, after_s: i64) -> Result<(), StoreError> {
        let sql = "UPDATE accepted SET due = ?2 WHERE name = ?1";
        self.change(sql, params![name, utc::now() + after_s]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Ask;

    const MANY: crate::store::Queue = crate::store::Queue { all: 9, tenant: 9 };

    #[test]
    fn who_is_to_be_told_is_told_once_also_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let ask = |name: &str, webhook: Option<&str>| Ask {
            name: name.into(),
            shown: "a.mp4".into(),
            target: "uploads/a".into(),
            request: "00".into(),
            once: None,
            tenant: "t".into(),
            webhook: webhook.map(str::to_owned),
        };
        store.accept(&ask("a", Some("https://example.org/")), MANY).unwrap();
        store.accept(&ask("b", None), MANY).unwrap();
        assert_eq!(store.next_hook(0).unwrap(), None, "nothing has ended");
        for name in ["a", "b"] {
            store.failed_with(name, "is empty").unwrap();
        }
        let hook = store.next_hook(60).unwrap().unwrap();
        assert_eq!((hook.name.as_str(), hook.tenant.as_str(), hook.tries), ("a", "t", 1));
        assert_eq!(store.next_hook(60).unwrap(), None, "it is being told");
        store.tell_again("a", 0).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.next_hook(0).unwrap().unwrap().tries, 2);
        store.told("a", "204").unwrap();
        assert_eq!(store.next_hook(0).unwrap(), None);
    }
}
