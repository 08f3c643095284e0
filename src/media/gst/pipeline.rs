//! The pipeline. In: a checked input. Out: two appsinks, linked as their streams turn up, and what was found.
//!
//! `uridecodebin3 → deinterlace → videoconvert → I420|NV12 → appsink` and
//! `uridecodebin3 → audioconvert → audioresample → 16 kHz mono F32 → appsink`. The converters pass buffers through
//! untouched when nothing needs converting.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::bus::{BusWatch, Heard, StreamKind};
use super::pull::{Audio, Shared, Video};
use super::{frame, init, make};
use crate::config::Limits;
use crate::media::input::Ready;
use crate::media::{Cancel, Input, MediaError, Source, Streams};
use crate::types::AudioChunk;
use crate::types::record::{AudioInfo, SourceInfo, VideoInfo, Warning, round};

/// Decoded frames that wait for the face branch; one of 1280×720 is 1.4 MB.
const VIDEO_QUEUE: u32 = 4;

/// Decoded sound that waits for the voice branch, in buffers of some 20 ms (a few kB each).
const AUDIO_QUEUE: u32 = 64;

/// Threads of a libav decoder.
const DECODER_THREADS: i32 = 1;

/// A file whose streams are not selected after so long holds none; a server may be slower.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens of a playlist that gives no stream: on a busy machine hlsdemux2 (1.22) may reach the end of a short one
/// before its pad is out, and then says that nothing was found.
const TRIES: u32 = 5;

/// A recording or stream opened by GStreamer. Dropping it stops the pipeline.
pub struct GstSource {
    pipeline: gst::Pipeline,
    info: SourceInfo,
    shared: Arc<Shared>,
    video: Option<Video>,
    audio: Option<Audio>,
    extra: Vec<Warning>,
    input: Arc<Ready>,
}

/// The two sinks, filled as pads turn up.
#[derive(Default)]
struct Sinks {
    video: Option<gst_app::AppSink>,
    audio: Option<gst_app::AppSink>,
}

impl GstSource {
    /// Opens an input and waits until its streams are known; limits are checked on what the container declares.
    pub fn open(input: Input, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        init()?;
        let ready = Arc::new(input.ready(limits, cancel)?);
        let mut opened = Self::open_once(&ready, limits, cancel);
        for _ in 1..TRIES {
            if !matches!(opened, Err(MediaError::EmptyPlaylist { .. })) {
                break;
            }
            opened = Self::open_once(&ready, limits, cancel);
        }
        opened
    }

    fn open_once(ready: &Arc<Ready>, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        let (mut source, sinks) = Self::start(ready, limits, cancel)?;
        let heard = source.wait_for_streams(&sinks, limits)?;
        source.describe(&heard, limits)?;
        Ok(source)
    }

    fn start(ready: &Arc<Ready>, limits: &Limits, cancel: &Cancel) -> Result<(Self, Arc<Mutex<Sinks>>), MediaError> {
        let pipeline = gst::Pipeline::new();
        let decode = make("uridecodebin3")?;
        decode.set_property("uri", &ready.uri);
        pipeline.add(&decode).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
        let bus = pipeline.bus().ok_or_else(|| MediaError::Gstreamer { reason: "no bus".into() })?;
        let shared = Arc::new(Shared::new(BusWatch::new(bus), ready.shown.clone(), limits.clone(), cancel.clone()));
        let sinks = Arc::new(Mutex::new(Sinks::default()));
        connect_pads(&decode, &pipeline, &sinks, &shared);
        tame_decoders(&decode);
        let (info, input) = (SourceInfo::default(), Arc::clone(ready));
        Ok((Self { pipeline, info, shared, video: None, audio: None, extra: Vec::new(), input }, sinks))
    }

    /// uridecodebin3 (1.22) starts its source before its decodebin3: when the source is the faster of the two,
    /// decodebin3 takes what it says while it is still asleep, and never selects a stream. So we wake it first.
    fn play(&self) -> Result<(), gst::StateChangeError> {
        self.pipeline.set_state(gst::State::Ready)?;
        for element in self.pipeline.iterate_recurse().into_iter().flatten() {
            if element.factory().is_some_and(|factory| factory.name() == "decodebin3") {
                element.set_state(gst::State::Paused)?;
            }
        }
        self.pipeline.set_state(gst::State::Playing)?;
        Ok(())
    }

    fn wait_for_streams(&mut self, sinks: &Mutex<Sinks>, limits: &Limits) -> Result<Heard, MediaError> {
        let input = self.shared.input.clone();
        if self.play().is_err() {
            let heard = self.shared.bus.drain();
            let unknown = || MediaError::Gstreamer { reason: "the pipeline does not start".into() };
            return Err(heard.to_error(&input).unwrap_or_else(unknown));
        }
        let began = Instant::now();
        loop {
            let heard = self.shared.bus.listen(gst::ClockTime::from_mseconds(20));
            limits.check_tracks(&input, heard.streams.len())?;
            for stream in &heard.streams {
                limits.check_pixels(&input, stream.width, stream.height)?;
            }
            if heard.error.is_some() || !heard.missing.is_empty() {
                let heard = self.shared.bus.drain();
                return Err(heard.to_error(&input).unwrap_or(MediaError::NoUsableStream { input }));
            }
            self.adopt(sinks);
            if let Some(selected) = &heard.selected {
                let wants = |kind| selected.contains(&kind);
                if !wants(StreamKind::Video) && !wants(StreamKind::Audio) {
                    return Err(MediaError::NoUsableStream { input });
                }
                let video_ready = !wants(StreamKind::Video) || self.video.as_mut().is_some_and(Video::prime);
                let audio_ready = !wants(StreamKind::Audio) || self.audio.as_mut().is_some_and(Audio::prime);
                if video_ready && audio_ready {
                    return self.settled(heard);
                }
            }
            if heard.selected.is_none() && self.input.bytes.is_some() && began.elapsed() > PATIENCE {
                return Err(nothing_in(input));
            }
            if self.shared.cancel.is_cancelled() || began.elapsed().as_secs_f64() > limits.stall_s {
                return Err(MediaError::Stalled { input, seconds: limits.stall_s });
            }
        }
    }

    /// Both sinks have data or their end; an error that came with the end still counts.
    fn settled(&mut self, heard: Heard) -> Result<Heard, MediaError> {
        let empty = |ended: Option<bool>| ended.unwrap_or(true);
        let nothing =
            empty(self.video.as_ref().map(Video::is_empty)) && empty(self.audio.as_ref().map(Audio::is_empty));
        if !nothing {
            return Ok(heard);
        }
        let input = self.shared.input.clone();
        Err(self.shared.bus.drain().to_error(&input).unwrap_or_else(|| nothing_in(input)))
    }

    fn adopt(&mut self, sinks: &Mutex<Sinks>) {
        let mut sinks = sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sink) = sinks.video.take() {
            self.video = Some(Video::new(sink, Arc::clone(&self.shared)));
        }
        if let Some(sink) = sinks.audio.take() {
            self.audio = Some(Audio::new(sink, Arc::clone(&self.shared)));
        }
    }

    fn describe(&mut self, heard: &Heard, limits: &Limits) -> Result<(), MediaError> {
        let duration = self.pipeline.query_duration::<gst::ClockTime>().map(|d| d.nseconds() as f64 / 1e9);
        if let Some(seconds) = duration {
            limits.check_duration(&self.shared.input, seconds)?;
            self.shared.declared_ns.store((seconds * 1e9) as i64, Ordering::SeqCst);
        }
        let find = |kind| heard.streams.iter().find(|s| s.kind == kind);
        let count = |kind| heard.streams.iter().filter(|s| s.kind == kind).count();
        let video = self.video.as_ref().and_then(Video::size).map(|(width, height)| {
            let stream = find(StreamKind::Video);
            let codec = stream.map_or_else(|| "unknown".into(), |s| s.codec.clone());
            VideoInfo { codec, width, height, fps: stream.and_then(|s| s.fps).map(|f| round(f, 3)) }
        });
        let audio = self.audio.as_ref().map(|_| {
            let stream = find(StreamKind::Audio);
            AudioInfo {
                codec: stream.map_or_else(|| "unknown".into(), |s| s.codec.clone()),
                rate_hz: stream.map_or(0, |s| s.rate_hz),
                channels: stream.map_or(0, |s| s.channels),
            }
        });
        for (kind, what) in [(StreamKind::Video, "video"), (StreamKind::Audio, "audio")] {
            if count(kind) > 1 {
                let message = format!("{} {what} streams, the first is analysed", count(kind));
                self.extra.push(Warning {
                    code: format!("several_{what}_streams"),
                    message,
                    count: count(kind) as u64,
                });
            }
        }
        self.info = SourceInfo {
            uri: self.input.shown.clone(),
            sha256: self.input.sha256.clone(),
            bytes: self.input.bytes,
            container: heard.container.clone(),
            duration_s: duration.map(|d| round(d, 3)),
            video,
            audio,
        };
        Ok(())
    }
}

impl Source for GstSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn streams(&mut self) -> Streams {
        Streams {
            video: self.video.take().map(|v| Box::new(v) as _),
            audio: self.audio.take().map(|a| Box::new(a) as _),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        self.extra.iter().cloned().chain(self.shared.warnings()).collect()
    }
}

impl Drop for GstSource {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that does not stop; its threads end with the process.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn nothing_in(input: String) -> MediaError {
    MediaError::Damaged { input, reason: "it holds no frame and no sound".into() }
}

fn connect_pads(decode: &gst::Element, pipeline: &gst::Pipeline, sinks: &Arc<Mutex<Sinks>>, shared: &Arc<Shared>) {
    let (pipeline, sinks, shared) = (pipeline.downgrade(), Arc::clone(sinks), Arc::clone(shared));
    decode.connect_pad_added(move |decode, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        if let Err(error) = link(&pipeline, pad, &sinks, &shared) {
            gst::element_error!(decode, gst::CoreError::Pad, ("{error}"));
        }
    });
}

/// One thread a decoder: more cost a sixth more processor time, and the networks are what takes long.
fn tame_decoders(decode: &gst::Element) {
    let Some(bin) = decode.downcast_ref::<gst::Bin>() else { return };
    bin.connect_deep_element_added(|_, _, element| {
        if element.name().starts_with("avdec_") && element.has_property("max-threads") {
            element.set_property("max-threads", DECODER_THREADS);
        }
    });
}

/// Links a decoded pad to a new chain that ends in an appsink; a second pad of a kind goes nowhere.
fn link(pipeline: &gst::Pipeline, pad: &gst::Pad, sinks: &Mutex<Sinks>, shared: &Shared) -> Result<(), MediaError> {
    let mut sinks = sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let name = pad.name();
    let is_video = name.starts_with("video") && !shared.has_video.swap(name.starts_with("video"), Ordering::SeqCst);
    let is_audio = name.starts_with("audio") && !shared.has_audio.swap(name.starts_with("audio"), Ordering::SeqCst);
    let mut chain = Vec::new();
    if is_video {
        watch_orientation(pad, shared);
        let sink = video_sink();
        accept_strides(&sink);
        chain.extend([deinterlace()?, video_convert()?, sink.clone().upcast()]);
        sinks.video = Some(sink);
    } else if is_audio {
        let sink = audio_sink();
        chain.extend([make("audioconvert")?, make("audioresample")?, sink.clone().upcast()]);
        sinks.audio = Some(sink);
    } else {
        let sink = make("fakesink")?;
        sink.set_property("async", false);
        chain.push(sink);
    }
    let failed = |e: glib::BoolError| MediaError::Gstreamer { reason: e.to_string() };
    pipeline.add_many(&chain).map_err(failed)?;
    gst::Element::link_many(&chain).map_err(failed)?;
    for element in &chain {
        element.sync_state_with_parent().map_err(failed)?;
    }
    let entry = chain.first().and_then(|e| e.static_pad("sink"));
    let entry = entry.ok_or_else(|| MediaError::Gstreamer { reason: "an element has no input".into() })?;
    pad.link(&entry).map_err(|e| MediaError::Gstreamer { reason: format!("cannot link {name}: {e}") })?;
    Ok(())
}

fn deinterlace() -> Result<gst::Element, MediaError> {
    let element = make("deinterlace")?;
    element.set_property_from_str("fields", "top");
    Ok(element)
}

fn video_convert() -> Result<gst::Element, MediaError> {
    let element = make("videoconvert")?;
    element.set_property_from_str("dither", "none");
    Ok(element)
}

fn video_sink() -> gst_app::AppSink {
    let caps = gst::Caps::builder("video/x-raw").field("format", gst::List::new(["I420", "NV12"])).build();
    sink(caps, VIDEO_QUEUE)
}

/// Tells the decoder that any strides will do, so that it need not copy its frames.
fn accept_strides(sink: &gst_app::AppSink) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, probe| {
        if let Some(query) = probe.query_mut()
            && let gst::QueryViewMut::Allocation(allocation) = query.view_mut()
        {
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

fn audio_sink() -> gst_app::AppSink {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", AudioChunk::RATE_HZ as i32)
        .field("channels", 1)
        .build();
    sink(caps, AUDIO_QUEUE)
}

fn sink(caps: gst::Caps, max_buffers: u32) -> gst_app::AppSink {
    gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(max_buffers).drop(false).build()
}

/// Keeps the newest orientation tag for the frames that follow.
fn watch_orientation(pad: &gst::Pad, shared: &Shared) {
    let orientation = Arc::clone(&shared.orientation);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, probe| {
        if let Some(gst::EventView::Tag(tag)) = probe.event().map(|e| e.view())
            && let Some(value) = tag.tag().get::<gst::tags::ImageOrientation>()
        {
            let mut slot = orientation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *slot = frame::orientation(value.get());
        }
        gst::PadProbeReturn::Ok
    });
}
