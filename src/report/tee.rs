//! Two sinks as one. In: records. Out: the same records to both, in turn.

use super::{ReportError, Sink};
use crate::types::record::Record;

/// Gives every record to `first`, then to `second`; the first failure ends it.
pub struct Tee<'a> {
    first: &'a mut dyn Sink,
    second: &'a mut dyn Sink,
}

impl<'a> Tee<'a> {
    /// Both are finished with this one.
    pub fn new(first: &'a mut dyn Sink, second: &'a mut dyn Sink) -> Self {
        Self { first, second }
    }
}

impl Sink for Tee<'_> {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        self.first.write(record)?;
        self.second.write(record)
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        self.first.finish()?;
        self.second.finish()
    }
}
