//! What can be wrong with writing results.

/// A result that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Disk full, folder gone, pipe closed.
    #[error("cannot write {name}: {source}: what was written so far is kept; free space or name another --out")]
    Write {
        /// File or stream.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line of a record file that is no record.
    #[error("{name}, line {line}: {reason}: give a record file that `unmask scan` has written")]
    Read {
        /// File or stream.
        name: String,
        /// Which line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A record file without its start or its verdict.
    #[error("{name} is incomplete: it has no start or no verdict; scan the recording again")]
    Incomplete {
        /// File or stream.
        name: String,
    },
    /// A record that does not serialise.
    #[error("a record cannot be written as JSON: {0}; please report this as a bug")]
    Serialise(String),
}

impl ReportError {
    /// True when whoever reads our output has stopped reading, as `head` does.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
