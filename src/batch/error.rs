//! What can be wrong with many recordings at once. Each message names the input and says the remedy.

use std::path::PathBuf;

use crate::error::ErrorKind;

/// A batch, or one call of it, that cannot be done.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum BatchError {
    #[error("{message}")]
    Call { message: String, kind: ErrorKind, stops_all: bool },
    #[error(
        "{input}: the analysis crashed (signal {signal}); no other call is touched: scan it again, and report a bug if it crashes again"
    )]
    Crashed { input: String, signal: i32 },
    #[error(
        "{input}: the analysis was killed (signal 9), as a machine does that runs out of memory: lower --jobs and scan it again"
    )]
    Killed { input: String },
    #[error(
        "{input}: the analysis ended without saying why (exit code {code}); scan it again, and report a bug if it happens again"
    )]
    Silent { input: String, code: i32 },
    #[error("cannot start another process of this program: {source}: free memory, or lower --jobs")]
    Spawn { source: std::io::Error },
    #[error("{path}: {source}: check the path and its permissions", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: no recordings inside: name a folder with {endings} files", path = path.display())]
    Empty { path: PathBuf, endings: &'static str },
    #[error("{path}: is --out, where results go: name another folder with --out", path = path.display())]
    OutIsInput { path: PathBuf },
    #[error("a recording that was sent here cannot be kept from the network ({reason}): allow seccomp filters")]
    Sandbox { reason: String },
    #[error("standard input is one recording: scan it alone")]
    StdinAmongOthers,
}

impl BatchError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Call { kind, .. } => *kind,
            Self::Crashed { .. } | Self::Silent { .. } => ErrorKind::Bug,
            Self::Killed { .. } | Self::Spawn { .. } | Self::Sandbox { .. } => ErrorKind::Environment,
            Self::Unreadable { .. } | Self::Empty { .. } => ErrorKind::Input,
            Self::StdinAmongOthers | Self::OutIsInput { .. } => ErrorKind::Usage,
        }
    }

    /// True when every call would fail alike.
    pub fn stops_all(&self) -> bool {
        matches!(self, Self::Call { stops_all: true, .. } | Self::Spawn { .. } | Self::Sandbox { .. })
    }
}
