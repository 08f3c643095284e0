//! What can be wrong with an evidence bundle or a key. Each message names the file and says the remedy.

use crate::error::ErrorKind;

/// A bundle that cannot be made, read or trusted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum EvidenceError {
    #[error("cannot write {name}: {source}: free space, or name another folder")]
    Write { name: String, source: std::io::Error },
    #[error("cannot read {name}: {source}: check the path and its permissions")]
    Read { name: String, source: std::io::Error },
    #[error("{name} is no evidence bundle ({reason}): give a file that ends in .evidence")]
    NotABundle { name: String, reason: String },
    #[error("{name} is refused: {reason}; no bundle of ours is so")]
    Refused { name: String, reason: String },
    #[error("{name} was altered: {parts}: get it again from whoever made it")]
    Altered { name: String, parts: String },
    #[error("{name} was signed by another key, {found}: ask the one whose key you expected")]
    OtherKey { name: String, found: String },
    #[error("{input} {how}: get the recording from whoever made the bundle")]
    OtherInput { input: String, how: String },
    #[error("{name} holds no hash of its recording, which was read from the network: nothing can be compared")]
    NoInputHash { name: String },
    #[error("{name}: the new run finds something else ({differences} differences beyond the tolerance)")]
    Differs { name: String, differences: usize },
    #[error("{input} changed while it was analysed (its SHA-256 is another now): scan it again")]
    InputChanged { input: String },
    #[error("the key {path}: {reason}")]
    Key { path: String, reason: String },
    #[error("no folder for the key: set HOME or XDG_CONFIG_HOME, or name a file with --key")]
    NoKeyFolder,
    #[error("{text:?} is no public key: give the 64 hexadecimal digits that `unmask key` prints, or a file with them")]
    PublicKey { text: String },
    #[error("{name} was made with a configuration that this version does not take ({reason}): use unmask {version}")]
    Config { name: String, reason: String, version: String },
    #[error("{name} was made with other networks, so nothing can be compared: {differences}; install those models")]
    Models { name: String, differences: String },
    #[error("the {part} of a bundle cannot be written as JSON: {reason}; please report this as a bug")]
    Serialise { part: &'static str, reason: String },
}

impl EvidenceError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Write { .. } | Self::Key { .. } | Self::NoKeyFolder => ErrorKind::Environment,
            Self::PublicKey { .. } => ErrorKind::Usage,
            Self::Models { .. } => ErrorKind::Model,
            Self::Serialise { .. } => ErrorKind::Bug,
            _ => ErrorKind::Input,
        }
    }
}
