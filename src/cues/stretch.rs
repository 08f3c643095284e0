//! Conditions that last. In: spans, and whether the condition holds in each. Out: the stretches that have ended.

use crate::types::{MediaTime, TimeSpan};

/// Stretches nearer than this are one.
const JOIN: MediaTime = MediaTime(500_000_000);

/// A condition that lasts.
#[derive(Debug, Default)]
pub struct Stretch {
    open: Option<TimeSpan>,
}

impl Stretch {
    /// Extends the stretch while `holds`; gives the one that has ended.
    pub fn push(&mut self, span: TimeSpan, holds: bool) -> Option<TimeSpan> {
        let ended = self.open.is_some_and(|open| span.start - open.end > JOIN).then(|| self.open.take()).flatten();
        if holds {
            let start = self.open.map_or(span.start, |open| open.start);
            self.open = Some(TimeSpan { start, end: span.end });
        }
        ended
    }

    /// Ends the stretch.
    pub fn end(&mut self) -> Option<TimeSpan> {
        self.open.take()
    }
}
