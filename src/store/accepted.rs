//! Calls that a service has accepted. In: what is to be scanned, who asked, and for which tenant. Out: a row that outlives
//! the process before the answer is sent; the next call whose turn it is; pages of a tenant's calls, newest first.

use rusqlite::{OptionalExtension, params};

use super::row::COLUMNS;
use super::{Progress, Store, StoreError, StoredCall, utc};
use crate::types::record::Outcome;

/// Made when it is not there: an older program does not need it.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS accepted(
    name TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    request TEXT NOT NULL,
    once TEXT UNIQUE,
    tenant TEXT NOT NULL DEFAULT '',
    webhook TEXT,
    told TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS calls_by_state ON calls(state);
";

/// Columns that the table had not always, as above.
pub(super) const LATER: [(&str, &str); 5] = [
    ("tenant", "TEXT NOT NULL DEFAULT ''"),
    ("webhook", "TEXT"),
    ("told", "TEXT"),
    ("tries", "INTEGER NOT NULL DEFAULT 0"),
    ("due", "INTEGER NOT NULL DEFAULT 0"),
];

/// Where uploads are kept, below the folder; with a slash.
pub const UPLOADS: &str = "uploads/";

/// A call that somebody asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its name: new, and never used again.
    pub name: String,
    /// As it is shown: a file name or an address, without credentials.
    pub shown: String,
    /// What is scanned: a path below the folder, or an address with all it needs.
    pub target: String,
    /// Hash of what was sent, hex.
    pub request: String,
    /// Who asked under which key of their own: asked twice, it is one call.
    pub once: Option<String>,
    /// Whose it is: nobody else sees it.
    pub tenant: String,
    /// Who is told when it has ended.
    pub webhook: Option<String>,
}

/// How many calls may wait.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Of all tenants.
    pub all: i64,
    /// Of each tenant.
    pub tenant: i64,
}

/// Which of the accepted calls.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Of this tenant.
    pub tenant: String,
    /// So far; none: all.
    pub state: Option<Progress>,
    /// Of which this was found, overall; none: all.
    pub result: Option<Outcome>,
    /// Whose input has this in it, ASCII letters of either case; none: all.
    pub name: Option<String>,
    /// From behind this one; none: from the newest.
    pub after: Option<i64>,
}

/// What became of an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// It is a call now, and waits.
    New(StoredCall),
    /// It was a call before.
    Known(StoredCall),
    /// The same key was used for something else.
    Other,
    /// Too many wait.
    Full,
}

/// A page of calls.
#[derive(Debug, Default)]
pub struct CallPage {
    /// Newest first.
    pub calls: Vec<StoredCall>,
    /// Where the next page begins; none at the end.
    pub next: Option<i64>,
}

/// How many calls are how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Their turn has not come.
    pub waiting: i64,
    /// Being scanned.
    pub running: i64,
    /// Scanned.
    pub done: i64,
    /// Could not be scanned.
    pub failed: i64,
}

/// True when as many wait as may, of all (?1) or of this tenant (?2, ?3).
const FULL: &str = "SELECT COUNT(*) >= ?1 OR COALESCE(SUM(tenant = ?3), 0) >= ?2 FROM calls JOIN accepted \
                    ON accepted.name = calls.name WHERE state = 'waiting'";

impl Store {
    /// Makes a call of it, for good, unless as many wait as may.
    pub fn accept(&mut self, ask: &Ask, most: Queue) -> Result<Answer, StoreError> {
        if let Some(answer) = self.accepted_before(ask)? {
            return Ok(answer);
        }
        let insert = |db: &mut rusqlite::Connection| -> rusqlite::Result<bool> {
            let change = db.transaction()?;
            if change.query_row(FULL, params![most.all, most.tenant, ask.tenant], |row| row.get::<_, bool>(0))? {
                return Ok(false);
            }
            let Ask { name, shown, target, request, once, tenant, webhook } = ask;
            let sql = "INSERT INTO calls(name, source_id, input, added) VALUES(?1, ?2, ?3, ?4)";
            change.execute(sql, params![name, format!("service:{name}"), shown, utc::now()])?;
            let sql = "INSERT INTO accepted(name, target, request, once, tenant, webhook) \
                       VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
            change.execute(sql, params![name, target, request, once, tenant, webhook])?;
            change.commit()?;
            Ok(true)
        };
        match insert(&mut self.db).map_err(|e| self.failed(&e))? {
            true => Ok(Answer::New(self.call(&ask.name)?)),
            false => Ok(Answer::Full),
        }
    }

    fn accepted_before(&self, ask: &Ask) -> Result<Option<Answer>, StoreError> {
        let Some(once) = &ask.once else { return Ok(None) };
        let sql = "SELECT name, request FROM accepted WHERE once = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = self.db.query_row(sql, [once], read).optional().map_err(|e| self.failed(&e))?;
        found
            .map(|(name, request)| match request == ask.request {
                true => self.call(&name).map(Answer::Known),
                false => Ok(Answer::Other),
            })
            .transpose()
    }

    /// True when no further call of this tenant can be accepted.
    pub fn is_full(&self, tenant: &str, most: Queue) -> Result<bool, StoreError> {
        let full = self.db.query_row(FULL, params![most.all, most.tenant, tenant], |row| row.get(0));
        full.map_err(|e| self.failed(&e))
    }

    /// The accepted call that waits longest, begun, and what is to be scanned.
    pub fn begin_next(&self) -> Result<Option<(StoredCall, String)>, StoreError> {
        let sql = "SELECT accepted.name, target FROM accepted JOIN calls ON calls.name = accepted.name \
                   WHERE state = 'waiting' ORDER BY calls.id LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let next = self.db.query_row(sql, [], read).optional().map_err(|e| self.failed(&e))?;
        let Some((name, target)) = next else { return Ok(None) };
        self.begin(&name)?;
        Ok(Some((self.call(&name)?, target)))
    }

    /// The upload of an accepted call lies under another name: what was fetched for it.
    pub fn fetched(&self, name: &str, target: &str) -> Result<(), StoreError> {
        self.change("UPDATE accepted SET target = ?2 WHERE name = ?1", [name, target]).map(drop)
    }

    /// These accepted calls, newest first, so many at most.
    pub fn page(&self, limit: usize, which: &Which) -> Result<CallPage, StoreError> {
        let read = || -> rusqlite::Result<CallPage> {
            let sql = format!(
                "SELECT {COLUMNS}, id FROM calls WHERE id < ?1 AND (?3 IS NULL OR state = ?3) \
                 AND (?5 IS NULL OR (state = 'done' AND json_extract(finding, '$.overall') = ?5)) \
                 AND (?6 IS NULL OR instr(lower(input), lower(?6)) > 0) \
                 AND EXISTS (SELECT 1 FROM accepted WHERE accepted.name = calls.name AND tenant = ?4) \
                 ORDER BY id DESC LIMIT ?2"
            );
            let mut query = self.db.prepare_cached(&sql)?;
            let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
            let (after, state) = (which.after.unwrap_or(i64::MAX), which.state.map(Progress::name));
            let result = which.result.map(Outcome::name);
            let rows = query.query_map(params![after, most, state, which.tenant, result, which.name], |row| {
                Ok((StoredCall::read(row)?, row.get::<_, i64>(15)?))
            })?;
            let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|row| row.1);
            Ok(CallPage { calls: rows.into_iter().map(|row| row.0).collect(), next })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The accepted call of that name, if there is one and it is this tenant's.
    pub fn accepted(&self, name: &str, tenant: &str) -> Result<Option<StoredCall>, StoreError> {
        let sql = "SELECT 1 FROM accepted WHERE name = ?1 AND tenant = ?2";
        let found = self.db.query_row(sql, [name, tenant], |_| Ok(())).optional().map_err(|e| self.failed(&e))?;
        found.map(|()| self.call(name)).transpose()
    }

    /// What is scanned for an accepted call.
    pub fn target(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT target FROM accepted WHERE name = ?1";
        self.db.query_row(sql, [name], |row| row.get(0)).optional().map_err(|e| self.failed(&e))
    }

    /// How many accepted calls are how far; of one tenant, or of all.
    pub fn counts(&self, tenant: Option<&str>) -> Result<StateCounts, StoreError> {
        let read = || -> rusqlite::Result<StateCounts> {
            let sql = "SELECT state, COUNT(*) FROM calls WHERE name IN \
                       (SELECT name FROM accepted WHERE ?1 IS NULL OR tenant = ?1) GROUP BY state";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([tenant], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            let mut counts = StateCounts::default();
            for row in rows {
                let (state, n) = row?;
                match state.as_str() {
                    "waiting" => counts.waiting = n,
                    "running" => counts.running = n,
                    "done" => counts.done = n,
                    _ => counts.failed += n,
                }
            }
            Ok(counts)
        };
        read().map_err(|e| self.failed(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Queue = Queue { all: 2, tenant: 2 };
    const MANY: Queue = Queue { all: 9, tenant: 9 };

    fn ask(name: &str, once: Option<&str>) -> Ask {
        let (target, once) = (format!("uploads/{name}"), once.map(str::to_owned));
        let (tenant, webhook) = (String::new(), None);
        Ask { name: name.into(), shown: "a.mp4".into(), target, request: "00".into(), once, tenant, webhook }
    }

    #[test]
    fn what_was_accepted_has_its_turn_once_and_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        for name in ["a", "b"] {
            assert!(matches!(store.accept(&ask(name, None), TWO).unwrap(), Answer::New(_)));
        }
        assert!(matches!(store.accept(&ask("c", None), TWO).unwrap(), Answer::Full) && store.is_full("", TWO).unwrap());
        assert_eq!(store.begin_next().unwrap().unwrap().0.name, "a");
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let (a, target) = store.begin_next().unwrap().unwrap();
        assert_eq!((a.name.as_str(), a.attempts, target.as_str()), ("a", 2, "uploads/a"));
        assert_eq!(store.begin_next().unwrap().unwrap().0.name, "b");
        assert!(store.begin_next().unwrap().is_none());
        assert_eq!(store.counts(None).unwrap(), StateCounts { running: 2, ..StateCounts::default() });
    }

    #[test]
    fn one_key_is_one_call() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.accept(&ask("a", Some("k")), MANY).unwrap();
        assert!(matches!(store.accept(&ask("b", Some("k")), MANY).unwrap(), Answer::Known(call) if call.name == "a"));
        let other = Ask { request: "11".into(), ..ask("c", Some("k")) };
        assert!(matches!(store.accept(&other, MANY).unwrap(), Answer::Other));
        store.delete(&["a".into()]).unwrap();
        assert!(matches!(store.accept(&other, MANY).unwrap(), Answer::New(_)), "with the call goes its key");
    }

    #[test]
    fn pages_join_without_gap() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.admit("other", "not by the service", "z").unwrap();
        for name in ["a", "b", "c"] {
            store.accept(&ask(name, None), MANY).unwrap();
        }
        let names = |page: &CallPage| page.calls.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        let first = store.page(2, &Which::default()).unwrap();
        let second = store.page(2, &Which { after: first.next, ..Which::default() }).unwrap();
        assert_eq!(
            (names(&first), names(&second), second.next),
            (vec!["c".into(), "b".into()], vec!["a".into()], None)
        );
    }

    #[test]
    fn a_tenant_sees_its_own_calls_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        for (name, tenant) in [("a", "one"), ("b", "two"), ("c", "one")] {
            store.accept(&Ask { tenant: tenant.into(), ..ask(name, None) }, MANY).unwrap();
        }
        store.begin("a").unwrap();
        let of = |tenant: &str, state| {
            let which = Which { tenant: tenant.into(), state, ..Which::default() };
            store.page(9, &which).unwrap().calls.into_iter().map(|c| c.name).collect::<Vec<_>>()
        };
        assert_eq!(
            (of("one", None), of("two", None), of("", None)),
            (vec!["c".into(), "a".into()], vec!["b".into()], vec![])
        );
        assert_eq!((of("one", Some(Progress::Running)), of("two", Some(Progress::Done))), (vec!["a".into()], vec![]));
        assert!(store.accepted("a", "two").unwrap().is_none() && store.accepted("a", "one").unwrap().is_some());
        assert_eq!(
            store.counts(Some("one")).unwrap(),
            StateCounts { waiting: 1, running: 1, ..StateCounts::default() }
        );
    }

    #[test]
    fn one_tenant_does_not_fill_the_queue_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let most = Queue { all: 3, tenant: 1 };
        let of = |name: &str, tenant: &str| Ask { tenant: tenant.into(), ..ask(name, None) };
        assert!(matches!(store.accept(&of("a", "one"), most).unwrap(), Answer::New(_)));
        assert!(matches!(store.accept(&of("b", "one"), most).unwrap(), Answer::Full));
        assert!(matches!(store.accept(&of("c", "two"), most).unwrap(), Answer::New(_)));
        assert!(store.is_full("one", most).unwrap() && !store.is_full("three", most).unwrap());
        store.accept(&of("d", "three"), most).unwrap();
        assert!(store.is_full("four", most).unwrap(), "all together are as many as may");
    }

    #[test]
    fn calls_are_found_by_name_and_result() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        for (name, shown) in [("a", "Jane 50%_.mp4"), ("b", "john.mp4")] {
            store.accept(&Ask { shown: shown.into(), ..ask(name, None) }, MANY).unwrap();
        }
        let finding = crate::report::index::CallFinding::of(&crate::report::test_records::call(4.0));
        let made = super::super::Made { reports: &[], files: &[] };
        store.done("b", &super::super::Fingerprint::default(), "", &finding, &made).unwrap();
        let find = |result, name: Option<&str>| {
            let which = Which { result, name: name.map(str::to_owned), ..Which::default() };
            store.page(9, &which).unwrap().calls.into_iter().map(|c| c.name).collect::<String>()
        };
        assert_eq!(
            (find(None, Some("JAN")), find(None, Some("%_")), find(None, Some("%"))),
            ("a".into(), "a".into(), "a".into())
        );
        assert_eq!(
            (find(None, Some("mp4")), find(None, Some("x")), find(None, Some("' OR 1"))),
            ("ba".into(), "".into(), "".into())
        );
        let other = match finding.overall {
            Outcome::Inconclusive => Outcome::SignsFound,
            _ => Outcome::Inconclusive,
        };
        assert_eq!((find(Some(finding.overall), None), find(Some(other), None)), ("b".into(), "".into()));
    }

    #[test]
    fn a_store_of_an_earlier_version_gets_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let earlier = "DROP TABLE accepted; CREATE TABLE accepted(name TEXT PRIMARY KEY, target TEXT NOT NULL, \
                       request TEXT NOT NULL, once TEXT UNIQUE); INSERT INTO accepted VALUES('a', 't', 'r', NULL);";
        store.db.execute_batch(earlier).unwrap();
        store.admit("s", "a.mp4", "a").unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.page(9, &Which::default()).unwrap().calls.len(), 1);
    }
}
