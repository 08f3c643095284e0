//! What is said over HTTP. In: calls as the store has them. Out: JSON bodies, whose schemas are in `/openapi.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jobs::Reach;
use crate::report::index::CallFinding;
use crate::store::{Progress, StoredCall, utc};
use crate::types::record::Outcome;

/// An address to scan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UriAsk {
    /// Of http or https, below one that the service was started with (`--allow-uri`).
    pub uri: String,
    /// Address that is told when the call has ended.
    pub webhook: Option<String>,
}

/// A recording to scan.
#[derive(Debug, JsonSchema)]
#[allow(dead_code)] // only its schema is used
pub struct FileAsk {
    /// The recording; its file name is shown and never used as a path.
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    file: String,
    /// Address that is told when the call has ended.
    webhook: Option<String>,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Its turn has not come.
    Waiting,
    /// It is being scanned.
    Running,
    /// Records and report are there.
    Done,
    /// It could not be scanned; `error` says why.
    Failed,
}

/// A call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallBody {
    /// Of the call, in paths.
    pub id: String,
    /// File name or address, as it was given, without credentials.
    pub source: String,
    /// How far it is.
    pub state: CallState,
    /// Why it failed, and what to do.
    pub error: Option<String>,
    /// What was found.
    pub finding: Option<CallFinding>,
    /// How far the analysis is, in seconds of the recording; while it runs.
    pub reached_s: Option<f64>,
    /// Declared length; while it runs.
    pub length_s: Option<f64>,
    /// SHA-256 of the recording, hex; once it was scanned.
    pub sha256: Option<String>,
    /// Size of the recording; once it was scanned.
    pub bytes: Option<i64>,
    /// How often a scan of it was begun.
    pub attempts: i64,
    /// When it was accepted.
    pub accepted_utc: Option<String>,
    /// When its last scan began.
    pub started_utc: Option<String>,
    /// When its last scan ended.
    pub finished_utc: Option<String>,
}

impl CallState {
    /// As in the store.
    pub fn progress(self) -> Progress {
        match self {
            Self::Waiting => Progress::Waiting,
            Self::Running => Progress::Running,
            Self::Done => Progress::Done,
            Self::Failed => Progress::Failed,
        }
    }
}

impl CallBody {
    /// A call as it is now.
    pub fn of(call: StoredCall, reach: Option<Reach>) -> Self {
        let state = match call.state {
            Progress::Waiting => CallState::Waiting,
            Progress::Running => CallState::Running,
            Progress::Done => CallState::Done,
            Progress::Failed => CallState::Failed,
        };
        let reach = reach.filter(|_| state == CallState::Running);
        Self {
            id: call.name,
            source: call.input,
            state,
            error: call.error,
            finding: call.finding,
            reached_s: reach.map(|r| r.reached_s),
            length_s: reach.and_then(|r| r.length_s),
            sha256: call.sha256,
            bytes: call.bytes,
            attempts: call.attempts,
            accepted_utc: call.added.map(utc::text),
            started_utc: call.started.map(utc::text),
            finished_utc: call.finished.map(utc::text),
        }
    }

    /// For a key that may send calls and not look at them.
    pub fn without_results(self) -> Self {
        Self { error: None, finding: None, sha256: None, bytes: None, ..self }
    }

    /// True when nothing more will happen to it.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, CallState::Done | CallState::Failed)
    }
}

/// A page of calls.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CallList {
    /// Newest first.
    pub calls: Vec<CallBody>,
    /// For the next page, as `cursor`; absent at the end.
    pub next: Option<String>,
}

/// A key to sign in with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// As `unmask serve --new-key` printed it.
    pub key: String,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionBody {
    /// Of the key; empty where none is needed, or none was shown.
    pub name: String,
    /// Whose calls these are; empty: those of keys without a tenant.
    pub tenant: String,
    /// Of submit, read, admin; none: a key is needed.
    pub scopes: Vec<&'static str>,
    /// True for a browser that has signed in, and can sign out.
    pub signed_in: bool,
}

/// Which page.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Only calls that are so far.
    pub state: Option<CallState>,
    /// Only calls of which this was found, overall.
    pub result: Option<Outcome>,
    /// Only calls whose source has this in it; ASCII letters of either case.
    pub name: Option<String>,
    /// Calls on the page.
    pub limit: Option<usize>,
    /// As `next` had it.
    pub cursor: Option<i64>,
}

/// Whether calls can be scanned.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Health {
    /// True when the face network has just given its known answer, and nothing else keeps calls from being scanned.
    pub ok: bool,
    /// What runs the networks, as ONNX Runtime names it.
    pub provider: String,
    /// How long that answer took, the reading of its example included.
    pub inference_ms: f64,
    /// When it was given; at most some seconds ago.
    pub checked_utc: String,
    /// What keeps calls from being scanned.
    pub problem: Option<String>,
}
