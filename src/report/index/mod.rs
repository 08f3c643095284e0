//! The page over many calls. In: a row a call. Out: `index.csv` and `index.html`, what needs a person first on top.

mod csv;
mod html;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReportError, Timeline};
use crate::types::record::Outcome;
use crate::types::{EventClass, Prob};

/// One call of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRow {
    /// Name of its result files, without ending.
    pub name: String,
    /// The recording as it was given.
    pub input: String,
    /// What came of it.
    pub state: CallState,
    /// Results that were written, relative to the index and percent-encoded: `a.jsonl`, `a.html`, …
    pub files: Vec<String>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallState {
    /// It was scanned.
    Done(CallFinding),
    /// It could not be scanned; in words that name the remedy.
    Failed(String),
    /// Its turn has not come.
    Waiting,
}

/// The finding of a call, as an index shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallFinding {
    /// Overall.
    pub overall: Outcome,
    /// Of the face.
    pub face: Outcome,
    /// Of the voice.
    pub voice: Outcome,
    /// Overall P(masked).
    pub p_masked: Option<Prob>,
    /// Lower and upper end of its 95 % range.
    pub range: Option<(Prob, Prob)>,
    /// Events that speak for masking: title and begin in seconds.
    pub signs: Vec<(String, f64)>,
    /// Length of what was analysed, in seconds.
    pub length_s: f64,
    /// Not all of the recording was seen.
    pub partial: bool,
}

impl CallFinding {
    /// The finding of a scanned call.
    pub fn of(timeline: &Timeline) -> Self {
        let verdict = &timeline.verdict;
        let signs = timeline.events.iter().filter(|e| e.class == EventClass::Sign);
        Self {
            overall: verdict.overall.result,
            face: verdict.face.result,
            voice: verdict.voice.result,
            p_masked: verdict.overall.p_masked,
            range: verdict.overall.low.zip(verdict.overall.high),
            signs: signs.map(|e| (e.kind.title().to_owned(), e.start_s)).collect(),
            length_s: timeline.length_s(),
            partial: verdict.partial,
        }
    }
}

/// Ranks rows: signs first, then failures and what is inconclusive, then the rest; within each the higher
/// P(masked), then the name.
pub fn rank(rows: &mut [IndexRow]) {
    rows.sort_by(|a, b| {
        let (ka, kb) = (urgency(&a.state), urgency(&b.state));
        ka.0.cmp(&kb.0).then(kb.1.total_cmp(&ka.1)).then_with(|| a.name.cmp(&b.name))
    });
}

fn urgency(state: &CallState) -> (u8, f32) {
    match state {
        CallState::Done(finding) => {
            let p = finding.p_masked.map_or(0.0, Prob::get);
            let class = match finding.overall {
                Outcome::SignsFound => 0,
                Outcome::Inconclusive => 2,
                Outcome::NotAssessed => 3,
                Outcome::NoSignsFound => 4,
            };
            (class, p)
        }
        CallState::Failed(_) => (1, 0.0),
        CallState::Waiting => (5, 0.0),
    }
}

/// `index.html`: ranked rows with search and filter, self-contained.
pub fn index_html(rows: &[IndexRow]) -> Result<Vec<u8>, ReportError> {
    html::render(rows)
}

/// `index.csv`: a line a call; no cell is a formula to a spreadsheet.
pub fn index_csv(rows: &[IndexRow]) -> Result<Vec<u8>, ReportError> {
    csv::render(rows)
}
