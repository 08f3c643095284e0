//! What keeps the service from starting. Each message says the remedy.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::ErrorKind;

/// A service that cannot run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ServiceError {
    #[error("{0} is not an address of this machine alone: give --keys FILE, or listen on 127.0.0.1")]
    Open(SocketAddr),
    #[error("{path}: {reason}", path = path.display())]
    Keys { path: PathBuf, reason: String },
    #[error(
        "{0:?} is no name and scopes: give NAME:SCOPES or NAME@TENANT:SCOPES with scopes of submit, read, admin, as in hr-tool:submit,read"
    )]
    NewKey(String),
    #[error("--allow-uri {0}: give an address with a host, of http or https, as in https://media.example.org/calls/")]
    Prefix(String),
    #[error("{path}: {reason}: give a certificate with its chain and its private key, both as PEM", path = path.display())]
    Tls { path: PathBuf, reason: String },
    #[error("traces: {0}: check the variables OTEL_EXPORTER_OTLP_…")]
    Traces(String),
    #[error("{address}: {source}: give another --listen")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("{address}, UDP: {source}: give another --live-port, or --live 0")]
    Media { address: SocketAddr, source: std::io::Error },
    #[error("the service cannot run: {0}: free memory and files, and start it again")]
    Machine(#[from] std::io::Error),
}

impl ServiceError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(_)
            | Self::Keys { .. }
            | Self::NewKey(_)
            | Self::Prefix(_)
            | Self::Tls { .. }
            | Self::Traces(_) => ErrorKind::Usage,
            Self::Bind { .. } | Self::Media { .. } | Self::Machine(_) => ErrorKind::Environment,
        }
    }
}
