//! The page for reviewers. In: a call. Out: one self-contained HTML file.

use super::page::Page;
use super::{ReportError, words};

/// Renders the page.
pub fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    let verdict = words::outcome(page.timeline.verdict.overall.result);
    Ok(format!("<!doctype html><title>unmask</title><p>{verdict}</p>").into_bytes())
}
