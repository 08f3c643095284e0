//! Pulling. In: appsinks. Out: frames and chunks in order, the end, or an error; never a wait without end.
//!
//! A recording that goes wrong after its first frames ends there with a warning: what was seen stays seen.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gstreamer as gst;
use gstreamer_app as gst_app;

use super::bus::BusWatch;
use super::frame::{self, Format};
use crate::config::Limits;
use crate::media::{AudioStream, BROKE_OFF, Cancel, MediaError, VideoStream};
use crate::types::record::Warning;
use crate::types::{AudioChunk, MediaTime, Orientation, VideoFrame};

/// How often a waiting pull looks at the bus, the cancel flag and the clock.
const POLL: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Two frames at one time are moved apart by this much (1 µs, the resolution of records).
const MIN_STEP_NS: i64 = 1_000;

/// A recording that has reached its declared end (less the slack) and is silent for so long has ended.
const END_SILENCE_S: f64 = 2.0;

/// See [`END_SILENCE_S`]: 150 ms, a frame or two.
const END_SLACK_NS: i64 = 150_000_000;

/// A recording that ends this much before its declared end was cut off.
const TRUNCATED_S: f64 = 1.0;

/// … or this part of its length.
const TRUNCATED_RATIO: f64 = 0.02;

/// What both streams share.
pub struct Shared {
    pub bus: BusWatch,
    pub input: String,
    pub limits: Limits,
    pub cancel: Cancel,
    pub orientation: Arc<Mutex<Orientation>>,
    pub has_video: AtomicBool,
    pub has_audio: AtomicBool,
    /// Declared length in nanoseconds; 0 when unknown.
    pub declared_ns: AtomicI64,
    opened: Instant,
    last_data_ms: AtomicU64,
    ended_ns: AtomicI64,
    cut_short: Mutex<Option<String>>,
    discontinuities: AtomicU64,
    repaired_pts: AtomicU64,
    unmappable: AtomicU64,
}

impl Shared {
    pub fn new(bus: BusWatch, input: String, limits: Limits, cancel: Cancel) -> Self {
        Self {
            bus,
            input,
            limits,
            cancel,
            orientation: Arc::default(),
            has_video: AtomicBool::new(false),
            has_audio: AtomicBool::new(false),
            declared_ns: AtomicI64::new(0),
            opened: Instant::now(),
            last_data_ms: AtomicU64::new(0),
            ended_ns: AtomicI64::new(0),
            cut_short: Mutex::new(None),
            discontinuities: AtomicU64::new(0),
            repaired_pts: AtomicU64::new(0),
            unmappable: AtomicU64::new(0),
        }
    }

    fn data_came(&self) {
        self.last_data_ms.store(self.opened.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn silent_s(&self) -> f64 {
        let last = self.last_data_ms.load(Ordering::Relaxed);
        (self.opened.elapsed().as_millis() as u64).saturating_sub(last) as f64 / 1e3
    }

    /// Notes that the recording goes on at least until then.
    pub fn reached(&self, end: MediaTime) {
        self.ended_ns.fetch_max(end.0, Ordering::Relaxed);
    }

    /// Notes why the recording ended before its end.
    fn cut(&self, reason: String) {
        self.cut_short.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Why the recording ended before its end.
    pub fn broke_off(&self) -> Option<String> {
        self.cut_short.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next sample of a sink; `None` at its end, when cancelled, or where the recording broke off.
    fn sample(&self, sink: &gst_app::AppSink, seen: u64) -> Result<Option<gst::Sample>, MediaError> {
        loop {
            if self.cancel.is_cancelled() {
                return Ok(None);
            }
            if let Some(sample) = sink.try_pull_sample(POLL) {
                self.data_came();
                return Ok(Some(sample));
            }
            if sink.is_eos() {
                return Ok(None);
            }
            let problem = match self.bus.listen(gst::ClockTime::ZERO).error {
                Some(_) => self.bus.drain().to_error(&self.input),
                None if seen > 0 && self.silent_s() > END_SILENCE_S && self.at_declared_end() => return Ok(None),
                None if self.silent_s() > self.limits.stall_s => {
                    Some(MediaError::Stalled { input: self.input.clone(), seconds: self.limits.stall_s })
                }
                None => None,
            };
            match problem {
                Some(error) if seen == 0 => return Err(error),
                Some(error) => {
                    self.cut(error.to_string());
                    return Ok(None);
                }
                None => {}
            }
        }
    }

    /// What a reader should know, once both streams have ended.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut out = Vec::new();
        let mut warn = |code: &str, message: String, count: u64| {
            if count > 0 {
                out.push(Warning { code: code.into(), message, count });
            }
        };
        let n = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        if let Some(reason) = self.broke_off() {
            warn(BROKE_OFF, format!("the recording broke off: {reason}"), 1);
        }
        if let Some(missing_s) = self.missing_s() {
            warn("truncated", format!("the last {missing_s:.1} s of the declared length are missing"), 1);
        }
        let gaps = n(&self.discontinuities);
        warn("corrupted", format!("{gaps} gaps where data was damaged or lost"), gaps);
        let decoder = self.bus.listen(gst::ClockTime::ZERO).warnings;
        warn("decoder_warnings", "the decoder complained; damaged data is likely".into(), decoder);
        warn("pts_repaired", "frames without a later time than the one before".into(), n(&self.repaired_pts));
        warn("frames_unreadable", "frames that could not be mapped".into(), n(&self.unmappable));
        out
    }

    fn declared_end(&self) -> Option<MediaTime> {
        let end = MediaTime(self.declared_ns.load(Ordering::SeqCst));
        (end > MediaTime::ZERO).then_some(end)
    }

    /// Some demuxers never say that a stream has ended.
    fn at_declared_end(&self) -> bool {
        self.declared_end().is_some_and(|end| self.ended_ns.load(Ordering::Relaxed) + END_SLACK_NS >= end.0)
    }

    fn missing_s(&self) -> Option<f64> {
        let declared = self.declared_end()?.as_secs();
        let missing = declared - MediaTime(self.ended_ns.load(Ordering::Relaxed)).as_secs();
        let short = missing > TRUNCATED_S || missing > declared * TRUNCATED_RATIO && missing > 0.1;
        (short && !self.cancel.is_cancelled()).then_some(missing)
    }
}

/// A buffer behind a gap in the data; the first buffer always is.
fn is_gap(buffer: &gst::BufferRef, seen: u64) -> bool {
    seen > 0 && buffer.flags().contains(gst::BufferFlags::DISCONT)
}

/// Frames from an appsink.
pub struct Video {
    sink: gst_app::AppSink,
    shared: Arc<Shared>,
    primed: Option<gst::Sample>,
    format: Option<(gst::Caps, Format)>,
    index: u64,
    /// The time given to the last frame, and the time found on it.
    last: Option<MediaTime>,
    found: Option<MediaTime>,
    step: MediaTime,
    /// For whoever jumps: what position less running time was on opening.
    origin: Option<MediaTime>,
}

impl Video {
    pub fn new(sink: gst_app::AppSink, shared: Arc<Shared>) -> Self {
        Self {
            sink,
            shared,
            primed: None,
            format: None,
            index: 0,
            last: None,
            found: None,
            step: MediaTime(33_333_333),
            origin: None,
        }
    }

    /// From now on time is the position in the recording, on the scale that running time had on opening; returns
    /// what to add to such a time for a jump.
    pub fn by_position(&mut self) -> MediaTime {
        let first = self.primed.as_ref();
        let pts = first.and_then(|s| s.buffer()?.pts());
        let times = first.and_then(|s| Some((frame::stream_time(s, pts)?, frame::running_time(s, pts)?)));
        let origin = times.map_or(MediaTime::ZERO, |(position, running)| position - running);
        self.origin = Some(origin);
        origin
    }

    /// Behind a jump: what came before it counts no more.
    pub fn jumped(&mut self) {
        (self.primed, self.last, self.found) = (None, None, None);
    }

    /// True once the first sample or the end is there.
    pub fn prime(&mut self) -> bool {
        if self.primed.is_none() {
            self.primed = self.sink.try_pull_sample(gst::ClockTime::ZERO);
        }
        self.primed.is_some() || self.sink.is_eos()
    }

    /// True when the stream ended without a sample.
    pub fn is_empty(&self) -> bool {
        self.primed.is_none()
    }

    /// Upright size, from the first sample.
    pub fn size(&self) -> Option<(u32, u32)> {
        let format = Format::from_caps(self.primed.as_ref()?.caps()?)?;
        Some(self.orientation().upright_size(format.info.width(), format.info.height()))
    }

    fn orientation(&self) -> Orientation {
        *self.shared.orientation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frame(&mut self, sample: &gst::Sample) -> Result<Option<VideoFrame>, MediaError> {
        let Some(buffer) = sample.buffer_owned() else { return Ok(None) };
        let Some(format) = self.format(sample)? else { return Ok(None) };
        if is_gap(&buffer, self.index) {
            self.shared.discontinuities.fetch_add(1, Ordering::Relaxed);
        }
        let length = buffer.duration().map(|d| MediaTime(d.nseconds() as i64)).filter(|d| d.0 > 0);
        let length = length.or(format.frame_length()).unwrap_or(self.step);
        let stamp = buffer.pts().or(buffer.dts());
        let found = match self.origin {
            None => frame::running_time(sample, stamp),
            Some(origin) => frame::stream_time(sample, stamp).map(|position| position - origin),
        };
        let pts = self.pts(found, length);
        self.shared.limits.check_duration(&self.shared.input, pts.as_secs())?;
        self.shared.reached(pts + length);
        let index = self.index;
        self.index += 1;
        match frame::picture(buffer, &format, self.orientation()) {
            Some(picture) => Ok(Some(VideoFrame { index, pts, utc: None, picture })),
            None => {
                self.shared.unmappable.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
        }
    }

    /// Strictly increasing, whatever the container says; a frame at the time of the last one follows it by its length.
    fn pts(&mut self, found: Option<MediaTime>, length: MediaTime) -> MediaTime {
        let pts = match (found, self.last) {
            (Some(pts), None) => pts,
            (None, None) => MediaTime::ZERO,
            (Some(pts), Some(last)) if pts.0 >= last.0 + MIN_STEP_NS => {
                self.step = MediaTime((pts - last).0.min(1_000_000_000));
                pts
            }
            (found, Some(last)) => {
                self.shared.repaired_pts.fetch_add(1, Ordering::Relaxed);
                let backwards = found.is_some_and(|pts| pts < self.found.unwrap_or(pts));
                last + if backwards { MediaTime(MIN_STEP_NS) } else { length.max(MediaTime(MIN_STEP_NS)) }
            }
        };
        self.found = found.or(self.found);
        self.last = Some(pts);
        pts
    }

    fn format(&mut self, sample: &gst::Sample) -> Result<Option<Format>, MediaError> {
        let Some(caps) = sample.caps() else { return Ok(None) };
        if let Some((known, format)) = &self.format
            && **known == *caps
        {
            return Ok(Some(format.clone()));
        }
        let Some(format) = Format::from_caps(caps) else { return Ok(None) };
        self.shared.limits.check_pixels(&self.shared.input, format.info.width(), format.info.height())?;
        self.format = Some((caps.to_owned(), format.clone()));
        Ok(Some(format))
    }
}

impl VideoStream for Video {
    fn next_frame(&mut self) -> Result<Option<VideoFrame>, MediaError> {
        loop {
            let sample = match self.primed.take() {
                Some(sample) => Some(sample),
                None => self.shared.sample(&self.sink, self.index)?,
            };
            let Some(sample) = sample else { return Ok(None) };
            if let Some(frame) = self.frame(&sample)? {
                return Ok(Some(frame));
            }
        }
    }
}

/// Sound from an appsink.
pub struct Audio {
    sink: gst_app::AppSink,
    shared: Arc<Shared>,
    primed: Option<gst::Sample>,
    chunks: u64,
    next: MediaTime,
}

impl Audio {
    pub fn new(sink: gst_app::AppSink, shared: Arc<Shared>) -> Self {
        Self { sink, shared, primed: None, chunks: 0, next: MediaTime::ZERO }
    }

    /// True once the first sample or the end is there.
    pub fn prime(&mut self) -> bool {
        if self.primed.is_none() {
            self.primed = self.sink.try_pull_sample(gst::ClockTime::ZERO);
        }
        self.primed.is_some() || self.sink.is_eos()
    }

    /// True when the stream ended without a sample.
    pub fn is_empty(&self) -> bool {
        self.primed.is_none()
    }

    fn chunk(&mut self, sample: &gst::Sample) -> Result<Option<AudioChunk>, MediaError> {
        let Some(buffer) = sample.buffer() else { return Ok(None) };
        let pts = frame::running_time(sample, buffer.pts()).unwrap_or(self.next);
        let Ok(map) = buffer.map_readable() else { return Ok(None) };
        let (words, _) = map.as_slice().as_chunks::<4>();
        let samples: Vec<f32> = words.iter().map(|b| sane(f32::from_le_bytes(*b))).collect();
        self.chunks += 1;
        self.next = pts + MediaTime::from_samples(samples.len() as i64, AudioChunk::RATE_HZ);
        self.shared.limits.check_duration(&self.shared.input, self.next.as_secs())?;
        self.shared.reached(self.next);
        Ok(Some(AudioChunk { pts, samples }))
    }
}

/// A hostile float file may hold anything; networks must not see it.
fn sane(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

impl AudioStream for Audio {
    fn next_chunk(&mut self) -> Result<Option<AudioChunk>, MediaError> {
        loop {
            let sample = match self.primed.take() {
                Some(sample) => Some(sample),
                None => self.shared.sample(&self.sink, self.chunks)?,
            };
            let Some(sample) = sample else { return Ok(None) };
            if let Some(chunk) = self.chunk(&sample)? {
                return Ok(Some(chunk));
            }
        }
    }
}
