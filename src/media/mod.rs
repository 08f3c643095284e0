//! The SOURCE seam. In: a path, a URI, standard input, or a made-up scene. Out: YUV frames and 16 kHz mono sound
//! with presentation times, each stream pulled by its own thread.

mod c2pa;
mod error;
pub mod gst;
mod input;
mod limits;
pub(crate) mod live;
pub mod playlist;
mod synthetic;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use error::MediaError;
pub use input::{Input, redact_uri, sha256_of};
pub use live::{LiveInput, LiveSpec, LiveState};
pub use synthetic::{OwnedPlanes, Scene, SyntheticSource};

use crate::config::Limits;
use crate::types::record::{SourceInfo, Warning};
use crate::types::{AudioChunk, MediaTime, TimeSpan, VideoFrame};

/// Code of the warning that says that a recording broke off.
pub const BROKE_OFF: &str = "stream_error";

/// Code of the warning that says that a recording carries Content Credentials.
pub const C2PA_PRESENT: &str = "c2pa_present";

/// Asks every stage to end early. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Frames in order of strictly increasing presentation time.
pub trait VideoStream: Send {
    /// The next frame; `None` at the end or when cancelled. Blocks, but never longer than the stall limit.
    fn next_frame(&mut self) -> Result<Option<VideoFrame>, MediaError>;
}

/// Sound in order of time; a jump in `pts` is a gap.
pub trait AudioStream: Send {
    /// The next chunk; `None` at the end or when cancelled. Blocks, but never longer than the stall limit.
    fn next_chunk(&mut self) -> Result<Option<AudioChunk>, MediaError>;
}

/// What a source gives; each is absent when the recording has no such stream.
#[derive(Default)]
pub struct Streams {
    /// Pictures.
    pub video: Option<Box<dyn VideoStream>>,
    /// Sound.
    pub audio: Option<Box<dyn AudioStream>>,
}

/// An opened recording or stream.
pub trait Source: Send {
    /// What was found on opening.
    fn info(&self) -> &SourceInfo;
    /// The streams; the second call gives none.
    fn streams(&mut self) -> Streams;
    /// What a reader should know of the recording; complete once both streams have ended.
    fn warnings(&self) -> Vec<Warning>;
    /// The stretches that are to be looked at closely, most doubtful first, when the rest is only sampled.
    fn glimpse(&self) -> Option<&Glimpse> {
        None
    }
    /// What is told while it runs, if it is live: then frames are not held back for the sound.
    fn live(&self) -> Option<Arc<LiveState>> {
        None
    }
}

/// What of a file's pictures is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Glimpse {
    /// Key frames that are at least so far apart, …
    pub every: MediaTime,
    /// … and all frames of these stretches, which begin at key frames; most doubtful first.
    pub closely: Vec<TimeSpan>,
    /// Decode everything, for a file with hardly any key frames; what is looked at is the same.
    pub decode_all: bool,
}

/// Which source to open.
#[derive(Debug, Clone)]
pub enum SourceSpec {
    /// Anything GStreamer can read.
    Gst(Input),
    /// Key frames of a file, and stretches of it whole.
    Glimpsed(Input, Glimpse),
    /// A live stream.
    Live(LiveSpec),
    /// A made-up scene, for tests and benches.
    Synthetic(Scene),
}

/// Opens a source: checks it against the limits, and returns when its streams are known.
pub fn build(spec: SourceSpec, limits: &Limits, cancel: &Cancel) -> Result<Box<dyn Source>, MediaError> {
    Ok(match spec {
        SourceSpec::Gst(input) => Box::new(gst::GstSource::open(input, limits, cancel)?),
        SourceSpec::Glimpsed(input, glimpse) => {
            Box::new(gst::GstSource::open_glimpsed(input, glimpse, limits, cancel)?)
        }
        SourceSpec::Live(spec) => Box::new(gst::LiveSource::open(spec, limits, cancel)?),
        SourceSpec::Synthetic(scene) => Box::new(SyntheticSource::new(scene, cancel)),
    })
}
