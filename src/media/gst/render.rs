//! A recording drawn over. In: a recording, and an SVG picture for each of its frames. Out: a WebM file (VP8, Opus)
//! that any player shows.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;

use super::bus::BusWatch;
use super::{SETTLING, init, make};
use crate::config::Limits;
use crate::media::{Cancel, Input, MediaError};
use crate::types::MediaTime;

/// Longest side of the drawn video in pixels; larger recordings are shrunk.
const SIDE: i32 = 1280;

/// Encoded data that waits for the muxer, a stream: hours of sound, minutes of video. In a trimmed recording one stream
/// comes seconds before the other, and a shorter queue would hold up the demuxer for good.
const QUEUE_BYTES: u32 = 64 << 20;

/// Draws: time, width and height in, an SVG document of that size out.
pub type Draw = Box<dyn FnMut(MediaTime, (u32, u32)) -> String + Send>;

/// Which streams the recording has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracks {
    /// Pictures; without them there is nothing to draw on.
    pub video: bool,
    /// Sound, which is taken over.
    pub audio: bool,
}

/// Plays a file once more and writes it with `draw`'s pictures over it to `out`. False, and no file, for what is no
/// file or was cancelled.
pub fn draw_over(
    input: &Input,
    tracks: Tracks,
    out: &Path,
    draw: Draw,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<bool, MediaError> {
    init()?;
    let Some(ready) = input.again()?.filter(|_| !cancel.is_cancelled()) else { return Ok(false) };
    let pipeline = Stopped(gst::Pipeline::new());
    let reached = Arc::new(AtomicI64::new(0));
    let decode = make("uridecodebin3")?;
    decode.set_property("uri", &ready.uri);
    let muxer = make("webmmux")?;
    let file = make("filesink")?;
    file.set_property("location", out);
    pipeline.0.add_many([&decode, &muxer, &file]).map_err(broken)?;
    muxer.link(&file).map_err(broken)?;
    let video = if tracks.video { Some(video_chain(&pipeline.0, &muxer, draw, &reached)?) } else { None };
    let audio = if tracks.audio { Some(audio_chain(&pipeline.0, &muxer)?) } else { None };
    connect(&decode, &pipeline.0, video, audio);
    let bus = pipeline.0.bus().ok_or_else(|| MediaError::Gstreamer { reason: "no bus".into() })?;
    wait(&pipeline.0, BusWatch::new(bus), &reached, &ready.shown, limits, cancel)
}

/// A pipeline that is stopped when it goes.
pub(super) struct Stopped(pub gst::Pipeline);

impl Drop for Stopped {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that does not stop.
        let _ = self.0.set_state(gst::State::Null);
    }
}

pub(super) fn broken(error: glib::BoolError) -> MediaError {
    MediaError::Gstreamer { reason: error.to_string() }
}

/// Runs to the end; a recording that breaks off ends there, as in the scan.
fn wait(
    pipeline: &gst::Pipeline,
    bus: BusWatch,
    reached: &AtomicI64,
    shown: &str,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<bool, MediaError> {
    pipeline.set_state(gst::State::Playing).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
    let (mut last, mut moved, began) = (0, Instant::now(), Instant::now());
    loop {
        let heard = bus.listen(gst::ClockTime::from_mseconds(100));
        if heard.ended {
            return Ok(true);
        }
        if cancel.is_cancelled() && (last > 0 || began.elapsed() > SETTLING) {
            return Ok(false);
        }
        if heard.error.is_some() {
            let unknown = || MediaError::Gstreamer { reason: "the overlay cannot be made".into() };
            return Err(bus.drain().to_error(shown).unwrap_or_else(unknown));
        }
        let now = reached.load(Ordering::Relaxed);
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        if moved.elapsed().as_secs_f64() > limits.stall_s {
            return Err(MediaError::Stalled { input: shown.to_owned(), seconds: limits.stall_s });
        }
    }
}

/// Adds elements in a row that ends in the muxer; returns where the row begins.
fn chain(
    pipeline: &gst::Pipeline,
    muxer: &gst::Element,
    elements: &[gst::Element],
    pad: &str,
) -> Result<gst::Pad, MediaError> {
    pipeline.add_many(elements).map_err(broken)?;
    gst::Element::link_many(elements).map_err(broken)?;
    let missing = || MediaError::Gstreamer { reason: "an element has no pad".into() };
    let (first, last) = (elements.first().ok_or_else(missing)?, elements.last().ok_or_else(missing)?);
    let into = muxer.request_pad_simple(pad).ok_or_else(missing)?;
    let from = last.static_pad("src").ok_or_else(missing)?;
    from.link(&into).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
    first.static_pad("sink").ok_or_else(missing)
}

fn video_chain(
    pipeline: &gst::Pipeline,
    muxer: &gst::Element,
    draw: Draw,
    reached: &Arc<AtomicI64>,
) -> Result<gst::Pad, MediaError> {
    let (flip, size, overlay, encoder) =
        (make("videoflip")?, make("capsfilter")?, make("rsvgoverlay")?, make("vp8enc")?);
    flip.set_property_from_str("video-direction", "auto");
    let side = gst::IntRange::new(2, SIDE);
    let square = gst::Fraction::new(1, 1);
    let caps = gst::Caps::builder("video/x-raw").field("width", side).field("height", side);
    size.set_property("caps", caps.field("pixel-aspect-ratio", square).build());
    encoder.set_property("deadline", 1i64);
    encoder.set_property("cpu-used", 8i32);
    encoder.set_property("keyframe-max-dist", 60i32);
    encoder.set_property("target-bitrate", 2_000_000i32);
    draw_frames(&overlay, draw, reached)?;
    let (convert, scale) = (make("videoconvert")?, make("videoscale")?);
    let (back, queue) = (make("videoconvert")?, encoded_queue()?);
    chain(pipeline, muxer, &[convert, flip, scale, size, overlay, back, encoder, queue], "video_%u")
}

fn audio_chain(pipeline: &gst::Pipeline, muxer: &gst::Element) -> Result<gst::Pad, MediaError> {
    let elements = [make("audioconvert")?, make("audioresample")?, make("opusenc")?, encoded_queue()?];
    chain(pipeline, muxer, &elements, "audio_%u")
}

fn encoded_queue() -> Result<gst::Element, MediaError> {
    let queue = make("queue")?;
    queue.set_property("max-size-bytes", QUEUE_BYTES);
    queue.set_property("max-size-buffers", 0u32);
    queue.set_property("max-size-time", 0u64);
    Ok(queue)
}

/// Gives the overlay its picture before each frame reaches it.
fn draw_frames(overlay: &gst::Element, draw: Draw, reached: &Arc<AtomicI64>) -> Result<(), MediaError> {
    let missing = || MediaError::Gstreamer { reason: "the overlay has no input".into() };
    let pad = overlay.static_pad("sink").ok_or_else(missing)?;
    let (draw, reached, overlay) = (Mutex::new(draw), Arc::clone(reached), overlay.downgrade());
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
        let (Some(overlay), Some(buffer)) = (overlay.upgrade(), probe.buffer()) else { return gst::PadProbeReturn::Ok };
        let segment = pad.sticky_event::<gst::event::Segment>(0).and_then(|e| e.segment().clone().downcast().ok());
        let segment: Option<gst::FormattedSegment<gst::ClockTime>> = segment;
        let time = segment.and_then(|s| s.to_running_time(buffer.pts()?));
        let size = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        if let (Some(time), Some(size)) = (time, size) {
            let time = MediaTime(i64::try_from(time.nseconds()).unwrap_or(i64::MAX));
            reached.store(time.0, Ordering::Relaxed);
            let mut draw = draw.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            overlay.set_property("data", draw(time, (size.width(), size.height())));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Links the first video and the first audio stream; others go nowhere.
fn connect(decode: &gst::Element, pipeline: &gst::Pipeline, video: Option<gst::Pad>, audio: Option<gst::Pad>) {
    let (pipeline, entries) = (pipeline.downgrade(), Mutex::new((video, audio)));
    decode.connect_pad_added(move |decode, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        let mut entries = entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = match pad.name() {
            name if name.starts_with("video") => entries.0.take(),
            name if name.starts_with("audio") => entries.1.take(),
            _ => None,
        };
        let linked = match entry {
            Some(entry) => pad.link(&entry).map(|_| ()).map_err(|e| e.to_string()),
            None => to_nowhere(&pipeline, pad).map_err(|e| e.to_string()),
        };
        if let Err(error) = linked {
            gst::element_error!(decode, gst::CoreError::Pad, ("{error}"));
        }
    });
}

fn to_nowhere(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), MediaError> {
    let sink = make("fakesink")?;
    sink.set_property("async", false);
    pipeline.add(&sink).map_err(broken)?;
    sink.sync_state_with_parent().map_err(broken)?;
    let missing = || MediaError::Gstreamer { reason: "an element has no pad".into() };
    let entry = sink.static_pad("sink").ok_or_else(missing)?;
    pad.link(&entry).map(|_| ()).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })
}
