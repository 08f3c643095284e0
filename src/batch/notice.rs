//! What a batch tells. In: nothing. Out: news while it runs, and the tally at its end.

use crate::error::ErrorKind;

/// What whoever waits is told.
#[derive(Debug)]
pub enum Notice<'a> {
    /// How far it is.
    Progress {
        /// 0..=1, by length of recording.
        part: f64,
        /// Calls that are done, skipped or failed.
        ended: usize,
        /// All calls.
        of: usize,
    },
    /// A call could not be scanned.
    Failed {
        /// Why, with the remedy.
        message: &'a str,
    },
}

/// What came of the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Scanned.
    pub done: usize,
    /// Unchanged since they were scanned.
    pub skipped: usize,
    /// Not to be scanned.
    pub failed: usize,
    /// Of the first of those, in the order of the inputs.
    pub first_failure: Option<ErrorKind>,
}
