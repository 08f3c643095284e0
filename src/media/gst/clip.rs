//! A clip made from one picture and some sound. In: RGB, samples, a length. Out: a Matroska file (H.264, Opus) to measure
//! with.

use std::path::Path;
use std::thread::Builder;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::bus::BusWatch;
use super::render::{Stopped, broken};
use super::{init, make};
use crate::media::MediaError;
use crate::types::AudioChunk;

/// Frames a second.
const FPS: u32 = 30;

/// Bytes that wait for an encoder: two frames of 1280×720.
const WAITING: u64 = 6 << 20;

/// Bits a second of the pictures.
const BITS: u32 = 3_000_000;

/// A picture that is moved up and down to make frames.
pub struct Still {
    /// R, G, B, row by row.
    pub rgb: Vec<u8>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows of a frame; the picture has more, and frames show part of it.
    pub height: usize,
}

impl Still {
    /// Frame `n`: the picture's rows from a place that swings once in two seconds.
    fn frame(&self, n: u32) -> Vec<u8> {
        let row = 3 * self.width;
        let room = (self.rgb.len() / row.max(1)).saturating_sub(self.height);
        let swing = 0.5 + 0.5 * (n as f32 / FPS as f32 * std::f32::consts::PI).sin();
        let top = (swing * room as f32) as usize;
        self.rgb.iter().skip(top * row).take(self.height * row).copied().collect()
    }
}

/// Writes `seconds` of the picture with the sound (16 kHz, mono), which is repeated.
pub fn write_clip(still: &Still, sound: &[f32], seconds: u32, out: &Path) -> Result<(), MediaError> {
    init()?;
    let pipeline = Stopped(gst::Pipeline::new());
    let (muxer, file) = (make("matroskamux")?, make("filesink")?);
    file.set_property("location", out);
    pipeline.0.add_many([&muxer, &file]).map_err(broken)?;
    muxer.link(&file).map_err(broken)?;
    let video = gst::Caps::builder("video/x-raw")
        .field("format", "RGB")
        .field("width", still.width as i32)
        .field("height", still.height as i32)
        .field("framerate", gst::Fraction::new(FPS as i32, 1));
    let audio = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", AudioChunk::RATE_HZ as i32)
        .field("channels", 1);
    let encoder = make("openh264enc")?;
    encoder.set_property("bitrate", BITS);
    let pictures = [make("videoconvert")?, encoder, make("h264parse")?, make("queue")?];
    let voices = [make("audioconvert")?, make("audioresample")?, make("opusenc")?, make("queue")?];
    let (frames, chunks) =
        (chain(&pipeline.0, &muxer, video.build(), &pictures)?, chain(&pipeline.0, &muxer, audio.build(), &voices)?);
    let bus = pipeline.0.bus().ok_or_else(|| MediaError::Gstreamer { reason: "no bus".into() })?;
    let bus = BusWatch::new(bus);
    pipeline.0.set_state(gst::State::Playing).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
    std::thread::scope(|scope| {
        let pushing = Builder::new().name("clip-sound".into()).spawn_scoped(scope, || {
            let rate = AudioChunk::RATE_HZ as usize;
            let second = |s: u32| sound.iter().cycle().skip(s as usize * rate).take(rate);
            push(&chunks, (0..seconds).map(|s| second(s).flat_map(|v| v.to_le_bytes()).collect()), seconds, 1)
        });
        push(&frames, (0..seconds * FPS).map(|n| still.frame(n)), seconds * FPS, FPS);
        pushing.map(drop).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })
    })?;
    loop {
        let heard = bus.listen(gst::ClockTime::from_mseconds(100));
        if heard.error.is_some() {
            let unknown = || MediaError::Gstreamer { reason: "the clip cannot be made".into() };
            return Err(bus.drain().to_error("the clip").unwrap_or_else(unknown));
        }
        if heard.ended {
            return Ok(());
        }
    }
}

/// A source and the elements behind it, linked to the muxer.
fn chain(
    pipeline: &gst::Pipeline,
    muxer: &gst::Element,
    caps: gst::Caps,
    elements: &[gst::Element],
) -> Result<gst_app::AppSrc, MediaError> {
    let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    source.set_block(true);
    source.set_max_bytes(WAITING);
    let all: Vec<&gst::Element> = std::iter::once(source.upcast_ref()).chain(elements).chain([muxer]).collect();
    pipeline.add_many(&all[..all.len() - 1]).map_err(broken)?;
    gst::Element::link_many(&all).map_err(broken)?;
    Ok(source)
}

/// Pushes `count` buffers of one length, `per_second` a second, and the end. What the pipeline refuses, its bus explains.
fn push(source: &gst_app::AppSrc, data: impl Iterator<Item = Vec<u8>>, count: u32, per_second: u32) {
    let time = |n: u32| gst::ClockTime::from_nseconds(u64::from(n) * 1_000_000_000 / u64::from(per_second));
    for (n, bytes) in (0..count).zip(data) {
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(n));
            buffer.set_duration(time(n + 1) - time(n));
        }
        if source.push_buffer(buffer).is_err() {
            break;
        }
    }
    let _ = source.end_of_stream();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::media::{Cancel, Input, Source, VideoStream};

    #[test]
    fn the_clip_has_its_frames_and_its_sound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clip.mkv");
        let still = Still { rgb: vec![90; 3 * 64 * 80], width: 64, height: 64 };
        write_clip(&still, &[0.1, -0.1], 2, &path).unwrap();
        let mut source =
            super::super::GstSource::open(Input::File(path), &Limits::default(), &Cancel::default()).unwrap();
        let (mut streams, mut frames) = (source.streams(), 0);
        let video: &mut dyn VideoStream = streams.video.as_deref_mut().unwrap();
        let audio = streams.audio.as_deref_mut().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| while audio.next_chunk().unwrap().is_some() {});
            while video.next_frame().unwrap().is_some() {
                frames += 1;
            }
        });
        assert_eq!(frames, 60);
        assert_eq!(source.warnings(), []);
    }
}
