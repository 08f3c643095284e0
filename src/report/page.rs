//! What a report is made of. In: a timeline, stills, where the recording is. Out: the text of a file.

use super::{ReportError, Still, Timeline, html, table, vtt};
use crate::types::record::{EventRecord, Start, Stats, Verdict, Warning};

/// A scanned call, ready to be reported.
#[derive(Debug)]
pub struct Page<'a> {
    /// Second by second.
    pub timeline: &'a Timeline,
    /// Pictures of its events; may be none.
    pub stills: &'a [Still],
    /// Address of the recording as seen from the report, percent-encoded; absent when it is not a file.
    pub recording: Option<&'a str>,
    /// What stands above the page: words, and the address they lead to.
    pub links: &'a [(String, String)],
}

impl Page<'_> {
    /// For reviewers: one self-contained file.
    pub fn html(&self) -> Result<Vec<u8>, ReportError> {
        html::render(self)
    }

    /// A line a second.
    pub fn csv(&self) -> Result<Vec<u8>, ReportError> {
        table::render(self.timeline)
    }

    /// Events as a subtitle track.
    pub fn vtt(&self) -> Vec<u8> {
        vtt::render(self.timeline).into_bytes()
    }

    /// The call without its frames.
    pub fn json(&self) -> Result<Vec<u8>, ReportError> {
        let Timeline { start, verdict, events, warnings, stats, .. } = self.timeline;
        let summary = SummaryJson { start, verdict, events, warnings, stats: stats.as_ref() };
        serde_json::to_vec_pretty(&summary).map_err(|e| ReportError::Serialise(e.to_string()))
    }
}

#[derive(serde::Serialize)]
struct SummaryJson<'a> {
    start: &'a Start,
    verdict: &'a Verdict,
    events: &'a [EventRecord],
    warnings: &'a [Warning],
    stats: Option<&'a Stats>,
}
