//! The pipeline. In: a checked input. Out: its streams, each to be pulled, and what was found of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::bus::{BusWatch, Heard, StreamKind};
use super::link::{Sinks, Wanted, connect_pads};
use super::pull::{Audio, Shared, Video};
use super::{SETTLING, init, make};
use crate::config::Limits;
use crate::media::input::Ready;
use crate::media::{C2PA_PRESENT, Cancel, Glimpse, Input, MediaError, Source, Streams};
use crate::types::MediaTime;
use crate::types::record::{AudioInfo, SourceInfo, VideoInfo, Warning, round};

/// A file whose streams are not selected after so long holds none; a server may be slower.
const PATIENCE: Duration = Duration::from_secs(10);

/// A live source may announce its second stream so much later.
const LATECOMER: Duration = Duration::from_secs(1);

/// The first picture or sound of a stream that was announced is waited for so long, while the other one is there: a decoder
/// that starts with little to go by, ten pictures a second, needs over a second.
const ANNOUNCED: Duration = Duration::from_secs(5);

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
    glimpse: Option<Glimpse>,
}

impl GstSource {
    /// Opens an input and waits until its streams are known; limits are checked on what the container declares.
    pub fn open(input: Input, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        init()?;
        let ready = Arc::new(input.ready(limits, cancel)?);
        let mut opened = Self::open_once(&ready, Wanted::Both, None, limits, cancel);
        for _ in 1..TRIES {
            if !matches!(opened, Err(MediaError::EmptyPlaylist { .. })) {
                break;
            }
            opened = Self::open_once(&ready, Wanted::Both, None, limits, cancel);
        }
        opened
    }

    /// Likewise, with no more of the pictures than a glimpse.
    pub fn open_glimpsed(input: Input, glimpse: Glimpse, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        init()?;
        let ready = Arc::new(input.ready(limits, cancel)?);
        Self::open_once(&ready, Wanted::Both, Some(glimpse), limits, cancel)
    }

    /// Opens a file for a glimpse of its pictures alone; `None` for what is no file, which can be read only once.
    pub fn glimpse(
        input: &Input,
        glimpse: &Glimpse,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Option<Self>, MediaError> {
        init()?;
        let Input::File(_) = input else { return Ok(None) };
        let ready = Arc::new(input.ready(limits, cancel)?);
        Self::open_once(&ready, Wanted::Pictures, Some(glimpse.clone()), limits, cancel).map(Some)
    }

    /// Opens a file that was checked before once more, for its pictures alone; `None` for what is no file.
    pub fn again(input: &Input, limits: &Limits, cancel: &Cancel) -> Result<Option<Self>, MediaError> {
        init()?;
        let Some(ready) = input.again()? else { return Ok(None) };
        Self::open_once(&Arc::new(ready), Wanted::Pictures, None, limits, cancel).map(Some)
    }

    /// Opens a live source, once; `limits.stall_s` is for opening it, `stall_s` from then on.
    pub(super) fn connect(
        ready: &Arc<Ready>,
        paced: bool,
        limits: &Limits,
        stall_s: f64,
        cancel: &Cancel,
    ) -> Result<Self, MediaError> {
        init()?;
        let (wanted, later) = (Wanted::Live { paced }, Limits { stall_s, ..limits.clone() });
        let (mut source, sinks) = Self::start(ready, wanted, None, &later, cancel)?;
        let heard = source.wait_for_streams(&sinks, wanted, limits)?;
        source.describe(&heard, limits)?;
        Ok(source)
    }

    /// Why it ended before its end.
    pub(super) fn broke_off(&self) -> Option<String> {
        self.shared.broke_off()
    }

    /// The pipeline and the pictures, for whoever seeks.
    pub(super) fn into_pictures(mut self) -> Option<(Self, Video)> {
        let video = self.video.take()?;
        Some((self, video))
    }

    /// Jumps to a time of the stream, to the nearest frame before or at it; false where it cannot.
    pub(super) fn jump(&self, time: MediaTime) -> bool {
        let time = gst::ClockTime::from_nseconds(time.0.max(0).unsigned_abs());
        self.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, time).is_ok()
    }

    fn open_once(
        ready: &Arc<Ready>,
        wanted: Wanted,
        glimpse: Option<Glimpse>,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Self, MediaError> {
        let (mut source, sinks) = Self::start(ready, wanted, glimpse, limits, cancel)?;
        let heard = source.wait_for_streams(&sinks, wanted, limits)?;
        source.describe(&heard, limits)?;
        Ok(source)
    }

    fn start(
        ready: &Arc<Ready>,
        wanted: Wanted,
        glimpse: Option<Glimpse>,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<(Self, Arc<Mutex<Sinks>>), MediaError> {
        let pipeline = gst::Pipeline::new();
        let decode = make("uridecodebin3")?;
        decode.set_property("uri", &ready.uri);
        pipeline.add(&decode).map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
        let bus = pipeline.bus().ok_or_else(|| MediaError::Gstreamer { reason: "no bus".into() })?;
        let shared = Arc::new(Shared::new(BusWatch::new(bus), ready.shown.clone(), limits.clone(), cancel.clone()));
        let sinks = Arc::new(Mutex::new(Sinks::default()));
        if let Wanted::Live { .. } = wanted {
            live_settings(&decode);
        }
        connect_pads(&decode, wanted, glimpse.as_ref(), &pipeline, &sinks, &shared);
        let (info, input) = (SourceInfo::default(), Arc::clone(ready));
        Ok((Self { pipeline, info, shared, video: None, audio: None, extra: Vec::new(), input, glimpse }, sinks))
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

    fn wait_for_streams(&mut self, sinks: &Mutex<Sinks>, wanted: Wanted, limits: &Limits) -> Result<Heard, MediaError> {
        let live = matches!(wanted, Wanted::Live { .. });
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
                let alone = live && !(wants(StreamKind::Video) && wants(StreamKind::Audio));
                let patience = if alone { LATECOMER } else { ANNOUNCED };
                let late = live && (video_ready || audio_ready) && began.elapsed() > patience;
                if late || video_ready && audio_ready && !alone {
                    return self.settled(heard);
                }
            }
            if heard.selected.is_none() && self.input.bytes.is_some() && began.elapsed() > PATIENCE {
                return Err(nothing_in(input));
            }
            let settled = heard.selected.is_some() || began.elapsed() > SETTLING;
            if self.shared.cancel.is_cancelled() && settled || began.elapsed().as_secs_f64() > limits.stall_s {
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
        if self.input.c2pa == Some(true) {
            let message = "carries a C2PA manifest (Content Credentials), which is not verified here".into();
            self.extra.push(Warning { code: C2PA_PRESENT.into(), message, count: 1 });
        }
        self.info = SourceInfo {
            uri: self.input.shown.clone(),
            sha256: self.input.sha256.clone(),
            bytes: self.input.bytes,
            container: heard.container.clone(),
            duration_s: duration.map(|d| round(d, 3)),
            video,
            audio,
            c2pa: self.input.c2pa,
        };
        Ok(())
    }
}

impl Source for GstSource {
    fn glimpse(&self) -> Option<&Glimpse> {
        self.glimpse.as_ref()
    }

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

/// Keeps sources near live, and lets them notice a lost connection.
fn live_settings(decode: &gst::Element) {
    decode.connect("source-setup", false, |args| {
        let source = args.get(1).and_then(|value| value.get::<gst::Element>().ok())?;
        let set = |name: &str, value: &str| {
            if source.has_property(name) {
                source.set_property_from_str(name, value);
            }
        };
        match source.factory()?.name().as_str() {
            "rtspsrc" => {
                set("latency", "200");
                set("protocols", "tcp");
                set("tcp-timeout", "5000000");
            }
            // Reconnecting is ours.
            "srtsrc" => set("auto-reconnect", "false"),
            _ => {}
        }
        None
    });
}

fn nothing_in(input: String) -> MediaError {
    MediaError::Damaged { input, reason: "it holds no frame and no sound".into() }
}
