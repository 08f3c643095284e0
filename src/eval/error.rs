//! What can be wrong with a manifest.

use crate::error::ErrorKind;

/// A manifest that cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// Not there, or not CSV.
    #[error("cannot read the manifest {name}: {source}")]
    Read {
        /// Its path.
        name: String,
        /// Why.
        source: csv::Error,
    },
    /// A row that says nothing usable.
    #[error("{name}, line {line}: {problem}")]
    Row {
        /// Path of the manifest.
        name: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// No rows.
    #[error("{name} lists no clips: it needs a header path,label[,method] and a line for each clip")]
    Empty {
        /// Path of the manifest.
        name: String,
    },
}

impl EvalError {
    /// Who must act: whoever wrote the manifest.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }
}
