//! What can be wrong with a folder of results. Each message names the folder and says the remedy.

use std::path::PathBuf;

use crate::error::ErrorKind;

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum StoreError {
    #[error("{dir}: another unmask works in this folder: wait for it, or name another --out", dir = dir.display())]
    Locked { dir: PathBuf },
    #[error("{dir}: holds no results of a batch (no unmask.db): name a folder that was given to scan --out", dir = dir.display())]
    Missing { dir: PathBuf },
    #[error("{path}: is no folder: name another --out", path = path.display())]
    NotAFolder { path: PathBuf },
    #[error("{dir}: was written by a newer version (layout {found}, this program knows {known}): update unmask", dir = dir.display())]
    Newer { dir: PathBuf, found: i64, known: i64 },
    #[error("{path}: {source}: check its permissions and the space left", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{dir}/unmask.db: {reason}: check its permissions and the space left; if it is damaged, move it away and scan again", dir = dir.display())]
    Database { dir: PathBuf, reason: String },
    #[error("{dir}: no call is named {name}: `unmask store list` shows the names", dir = dir.display())]
    NoCall { dir: PathBuf, name: String },
    #[error("{dir}: no retention is set: give --keep-days here or to scan", dir = dir.display())]
    NoRetention { dir: PathBuf },
}

impl StoreError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked { .. } => ErrorKind::Overloaded,
            Self::Missing { .. } | Self::NotAFolder { .. } | Self::NoCall { .. } | Self::NoRetention { .. } => {
                ErrorKind::Usage
            }
            Self::Newer { .. } | Self::File { .. } | Self::Database { .. } => ErrorKind::Environment,
        }
    }
}
