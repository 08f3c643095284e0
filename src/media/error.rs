//! What can be wrong with a recording. Each message names the input and says the remedy.

use crate::error::ErrorKind;

/// A recording that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum MediaError {
    #[error("{input}: no such file: check the path")]
    NotFound { input: String },
    #[error("{input}: is a directory: name a recording inside it, or scan all of it with --out")]
    Directory { input: String },
    #[error("{input}: is empty: record or copy it again")]
    Empty { input: String },
    #[error("{input}: cannot be read ({reason}): check its permissions")]
    Unreadable { input: String, reason: String },
    #[error("{input}: is a text file, not a recording")]
    Text { input: String },
    #[error("{input}: is no recording in a known format: export it as mp4, webm or wav")]
    UnknownFormat { input: String },
    #[error("{input}: is damaged or was cut off before anything could be played ({reason}): copy or export it again")]
    Damaged { input: String, reason: String },
    #[error("{input}: has no video and no audio stream")]
    NoUsableStream { input: String },
    #[error("{input}: not found on the server: check the address")]
    NotOnServer { input: String },
    #[error("{input}: the playlist gave no stream: check the address")]
    EmptyPlaylist { input: String },
    #[error("{input}: cannot connect ({reason}): check the address and that the server runs")]
    Connection { input: String, reason: String },
    #[error("{input}: unknown kind of address {scheme}: give a path, or a file, http, https or rtsp address")]
    UnknownScheme { input: String, scheme: String },
    #[error(
        "{input}: unknown kind of live source {scheme}: give an rtsp, rtmp, srt, udp, http or https address, \
         whep+https://…, /dev/video0, a .sdp file, or - for standard input"
    )]
    UnknownLive { input: String, scheme: String },
    #[error("{input}: gave no data for {seconds} s: the source has stalled; try again, or raise limits.stall_s")]
    Stalled { input: String, seconds: f64 },
    #[error("{input}: {what} is {found}, the limit is {limit}: raise {key} if you trust the file")]
    Limit { input: String, what: &'static str, found: String, limit: String, key: &'static str },
    #[error("{input}: no decoder for {codec}: install {package}")]
    MissingDecoder { input: String, codec: String, package: String },
    #[error("GStreamer element {element} is missing: install {package} (scripts/setup does)")]
    MissingElement { element: String, package: String },
    #[error("GStreamer does not start: {reason}")]
    Gstreamer { reason: String },
    #[error("{input}: --triage reads a recording twice: give a file")]
    NotTwice { input: String },
    #[error("cannot keep standard input in {dir}: {reason}: free some space or set TMPDIR")]
    Spool { dir: String, reason: String },
}

impl MediaError {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Limit { .. } => ErrorKind::Limit,
            Self::MissingDecoder { .. } | Self::MissingElement { .. } | Self::Gstreamer { .. } | Self::Spool { .. } => {
                ErrorKind::Environment
            }
            _ => ErrorKind::Input,
        }
    }
}
