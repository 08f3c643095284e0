//! What can be wrong with networks and what runs them.

use std::path::PathBuf;

use crate::error::ErrorKind;

/// A network that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum InferError {
    #[error(
        "ONNX Runtime is not there: looked for {}; run scripts/setup, or name the library with --ort-lib",
        shown(looked)
    )]
    LibraryMissing { looked: Vec<PathBuf> },
    #[error("ONNX Runtime {path} cannot be used: {reason}; run scripts/setup", path = path.display())]
    LibraryUnusable { path: PathBuf, reason: String },
    #[error("no GPU: {reason}; fix that, or drop --device and --require-gpu")]
    NoGpu { reason: String },
    #[error("no folder of models: looked in {}; run from the project, or name it with --models", shown(looked))]
    NoModels { looked: Vec<PathBuf> },
    #[error("model {model} is not installed: {path} is missing; run scripts/setup", path = path.display())]
    ModelMissing { model: String, path: PathBuf },
    #[error("{path}: {message}", path = path.display())]
    Manifest { path: PathBuf, message: String },
    #[error("model {model}: {path} is not the file its manifest names (sha256 {found}, expected {expected}); run scripts/setup, or restore the file from the repository", path = path.display())]
    Hash { model: String, path: PathBuf, found: String, expected: String },
    #[error("model {model} may not be used commercially ({licence}): add --allow-noncommercial if your use is not")]
    Licence { model: String, licence: String },
    #[error("model {model} does the wrong task: {found}, where {wanted} is needed; name another in the configuration")]
    Task { model: String, found: String, wanted: String },
    #[error("model {model}: {message}")]
    Shape { model: String, message: String },
    #[error(
        "model {model}: its answer to the committed example is {found}, expected {expected} ± {tolerance}; reinstall it"
    )]
    Golden { model: String, found: String, expected: String, tolerance: f32 },
    #[error("model {model}: output {output} is not a number")]
    NotFinite { model: String, output: String },
    #[error("model {model} failed: {message}")]
    Run { model: String, message: String },
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl InferError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::LibraryMissing { .. } | Self::LibraryUnusable { .. } | Self::NoGpu { .. } => ErrorKind::Environment,
            Self::Licence { .. } | Self::Task { .. } => ErrorKind::Usage,
            _ => ErrorKind::Model,
        }
    }
}
