//! `index.html`. In: ranked rows. Out: one self-contained page.

use super::IndexRow;
use crate::report::ReportError;

/// Renders the page.
pub fn render(rows: &[IndexRow]) -> Result<Vec<u8>, ReportError> {
    Ok(format!("<!doctype html><title>unmask</title><p>{} calls</p>", rows.len()).into_bytes())
}
