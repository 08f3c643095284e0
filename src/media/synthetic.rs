//! A made-up scene, for tests and benches. In: sizes, lengths, a picture. Out: the same frames and sound every time.

use std::sync::Arc;

use super::{AudioStream, Cancel, MediaError, Source, Streams, VideoStream};
use crate::types::record::{AudioInfo, SourceInfo, VideoInfo, Warning};
use crate::types::{AudioChunk, MediaTime, Picture, PictureFormat, PlaneView, Planes, VideoFrame};

/// Samples in a synthetic chunk: 20 ms.
const CHUNK: usize = 320;

/// What to make.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Frame width in pixels.
    pub width: u32,
    /// Frame height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Number of frames; 0 for no video stream.
    pub frames: u64,
    /// Length of the sound in seconds; 0 for no audio stream.
    pub audio_s: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self { width: 320, height: 240, fps: 30, frames: 30, audio_s: 1.0 }
    }
}

/// Planes kept in vectors, without padding.
pub struct OwnedPlanes {
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl OwnedPlanes {
    /// I420 planes from functions of the sample's position.
    pub fn i420(
        width: u32,
        height: u32,
        y: impl Fn(usize, usize) -> u8,
        uv: impl Fn(usize, usize) -> (u8, u8),
    ) -> Self {
        let (w, h) = (width as usize, height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let luma = (0..w * h).map(|i| y(i % w, i / w)).collect();
        let u = (0..cw * ch).map(|i| uv(i % cw, i / cw).0).collect();
        let v = (0..cw * ch).map(|i| uv(i % cw, i / cw).1).collect();
        Self { planes: [luma, u, v], strides: [w, cw, cw] }
    }

    /// The same picture as NV12.
    pub fn into_nv12(self) -> Self {
        let [y, u, v] = self.planes;
        let uv = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v]).collect();
        Self { planes: [y, uv, Vec::new()], strides: [self.strides[0], self.strides[1] * 2, 0] }
    }
}

impl Planes for OwnedPlanes {
    fn plane(&self, index: usize) -> PlaneView<'_> {
        match (self.planes.get(index), self.strides.get(index)) {
            (Some(data), Some(&stride)) => PlaneView { data, stride },
            _ => PlaneView { data: &[], stride: 0 },
        }
    }
}

/// Plays a [`Scene`].
pub struct SyntheticSource {
    info: SourceInfo,
    scene: Scene,
    cancel: Cancel,
    taken: bool,
}

impl SyntheticSource {
    /// Ready to play.
    pub fn new(scene: Scene, cancel: &Cancel) -> Self {
        let video = (scene.frames > 0).then(|| VideoInfo {
            codec: "raw".into(),
            width: scene.width,
            height: scene.height,
            fps: Some(f64::from(scene.fps)),
        });
        let audio =
            (scene.audio_s > 0.0).then(|| AudioInfo { codec: "raw".into(), rate_hz: AudioChunk::RATE_HZ, channels: 1 });
        let video_s = scene.frames as f64 / f64::from(scene.fps.max(1));
        let duration_s = Some(video_s.max(scene.audio_s));
        let info = SourceInfo { uri: "synthetic:scene".into(), duration_s, video, audio, ..SourceInfo::default() };
        Self { info, scene, cancel: cancel.clone(), taken: false }
    }
}

impl Source for SyntheticSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn streams(&mut self) -> Streams {
        if std::mem::replace(&mut self.taken, true) {
            return Streams::default();
        }
        let Scene { width, height, .. } = self.scene;
        let luma = |x: usize, y: usize| (16 + (x * 5 + y * 3) % 200) as u8;
        let planes = Arc::new(OwnedPlanes::i420(width, height, luma, |_, _| (120, 140)));
        let picture = Picture::new(planes, PictureFormat::I420, width, height);
        let video = picture.filter(|_| self.scene.frames > 0).map(|picture| {
            let stream = SyntheticVideo { picture, scene: self.scene.clone(), next: 0, cancel: self.cancel.clone() };
            Box::new(stream) as Box<dyn VideoStream>
        });
        let audio = (self.scene.audio_s > 0.0).then(|| {
            let left = (self.scene.audio_s * f64::from(AudioChunk::RATE_HZ)) as usize;
            Box::new(SyntheticAudio { left, at: 0, cancel: self.cancel.clone() }) as Box<dyn AudioStream>
        });
        Streams { video, audio }
    }

    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

struct SyntheticVideo {
    picture: Picture,
    scene: Scene,
    next: u64,
    cancel: Cancel,
}

impl VideoStream for SyntheticVideo {
    fn next_frame(&mut self) -> Result<Option<VideoFrame>, MediaError> {
        if self.next >= self.scene.frames || self.cancel.is_cancelled() {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        let pts = MediaTime::from_samples(index as i64, self.scene.fps);
        Ok(Some(VideoFrame { index, pts, utc: None, picture: self.picture.clone() }))
    }
}

struct SyntheticAudio {
    left: usize,
    at: usize,
    cancel: Cancel,
}

impl AudioStream for SyntheticAudio {
    fn next_chunk(&mut self) -> Result<Option<AudioChunk>, MediaError> {
        let n = self.left.min(CHUNK);
        if n == 0 || self.cancel.is_cancelled() {
            return Ok(None);
        }
        let pts = MediaTime::from_samples(self.at as i64, AudioChunk::RATE_HZ);
        let samples = (self.at..self.at + n).map(|i| 0.3 * (i as f32 * 0.05).sin()).collect();
        self.left -= n;
        self.at += n;
        Ok(Some(AudioChunk { pts, samples }))
    }
}
