//! Who did what, and when. In: requests and their answers. Out: a line each in `audit.jsonl`, which is only ever appended
//! to. No key, cookie, address, file name or finding is in it.

use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use axum::http::Method;
use serde::Serialize;

use super::app::lock;
use crate::store::utc;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When it was answered.
    pub utc: String,
    /// Name of the key; empty where none is needed, or none was shown.
    pub who: String,
    /// Whose calls these are.
    pub tenant: String,
    /// Who asked, as the network says.
    pub peer: Option<IpAddr>,
    /// What was asked for.
    pub action: &'static str,
    /// Of the call.
    pub call: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
}

/// The log.
#[derive(Debug)]
pub struct Audit(Mutex<File>);

impl Audit {
    /// Opens the log of a folder, readable by its owner alone.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).mode(0o600).open(dir.join("audit.jsonl"))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Appends a line.
    pub fn write(&self, entry: &Entry) {
        let line = serde_json::to_string(entry).unwrap_or_default() + "\n";
        if let Err(error) = lock(&self.0).write_all(line.as_bytes()) {
            tracing::error!(%error, action = entry.action, call = entry.call, "the audit log cannot be written");
        }
    }
}

/// The time of an entry.
pub fn now() -> String {
    utc::text(utc::now())
}

/// What is asked for, and of which call.
pub type Asked = (&'static str, Option<String>);

/// What a request asks for; none for what is not about calls.
pub fn action(method: &Method, path: &str) -> Option<Asked> {
    let mut parts = path.trim_matches('/').split('/');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let (name, id) = match (method.as_str(), parts) {
        ("POST", (Some("v1"), Some("calls"), None, ..)) => ("submit", None),
        ("POST", (Some("v1"), Some("live"), None, ..)) => ("live", None),
        ("DELETE", (Some("v1"), Some("live"), id, None, _)) => ("live_end", id),
        ("GET", (Some("v1"), Some("calls"), None, ..)) => ("list", None),
        ("GET", (Some("v1"), Some("calls"), id, None, _)) => ("look", id),
        ("DELETE", (Some("v1"), Some("calls"), id, None, _)) => ("delete", id),
        ("GET", (Some("v1"), Some("calls"), id, Some(what), None)) => match what {
            "records" => ("records", id),
            "report.html" => ("report", id),
            "evidence" => ("evidence", id),
            "events" | "socket" => ("events", id),
            _ => ("other", id),
        },
        ("GET", (Some("v1"), Some("session"), None, ..)) => return None,
        ("POST", (Some("v1"), Some("session"), None, ..)) => ("sign_in", None),
        ("DELETE", (Some("v1"), Some("session"), None, ..)) => ("sign_out", None),
        (_, (Some("v1"), ..)) => ("other", None),
        _ => return None,
    };
    Some((name, id.filter(|id| is_id(id)).map(str::to_owned)))
}

/// True for what can be a call's id.
pub fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_named_and_nothing_else_of_it_is_kept() {
        let id = "0".repeat(32);
        assert_eq!(action(&Method::POST, "/v1/calls"), Some(("submit", None)));
        assert_eq!(action(&Method::DELETE, &format!("/v1/calls/{id}")), Some(("delete", Some(id.clone()))));
        assert_eq!(action(&Method::GET, &format!("/v1/calls/{id}/evidence")), Some(("evidence", Some(id.clone()))));
        assert_eq!(action(&Method::POST, "/v1/live"), Some(("live", None)));
        assert_eq!(action(&Method::DELETE, &format!("/v1/live/{id}")), Some(("live_end", Some(id.clone()))));
        assert_eq!(action(&Method::GET, "/v1/calls/secret/records"), Some(("records", None)));
        assert_eq!(action(&Method::GET, "/healthz"), None);
    }

    #[test]
    fn lines_are_appended() {
        let dir = tempfile::tempdir().unwrap();
        let entry = Entry {
            utc: now(),
            who: "a".into(),
            tenant: String::new(),
            peer: None,
            action: "list",
            call: None,
            status: 200,
        };
        for _ in 0..2 {
            Audit::open(dir.path()).unwrap().write(&entry);
        }
        let text = std::fs::read_to_string(dir.path().join("audit.jsonl")).unwrap();
        assert_eq!(text.lines().filter(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()).count(), 2);
    }
}
