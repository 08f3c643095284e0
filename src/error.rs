//! Errors by who must act. In: each layer's own error. Out: one kind, one exit code, one HTTP status.

use crate::batch::BatchError;
use crate::config::ConfigError;
use crate::eval::EvalError;
use crate::evidence::EvidenceError;
use crate::infer::InferError;
use crate::link::VaultError;
use crate::media::MediaError;
use crate::report::ReportError;
use crate::service::ServiceError;
use crate::store::StoreError;

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Whoever typed the command or wrote the configuration.
    Usage,
    /// Whoever supplied the recording.
    Input,
    /// Whoever supplied the recording, or raises the limit.
    Limit,
    /// Whoever installed the models.
    Model,
    /// Whoever runs the machine.
    Environment,
    /// Nobody: try again later.
    Overloaded,
    /// Us.
    Bug,
}

impl ErrorKind {
    /// The one table: name, exit code, HTTP status.
    pub const TABLE: [(Self, &'static str, u8, u16); 7] = [
        (Self::Usage, "usage", 2, 400),
        (Self::Input, "input", 3, 422),
        (Self::Limit, "limit", 4, 413),
        (Self::Model, "model", 5, 500),
        (Self::Environment, "environment", 6, 503),
        (Self::Overloaded, "overloaded", 7, 429),
        (Self::Bug, "bug", 70, 500),
    ];

    fn row(self) -> (Self, &'static str, u8, u16) {
        Self::TABLE.into_iter().find(|row| row.0 == self).unwrap_or(Self::TABLE[6])
    }

    /// As in answers of the service.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Process exit code.
    pub fn exit_code(self) -> u8 {
        self.row().2
    }

    /// The kind that has this exit code.
    pub fn of_exit_code(code: u8) -> Option<Self> {
        Self::TABLE.into_iter().find(|row| row.2 == code).map(|row| row.0)
    }

    /// HTTP status.
    pub fn http_status(self) -> u16 {
        self.row().3
    }
}

/// Anything that ends an analysis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Decoding.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Networks.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A list of labelled clips.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Writing results.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Many recordings, each in a process of its own.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// What a folder of results knows of its calls.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Evidence bundles and their keys.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Sealed prints and their key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The service that other programs call.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A stage ended without saying why.
    #[error("the {0} stage stopped unexpectedly; please report this as a bug")]
    StagePanicked(&'static str),
}

impl Error {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Media(e) => e.kind(),
            Self::Infer(e) => e.kind(),
            Self::Config(_) => ErrorKind::Usage,
            Self::Eval(e) => e.kind(),
            Self::Report(_) => ErrorKind::Environment,
            Self::Batch(e) => e.kind(),
            Self::Vault(_) => ErrorKind::Environment,
            Self::Store(e) => e.kind(),
            Self::Evidence(e) => e.kind(),
            Self::Service(e) => e.kind(),
            Self::StagePanicked(_) => ErrorKind::Bug,
        }
    }

    /// True for a broken installation or a full disk: every recording would fail alike.
    pub fn stops_all(&self) -> bool {
        match self {
            Self::Report(_) | Self::Infer(_) | Self::Config(_) | Self::Store(_) | Self::Vault(_) | Self::Service(_) => {
                true
            }
            Self::Batch(e) => e.stops_all(),
            Self::Evidence(e) => e.kind() != ErrorKind::Input,
            Self::Media(_) | Self::Eval(_) | Self::StagePanicked(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_exit_code() {
        let mut codes: Vec<u8> = ErrorKind::TABLE.iter().map(|row| row.2).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrorKind::TABLE.len());
        assert_eq!(ErrorKind::Input.exit_code(), 3);
        assert_eq!(ErrorKind::Limit.http_status(), 413);
        for row in ErrorKind::TABLE {
            assert_eq!(ErrorKind::of_exit_code(row.0.exit_code()), Some(row.0));
        }
    }
}
