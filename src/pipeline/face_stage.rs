//! The face branch's two threads. In: a video stream. Out: evidence of every analysed frame.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::attention::Sampler;
use super::stats::Meter;
use crate::config::FaceConfig;
use crate::error::Error;
use crate::face::detect::{Detector, Follow};
use crate::face::track::{TrackedFace, Tracker};
use crate::face::{Aligned, EmbedSchedule, FaceEmbedder, FaceScorer, Seen, fit_to_score, mouth_open};
use crate::infer::thread_cpu_time;
use crate::media::{Cancel, VideoStream};
use crate::types::{Detection, FaceCrop, FaceEvidence, FrameEvidence, Glance, Look, VideoFrame};

/// Most faces of a frame that are looked at, best first.
const MAX_FACES: usize = 32;

/// A frame with what the detector found in it.
pub struct DetectedFrame {
    pub frame: VideoFrame,
    pub detections: Vec<Detection>,
}

/// Pulls frames, picks some, finds faces.
pub fn detect(
    mut video: Box<dyn VideoStream>,
    detector: &mut dyn Detector,
    mut sampler: Sampler<'_>,
    (mut follow, min_score): (Follow, f32),
    stop: &Cancel,
    meter: &Meter,
    out: &Sender<DetectedFrame>,
) -> Result<(), Error> {
    let (started, network) = (thread_cpu_time(), detector.cpu_time());
    while !stop.is_cancelled() {
        let Some(frame) = video.next_frame()? else { break };
        meter.frames_decoded.fetch_add(1, Ordering::Relaxed);
        if !sampler.wants(frame.pts) {
            continue;
        }
        let mut detections = follow.find(detector, (&frame.picture, frame.pts), min_score)?;
        detections.truncate(MAX_FACES);
        if out.send(DetectedFrame { frame, detections }).is_err() {
            break;
        }
        meter.detected.fetch_max(out.len(), Ordering::Relaxed);
    }
    let inside = detector.cpu_time() - network;
    Meter::add(&meter.face_cpu_ns, thread_cpu_time().saturating_sub(started + inside));
    Ok(())
}

/// The networks that look at aligned faces.
pub struct Faces<'a> {
    scorer: &'a mut FaceScorer,
    embedder: &'a mut FaceEmbedder,
    schedule: EmbedSchedule,
    config: &'a FaceConfig,
    meter: &'a Meter,
}

impl<'a> Faces<'a> {
    pub fn new(
        scorer: &'a mut FaceScorer,
        embedder: &'a mut FaceEmbedder,
        config: &'a FaceConfig,
        meter: &'a Meter,
    ) -> Self {
        Self { scorer, embedder, schedule: EmbedSchedule::new(config.embed_hz), config, meter }
    }

    fn cpu_time(&self) -> Duration {
        self.scorer.network().cpu_time() + self.embedder.network().cpu_time()
    }

    fn frame(&mut self, frame: &VideoFrame, tracked: &[TrackedFace]) -> Result<Vec<FaceEvidence>, Error> {
        let crops: Vec<FaceCrop> = tracked.iter().filter_map(|face| aligned(frame, face, self.scorer)).collect();
        let mut faces = Vec::with_capacity(crops.len());
        let mut fit: Vec<&[f32]> = Vec::with_capacity(crops.len());
        for c in &crops {
            let reasons = fit_to_score(&c.quality, self.config);
            if reasons.is_empty() {
                fit.push(&c.rgb);
            }
            let FaceCrop { track, bbox, landmarks, confidence, quality, .. } = *c;
            let width = self.scorer.network().size().0;
            let template = self.scorer.network().template();
            let (look, mouth_open) =
                self.meter.for_cues(|| (Look::of(&c.rgb, width), mouth_open(&c.rgb, width, template)));
            let (embedding, logit) = (None, None);
            faces.push(FaceEvidence {
                track,
                bbox,
                landmarks,
                confidence,
                quality,
                mouth_open,
                look,
                embedding,
                logit,
                reasons,
            });
        }
        let mut logits = self.scorer.score(&fit)?.into_iter();
        for face in faces.iter_mut().filter(|f| f.reasons.is_empty()) {
            face.logit = logits.next();
        }
        self.meter.for_cues(|| self.embed(frame, &mut faces))?;
        Ok(faces)
    }

    /// Embeds the faces whose turn it is.
    fn embed(&mut self, frame: &VideoFrame, faces: &mut [FaceEvidence]) -> Result<(), Error> {
        self.schedule.frame(frame.pts);
        let (mut crops, mut whose) = (Vec::new(), Vec::new());
        for (i, face) in faces.iter().enumerate() {
            let FaceEvidence { track, landmarks, quality, look, .. } = face;
            let seen = Seen { track: *track, landmarks, quality, look, fit: face.reasons.is_empty() };
            if self.schedule.wants(frame.pts, &seen)
                && let Some((_, rgb)) = self.embedder.network().crop_of(&frame.picture, landmarks)
            {
                crops.push(rgb);
                whose.push(i);
            }
        }
        for (i, embedding) in whose.into_iter().zip(self.embedder.embed(&crops)?) {
            faces[i].embedding = Some(embedding);
        }
        Ok(())
    }
}

/// Tracks, aligns and scores the faces of each frame.
pub fn score(
    frames: &Receiver<DetectedFrame>,
    mut faces: Faces<'_>,
    mut tracker: Tracker,
    stop: &Cancel,
    meter: &Meter,
    out: &Sender<FrameEvidence>,
) -> Result<(), Error> {
    let (started, network) = (thread_cpu_time(), faces.cpu_time());
    for DetectedFrame { frame, detections } in frames {
        if stop.is_cancelled() {
            break;
        }
        let tracked = tracker.update(frame.pts, &detections);
        let faces = faces.frame(&frame, &tracked)?;
        let VideoFrame { index, pts, utc, picture } = frame;
        let glance = meter.for_cues(|| Glance::of(&picture));
        if out.send(FrameEvidence { index, pts, utc, faces, glance }).is_err() {
            break;
        }
    }
    let inside = faces.cpu_time() - network;
    Meter::add(&meter.face_cpu_ns, thread_cpu_time().saturating_sub(started + inside));
    Ok(())
}

/// The aligned crop; `None` when the landmarks are degenerate.
fn aligned(frame: &VideoFrame, face: &TrackedFace, scorer: &FaceScorer) -> Option<FaceCrop> {
    let Detection { bbox, landmarks, score: confidence } = face.detection;
    let Aligned { rgb, quality, .. } = scorer.network().aligned(&frame.picture, &face.detection)?;
    let (frame_index, pts, track) = (frame.index, frame.pts, face.track);
    Some(FaceCrop { frame_index, pts, track, bbox, landmarks, confidence, quality, rgb })
}
