//! Single frames. In: a file that was scanned, times of its frames. Out: the pictures at these times.

use super::GstSource;
use super::pull::Video;
use crate::config::Limits;
use crate::media::{Cancel, Input, MediaError, VideoStream};
use crate::types::{MediaTime, VideoFrame};

/// Nearer than this ahead, decoding on costs less than a jump to the last key frame.
const NEAR: MediaTime = MediaTime(2_000_000_000);

/// Frames that are decoded at most to reach a time: some seconds at any usual rate.
const FRAMES: usize = 900;

/// A frame this little before a time still is the one asked for: records round to a microsecond.
const SLACK: MediaTime = MediaTime(2_000);

/// Opens a file once more and picks frames from it. Times are those of the scan: running time since its start.
pub struct FramePicker {
    source: GstSource,
    video: Video,
    origin: MediaTime,
    last: Option<VideoFrame>,
}

impl FramePicker {
    /// Opens the file; `None` when the input is no file or has no pictures.
    pub fn open(input: &Input, limits: &Limits, cancel: &Cancel) -> Result<Option<Self>, MediaError> {
        let opened = GstSource::again(input, limits, cancel)?.and_then(GstSource::into_pictures);
        Ok(opened.map(|(source, mut video)| {
            let origin = video.by_position();
            Self { source, video, origin, last: None }
        }))
    }

    /// The frame that shows at `time`, or the last before it when the recording ends or breaks off there; `None`
    /// where there is none. Ask in the order of time.
    pub fn at(&mut self, time: MediaTime) -> Result<Option<VideoFrame>, MediaError> {
        let here = self.last.as_ref().map_or(MediaTime::ZERO, |last| last.pts);
        let near = here <= time + SLACK && time - here <= NEAR;
        if !near && self.source.jump(time + self.origin) {
            self.video.jumped();
            self.last = None;
        }
        for _ in 0..FRAMES {
            if self.last.as_ref().is_some_and(|last| last.pts + SLACK >= time) {
                break;
            }
            match self.video.next_frame()? {
                Some(frame) => self.last = Some(frame),
                None => break,
            }
        }
        Ok(self.last.clone())
    }
}
