//! JSON Lines. In: records. Out: one object a line.

use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use super::{ReportError, Sink};
use crate::types::record::Record;

/// Bytes that wait to be written.
const BUFFER: usize = 64 << 10;

/// Longest time a record waits.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Writes records to a file or stream.
pub struct Jsonl {
    out: BufWriter<Box<dyn Write>>,
    name: String,
    flushed: Instant,
    every: Duration,
}

impl Jsonl {
    /// `name` is for messages.
    pub fn new(out: Box<dyn Write>, name: String) -> Self {
        Self { out: BufWriter::with_capacity(BUFFER, out), name, flushed: Instant::now(), every: FLUSH_EVERY }
    }

    /// Each record is written out when it comes.
    pub fn at_once(out: Box<dyn Write>, name: String) -> Self {
        Self { every: Duration::ZERO, ..Self::new(out, name) }
    }

    /// A reader in a pipe is never behind by more than `every`.
    fn flush_in_time(&mut self) -> std::io::Result<()> {
        if self.flushed.elapsed() < self.every {
            return Ok(());
        }
        self.flushed = Instant::now();
        self.out.flush()
    }

    fn failed(&self, source: std::io::Error) -> ReportError {
        ReportError::Write { name: self.name.clone(), source }
    }
}

impl Sink for Jsonl {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        match serde_json::to_writer(&mut self.out, record) {
            Ok(()) => self.out.write_all(b"\n").and_then(|()| self.flush_in_time()).map_err(|e| self.failed(e)),
            Err(e) if e.is_io() => Err(self.failed(e.into())),
            Err(e) => Err(ReportError::Serialise(e.to_string())),
        }
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        self.out.flush().map_err(|e| self.failed(e))
    }
}
