//! What a report is made of. In: a timeline, stills, where the recording is. Out: the text of a file.

use super::{ReportError, ReportKind, Still, Timeline, html, table, vtt};

/// A scanned call, ready to be reported.
#[derive(Debug)]
pub struct Page<'a> {
    /// Second by second.
    pub timeline: &'a Timeline,
    /// Pictures of its events; may be none.
    pub stills: &'a [Still],
    /// Address of the recording as seen from the report, percent-encoded; absent when it is not a file.
    pub recording: Option<&'a str>,
}

/// Renders a page; pure.
pub fn render(kind: ReportKind, page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    match kind {
        ReportKind::Html => html::render(page),
        ReportKind::Csv => table::render(page.timeline),
        ReportKind::Vtt => Ok(vtt::render(page.timeline).into_bytes()),
        ReportKind::Json => summary_json(page.timeline),
    }
}

#[derive(serde::Serialize)]
struct SummaryJson<'a> {
    start: &'a crate::types::record::Start,
    verdict: &'a crate::types::record::Verdict,
    events: &'a [crate::types::record::EventRecord],
    warnings: &'a [crate::types::record::Warning],
    stats: Option<&'a crate::types::record::Stats>,
}

fn summary_json(timeline: &Timeline) -> Result<Vec<u8>, ReportError> {
    let Timeline { start, verdict, events, warnings, stats, .. } = timeline;
    let summary = SummaryJson { start, verdict, events, warnings, stats: stats.as_ref() };
    serde_json::to_vec_pretty(&summary).map_err(|e| ReportError::Serialise(e.to_string()))
}
