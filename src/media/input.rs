//! What the user named. In: a path, a URI or `-`. Out: something checked that can be opened, in our own words
//! when it cannot.

use std::any::Any;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender};
use sha2::{Digest, Sha256};

use super::{Cancel, MediaError};
use crate::config::Limits;
use crate::infer::hex;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much is read at once when hashing or spooling (1 MiB).
const READ_BYTES: usize = 1 << 20;

/// Blocks of standard input that wait to be written.
const SPOOL_BLOCKS: usize = 4;

/// Where a recording comes from.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input, kept in a temporary file so that any container can be read from it.
    Stdin,
    /// A URI that GStreamer opens itself.
    Uri(url::Url),
}

/// A checked input.
pub(super) struct Ready {
    /// What GStreamer opens.
    pub uri: String,
    /// For messages and records; no credentials.
    pub shown: String,
    /// Size, for files.
    pub bytes: Option<u64>,
    /// SHA-256, for files.
    pub sha256: Option<String>,
    /// Whether there is a C2PA manifest, for files of kinds that can have one.
    pub c2pa: Option<bool>,
    /// What lives as long as this: a spooled file, a stream that is pulled.
    pub _held: Option<Arc<dyn Any + Send + Sync>>,
}

impl Input {
    /// `-` is standard input, anything with `://` a URI, the rest a path.
    pub fn parse(text: &str) -> Result<Self, MediaError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let unknown = || MediaError::UnknownScheme { input: redact_uri(text), scheme: scheme.to_owned() };
        let url = url::Url::parse(text).map_err(|_| unknown())?;
        match url.scheme() {
            "file" => Ok(Self::File(url.to_file_path().map_err(|()| unknown())?)),
            "http" | "https" | "rtsp" | "rtsps" => Ok(Self::Uri(url)),
            _ => Err(unknown()),
        }
    }

    /// A name for result files: the file's stem, or the last part of the address.
    pub fn stem(&self) -> String {
        let of = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        match self {
            Self::File(path) => of(path),
            Self::Stdin => Some("stdin".into()),
            Self::Uri(url) => of(Path::new(url.path())),
        }
        .filter(|s| !s.is_empty())
        .unwrap_or_else(|| "recording".into())
    }

    /// The input as messages name it.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".into(),
            Self::Uri(url) => redact_uri(url.as_str()),
        }
    }

    /// A file that was checked before and is opened once more; `None` for what cannot be.
    pub(super) fn again(&self) -> Result<Option<Ready>, MediaError> {
        let Self::File(path) = self else { return Ok(None) };
        let shown = self.shown();
        let bytes = std::fs::metadata(path).map_err(|_| MediaError::NotFound { input: shown.clone() })?.len();
        let uri = file_uri(path, &shown)?;
        Ok(Some(Ready { uri, shown, bytes: Some(bytes), sha256: None, c2pa: None, _held: None }))
    }

    pub(super) fn ready(&self, limits: &Limits, cancel: &Cancel) -> Result<Ready, MediaError> {
        match self {
            Self::File(path) => ready_file(path, &self.shown(), None, limits, cancel),
            Self::Stdin => {
                let spool = Arc::new(spool(std::io::stdin(), limits, cancel)?);
                let path = spool.path().to_owned();
                ready_file(&path, &self.shown(), Some(spool), limits, cancel)
            }
            Self::Uri(url) => {
                probe_server(url)?;
                let shown = self.shown();
                Ok(Ready { uri: url.to_string(), shown, bytes: None, sha256: None, c2pa: None, _held: None })
            }
        }
    }
}

/// An address without user, password, query or fragment, so that it can be shown and kept.
pub fn redact_uri(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) => {
            // Addresses without a host refuse these two; they have nothing to hide then.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Err(_) => text.split(['?', '#']).next().unwrap_or_default().to_owned(),
    }
}

fn ready_file(
    path: &Path,
    shown: &str,
    spool: Option<Arc<tempfile::NamedTempFile>>,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Ready, MediaError> {
    let input = || shown.to_owned();
    let io = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => MediaError::NotFound { input: input() },
        _ => MediaError::Unreadable { input: input(), reason: e.to_string() },
    };
    let meta = std::fs::metadata(path).map_err(io)?;
    if meta.is_dir() {
        return Err(MediaError::Directory { input: input() });
    }
    if !meta.is_file() {
        let reason = "not a regular file; pipe it into '-' instead".to_owned();
        return Err(MediaError::Unreadable { input: input(), reason });
    }
    if meta.len() == 0 {
        return Err(MediaError::Empty { input: input() });
    }
    limits.check_bytes(shown, meta.len())?;
    let sha256 = sha256_of(path, cancel).map_err(io)?;
    let c2pa = std::fs::File::open(path).and_then(|mut file| super::c2pa::manifest_in(&mut file)).map_err(io)?;
    let (uri, bytes) = (file_uri(path, shown)?, Some(meta.len()));
    Ok(Ready { uri, shown: input(), bytes, sha256: Some(sha256), c2pa, _held: spool.map(|s| s as _) })
}

fn file_uri(path: &Path, shown: &str) -> Result<String, MediaError> {
    let unknown = || MediaError::NotFound { input: shown.to_owned() };
    let absolute = std::path::absolute(path).map_err(|_| unknown())?;
    Ok(url::Url::from_file_path(&absolute).map_err(|()| unknown())?.to_string())
}

/// SHA-256 of a file, hex; of what was read so far when cancelled.
pub fn sha256_of(path: &Path, cancel: &Cancel) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 || cancel.is_cancelled() {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..n]);
    }
}

/// Copies `from` into a temporary file that disappears with the returned value. Reading has a thread of its own, so
/// that a silent pipe can be given up; what was read when cancelled is kept.
fn spool(
    from: impl Read + Send + 'static,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<tempfile::NamedTempFile, MediaError> {
    let failed = |e: std::io::Error| MediaError::Spool {
        dir: std::env::temp_dir().display().to_string(),
        reason: e.to_string(),
    };
    let mut file = tempfile::Builder::new().prefix("unmask-").tempfile().map_err(failed)?;
    let (blocks_out, blocks) = crossbeam_channel::bounded(SPOOL_BLOCKS);
    let reader = std::thread::Builder::new().name("stdin".into());
    reader.spawn(move || read_blocks(from, &blocks_out)).map_err(failed)?;
    let (mut total, mut heard) = (0u64, Instant::now());
    while !cancel.is_cancelled() {
        match blocks.recv_timeout(Duration::from_millis(100)) {
            Ok(block) => {
                let block: Vec<u8> = block.map_err(failed)?;
                total += block.len() as u64;
                limits.check_bytes("standard input", total)?;
                file.write_all(&block).map_err(failed)?;
                heard = Instant::now();
            }
            Err(RecvTimeoutError::Timeout) if heard.elapsed().as_secs_f64() > limits.stall_s => {
                return Err(MediaError::Stalled { input: "standard input".into(), seconds: limits.stall_s });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(file)
}

/// Ends at the end of the input, at an error, or when nobody takes the blocks any more.
fn read_blocks(mut from: impl Read, out: &Sender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; READ_BYTES];
        let read = from.read(&mut block).map(|n| {
            block.truncate(n);
            block
        });
        let last = !matches!(&read, Ok(block) if !block.is_empty());
        let ended = matches!(&read, Ok(block) if block.is_empty());
        if ended || out.send(read).is_err() || last {
            return;
        }
    }
}

/// GStreamer's own words for a refused connection name no address, so we try it first.
pub(super) fn probe_server(url: &url::Url) -> Result<(), MediaError> {
    let fail = |reason: String| MediaError::Connection { input: redact_uri(url.as_str()), reason };
    let host = url.host_str().ok_or_else(|| fail("no host in the address".into()))?;
    let port = url.port_or_known_default().unwrap_or(554);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (host, port).to_socket_addrs().map_err(|e| fail(e.to_string()))?;
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(e) => last = e.to_string(),
        }
    }
    Err(fail(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_typed_is_told_apart() {
        assert!(matches!(Input::parse("-").unwrap(), Input::Stdin));
        assert!(matches!(Input::parse("a:b.mp4").unwrap(), Input::File(_)));
        assert!(matches!(Input::parse("file:///a/b.mp4").unwrap(), Input::File(p) if p == Path::new("/a/b.mp4")));
        assert!(matches!(Input::parse("https://h/x.m3u8").unwrap(), Input::Uri(_)));
        assert!(matches!(Input::parse("ftpx://h/x").unwrap_err(), MediaError::UnknownScheme { .. }));
        assert_eq!(Input::parse("/tmp/a call.mp4").unwrap().stem(), "a call");
        assert_eq!(Input::parse("https://h/").unwrap().stem(), "recording");
    }

    #[test]
    fn credentials_never_show() {
        assert_eq!(redact_uri("rtsp://me:secret@cam/1?token=secret#s"), "rtsp://cam/1");
        let error = Input::parse("ftpx://me:secret@h/x?k=secret").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_spool_stops_at_the_limit() {
        let limits = Limits { max_bytes: 3 << 20, ..Limits::default() };
        let cancel = Cancel::default();
        let whole = spool(std::io::repeat(7).take(3 << 20), &limits, &cancel).unwrap();
        assert_eq!(whole.as_file().metadata().unwrap().len(), 3 << 20);
        assert!(matches!(spool(std::io::repeat(7), &limits, &cancel), Err(MediaError::Limit { .. })));
    }

    #[test]
    fn a_silent_pipe_is_given_up() {
        struct Silent;
        impl Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                std::thread::sleep(Duration::from_secs(600));
                Ok(0)
            }
        }
        let limits = Limits { stall_s: 0.3, ..Limits::default() };
        assert!(matches!(spool(Silent, &limits, &Cancel::default()), Err(MediaError::Stalled { .. })));
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(spool(Silent, &Limits::default(), &cancel).is_ok(), "cancelled at once");
    }
}
