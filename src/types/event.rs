//! Events: moments a reviewer should look at.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Prob, TimeSpan, TrackId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The face network's smoothed score stayed above the alert threshold.
    FaceSuspicious,
    /// The voice network's score stayed above the alert threshold.
    VoiceSuspicious,
}

/// One moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub span: TimeSpan,
    /// The highest smoothed P(masked) within.
    pub score: Prob,
    /// Whose face, for face events.
    pub track: Option<TrackId>,
}
