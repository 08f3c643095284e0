//! What a live stream is. In: what the user named. Out: an address that can be connected to again and again, a queue
//! that never holds its writer up, and what is told of the stream while it runs.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::input::{Ready, probe_server};
use super::{Cancel, Input, MediaError, redact_uri};
use crate::config::{Limits, LiveConfig};
use crate::types::TimeSpan;
use crate::types::record::Warning;
use crate::webrtc::{Pull, PullError};

/// Gaps that wait to be told; older ones are only counted.
const GAPS: usize = 64;

/// Wait before the first try to connect anew; each next wait is twice as long.
const FIRST_WAIT_S: f64 = 0.25;

/// Longest session description, in bytes.
const MOST_SDP: u64 = 64 << 10;

/// Before the address of a WHEP server.
const WHEP: &str = "whep+";

/// Schemes of live sources.
const SCHEMES: [&str; 9] = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "http", "https", "udp", "v4l2"];

/// Where a live stream comes from.
#[derive(Debug, Clone)]
pub enum LiveInput {
    /// A stream on standard input.
    Stdin,
    /// The same, written as fast as it plays.
    Piped,
    /// A recording, played as if it were live.
    File(PathBuf),
    /// RTP, as a session description (RFC 8866) says.
    Sdp(PathBuf),
    /// An address that GStreamer opens.
    Uri(url::Url),
    /// A WHEP server's address, http or https.
    Whep(url::Url),
}

impl LiveInput {
    /// `-` is standard input, `/dev/video…` a camera, `….sdp` a session description, anything with `://` an address, the
    /// rest a recording.
    pub fn parse(text: &str) -> Result<Self, MediaError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let unknown = |scheme: &str| MediaError::UnknownLive { input: redact_uri(text), scheme: scheme.to_owned() };
        if text.starts_with("/dev/video") {
            return url::Url::parse(&format!("v4l2://{text}")).map(Self::Uri).map_err(|_| unknown("v4l2"));
        }
        let Some((scheme, _)) = text.split_once("://") else {
            let path = PathBuf::from(text);
            let sdp = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sdp"));
            return Ok(if sdp { Self::Sdp(path) } else { Self::File(path) });
        };
        if let Some(address) = text.strip_prefix(WHEP).filter(|a| a.starts_with("http://") || a.starts_with("https://"))
        {
            return url::Url::parse(address).map(Self::Whep).map_err(|_| unknown(scheme));
        }
        let url = url::Url::parse(text).map_err(|_| unknown(scheme))?;
        match url.scheme() {
            "file" => Ok(Self::File(url.to_file_path().map_err(|()| unknown(scheme))?)),
            known if SCHEMES.contains(&known) => Ok(Self::Uri(url)),
            other => Err(unknown(other)),
        }
    }

    /// As messages and records name it; no credentials.
    pub fn shown(&self) -> String {
        match self {
            Self::Stdin | Self::Piped => "standard input".into(),
            Self::File(path) | Self::Sdp(path) => path.display().to_string(),
            Self::Uri(url) => redact_uri(url.as_str()),
            Self::Whep(url) => format!("{WHEP}{}", redact_uri(url.as_str())),
        }
    }

    /// Checks it once; what is opened again and again.
    pub(super) fn ready(&self, limits: &Limits, cancel: &Cancel) -> Result<Ready, MediaError> {
        let shown = self.shown();
        let uri = match self {
            Self::File(path) => return Input::File(path.clone()).ready(limits, cancel),
            Self::Stdin | Self::Piped => "fd://0".to_owned(),
            Self::Sdp(path) => description(path, &shown)?,
            // Asked anew for each connection: see `pull`.
            Self::Whep(_) => String::new(),
            Self::Uri(url) => {
                // Small RTMP servers take one connection, so that trying it would use it up.
                if ["http", "https", "rtsp", "rtsps"].contains(&url.scheme()) {
                    probe_server(url)?;
                }
                url.to_string()
            }
        };
        Ok(Ready { uri, shown, bytes: None, sha256: None, c2pa: None, _held: None })
    }

    /// What must be held while a connection lasts, and the address by which GStreamer reads it; nothing for what GStreamer
    /// opens by itself.
    pub(super) fn pull(&self) -> Result<Option<(Pull, String)>, MediaError> {
        let Self::Whep(url) = self else { return Ok(None) };
        let refused = |e: PullError| MediaError::Connection { input: self.shown(), reason: e.to_string() };
        let pull = Pull::open(url).map_err(refused)?;
        let uri = format!("fd://{}", pull.descriptor());
        Ok(Some((pull, uri)))
    }

    /// True when its end is the end, and nothing will come back.
    pub(super) fn has_an_end(&self) -> bool {
        match self {
            Self::Stdin | Self::Piped | Self::File(_) => true,
            Self::Sdp(_) | Self::Whep(_) => false,
            Self::Uri(url) => matches!(url.scheme(), "http" | "https"),
        }
    }

    /// True when it can come faster than it plays, and must be held to the clock.
    pub(super) fn is_paced(&self) -> bool {
        self.has_an_end() && !matches!(self, Self::Piped)
    }
}

/// The address of a session description that can be read.
fn description(path: &Path, shown: &str) -> Result<String, MediaError> {
    let unreadable = |reason: String| MediaError::Unreadable { input: shown.to_owned(), reason };
    let meta = std::fs::metadata(path).map_err(|_| MediaError::NotFound { input: shown.to_owned() })?;
    if !meta.is_file() || meta.len() > MOST_SDP {
        return Err(unreadable(format!("a session description is a file of at most {MOST_SDP} bytes")));
    }
    let absolute = std::path::absolute(path).map_err(|e| unreadable(e.to_string()))?;
    Ok(format!("sdp://{}", absolute.display()))
}

/// Which live stream to watch, and how.
#[derive(Debug, Clone)]
pub struct LiveSpec {
    /// Where it comes from.
    pub input: LiveInput,
    /// How it is watched.
    pub config: LiveConfig,
    /// Ends by itself after so many seconds.
    pub for_s: Option<f64>,
}

/// The writing end of a queue that keeps what is newest: when it is full, the oldest item makes way.
pub(super) struct Newest<T> {
    sender: Sender<T>,
    oldest: Receiver<T>,
}

impl<T> Newest<T> {
    /// Both ends of a queue of `capacity` items, at least one.
    pub fn new(capacity: usize) -> (Self, Receiver<T>) {
        let (sender, receiver) = bounded(capacity.max(1));
        (Self { sender, oldest: receiver.clone() }, receiver)
    }

    /// Adds an item at once; returns how many made way for it.
    pub fn push(&self, item: T) -> u64 {
        let (mut item, mut dropped) = (item, 0);
        loop {
            match self.sender.try_send(item) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => return dropped,
                Err(TrySendError::Full(back)) => {
                    item = back;
                    dropped += u64::from(self.oldest.try_recv().is_ok());
                }
            }
        }
    }
}

/// Waits between tries to connect: each twice as long as the one before, up to a bound, a fifth longer or shorter by
/// chance so that many watchers do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next_s: f64,
    most_s: f64,
}

impl Backoff {
    /// Waits of at most `most_s`, before chance.
    pub fn new(most_s: f64) -> Self {
        Self { next_s: FIRST_WAIT_S, most_s }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next_s.min(self.most_s);
        self.next_s = (wait * 2.0).min(self.most_s);
        Duration::from_secs_f64(wait * (0.8 + 0.4 * fastrand::f64()))
    }

    /// The connection held.
    pub fn reset(&mut self) {
        self.next_s = FIRST_WAIT_S;
    }
}

#[derive(Debug, Default)]
struct Told {
    /// Gaps that nobody has asked for yet.
    gaps: VecDeque<TimeSpan>,
    gap_count: u64,
    gap_s: f64,
    /// What the connections had to say, by code; the message is the last one's.
    warnings: BTreeMap<String, (u64, u64, String)>,
    /// Why it ended for good, as code and message.
    ended: Option<(&'static str, String)>,
}

/// What is told of a live stream while it runs; shared by who receives it and who analyses it.
#[derive(Debug, Default)]
pub struct LiveState {
    told: Mutex<Told>,
    frames_dropped: AtomicU64,
    sound_dropped: AtomicU64,
}

impl LiveState {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next stretch in which the stream was away and which nobody has asked for yet.
    pub fn next_gap(&self) -> Option<TimeSpan> {
        self.told().gaps.pop_front()
    }

    /// How often and for how many seconds the stream was away so far.
    pub fn gaps(&self) -> (u64, f64) {
        let told = self.told();
        (told.gap_count, told.gap_s)
    }

    /// Frames that were left out so far because the analysis was behind.
    pub fn frames_dropped(&self) -> u64 {
        self.frames_dropped.load(Ordering::Relaxed)
    }

    /// Frames were left out.
    pub(super) fn drop_frames(&self, frames: u64) {
        self.frames_dropped.fetch_add(frames, Ordering::Relaxed);
    }

    /// Sound was left out, in chunks.
    pub(super) fn drop_sound(&self, chunks: u64) {
        self.sound_dropped.fetch_add(chunks, Ordering::Relaxed);
    }

    /// The stream was away.
    pub(super) fn gap(&self, span: TimeSpan) {
        let mut told = self.told();
        told.gap_count += 1;
        told.gap_s += span.secs();
        if told.gaps.len() == GAPS {
            told.gaps.pop_front();
        }
        told.gaps.push_back(span);
    }

    /// What one connection had to say.
    pub(super) fn add(&self, warning: Warning) {
        let mut told = self.told();
        let (connections, count, message) = told.warnings.entry(warning.code).or_default();
        *connections += 1;
        *count += warning.count;
        *message = warning.message;
    }

    /// It has ended before its end; the first reason counts.
    pub(super) fn end(&self, code: &'static str, message: String) {
        self.told().ended.get_or_insert((code, message));
    }

    /// All that a reader should know.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let told = self.told();
        let mut out = Vec::new();
        let mut warn = |code: &str, message: String, count: u64| {
            if count > 0 {
                out.push(Warning { code: code.into(), message, count });
            }
        };
        if let Some((code, message)) = &told.ended {
            warn(code, message.clone(), 1);
        }
        let times = if told.gap_count == 1 { "once".into() } else { format!("{} times", told.gap_count) };
        warn("stream_gaps", format!("the stream was away {times}, {:.1} s in all", told.gap_s), told.gap_count);
        let frames = self.frames_dropped();
        warn("frames_dropped", format!("{frames} frames were left out: the analysis could not follow"), frames);
        let chunks = self.sound_dropped.load(Ordering::Relaxed);
        warn("sound_dropped", format!("{chunks} pieces of sound were left out: the analysis could not follow"), chunks);
        for (code, (connections, count, message)) in &told.warnings {
            let message = match connections {
                1 => message.clone(),
                n => format!("in {n} connections, at last: {message}"),
            };
            warn(code, message, *count);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MediaTime;
    use proptest::prelude::*;

    #[test]
    fn what_the_user_typed_is_told_apart() {
        let parse = |text: &str| LiveInput::parse(text);
        assert!(matches!(parse("-"), Ok(LiveInput::Stdin)));
        assert!(matches!(parse("/dev/video0"), Ok(LiveInput::Uri(u)) if u.as_str() == "v4l2:///dev/video0"));
        assert!(matches!(parse("call.SDP"), Ok(LiveInput::Sdp(_))));
        assert!(matches!(parse("call.mp4"), Ok(LiveInput::File(_))));
        for uri in ["rtsp://h/1", "rtmp://h/live/x", "srt://h:9000?mode=caller", "https://h/x.m3u8"] {
            assert!(matches!(parse(uri), Ok(LiveInput::Uri(_))), "{uri}");
        }
        let error = parse("gopher://me:secret@h/1?k=secret").unwrap_err().to_string();
        assert!(error.contains("gopher") && error.contains("rtsp") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_oldest_makes_way_and_is_counted() {
        let (queue, reader) = Newest::new(2);
        let dropped: u64 = (0..5).map(|i| queue.push(i)).sum();
        drop(queue);
        assert_eq!((dropped, reader.iter().collect::<Vec<_>>()), (3, vec![3, 4]));
    }

    #[test]
    fn gaps_are_told_once_and_counted_for_good() {
        let state = LiveState::default();
        for second in 0..100 {
            let start = MediaTime::from_secs(f64::from(second));
            state.gap(TimeSpan { start, end: start + MediaTime::from_secs(0.5) });
        }
        let told = std::iter::from_fn(|| state.next_gap()).count();
        assert_eq!((told, state.gaps().0), (GAPS, 100));
        assert!(state.warnings().iter().any(|w| w.code == "stream_gaps" && w.message.contains("50.0 s")));
    }

    proptest! {
        #[test]
        fn waits_grow_up_to_their_bound(most in 0.25f64..60.0, tries in 1usize..20) {
            let mut backoff = Backoff::new(most);
            let waits: Vec<f64> = (0..tries).map(|_| backoff.wait().as_secs_f64()).collect();
            prop_assert!(waits.iter().all(|w| *w <= most * 1.2 + 1e-9));
            prop_assert!(waits[0] <= FIRST_WAIT_S * 1.2 + 1e-9);
            prop_assert!(waits.windows(2).all(|w| w[1] >= w[0] * 0.66), "{:?}", waits);
        }
    }
}
