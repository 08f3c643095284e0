//! Records kept in memory, for tests. In: records. Out: the same, to look at.

use std::sync::{Arc, Mutex, PoisonError};

use super::{ReportError, Sink};
use crate::types::record::Record;

/// Keeps records; cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Record>>>);

impl Memory {
    /// What was written so far.
    pub fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Memory {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}
