//! Made-up observations for the cues' tests. In: a frame's or a second's number. Out: a frame with one face, a window.

use std::sync::Arc;

use crate::types::fixtures;
use crate::types::{
    BoxPx, FaceEvidence, FrameEvidence, Glance, Landmarks, Look, MediaTime, Quality, TimeSpan, VoiceEvidence,
};

/// One frame with one face; change what the test is about.
pub struct Scene {
    pub index: i64,
    pub fps: u32,
    pub centre: (f32, f32),
    pub yaw_deg: f32,
    pub size_px: f32,
    pub sharpness: f32,
    pub exposure: f32,
    pub confidence: f32,
    pub embedding: Option<Arc<[f32]>>,
    pub logit: Option<f32>,
    pub look: Look,
    pub glance: Glance,
}

impl Scene {
    /// A calm face.
    pub fn at(index: i64, fps: u32) -> Self {
        let (embedding, logit, look) = (None, Some(-3.0), look(|_| 120.0));
        let (yaw_deg, size_px, sharpness, exposure, confidence) = (0.0, 120.0, 0.2, 0.5, 0.9);
        let (centre, glance) = ((320.0, 180.0), glance(100));
        Self { index, fps, centre, yaw_deg, size_px, sharpness, exposure, confidence, embedding, logit, look, glance }
    }

    /// The observation.
    pub fn frame(&self) -> FrameEvidence {
        let (size_px, half) = (self.size_px, self.size_px / 2.0);
        let bbox = BoxPx { x: self.centre.0 - half, y: self.centre.1 - half, w: size_px, h: size_px };
        let landmarks: Landmarks = crate::face::detect::FixedDetector::frontal(bbox).faces[0].landmarks;
        let (sharpness, exposure, yaw_deg) = (self.sharpness, self.exposure, self.yaw_deg);
        let face = FaceEvidence {
            bbox,
            landmarks,
            confidence: self.confidence,
            quality: Quality { size_px, sharpness, yaw_deg, exposure, ..fixtures::QUALITY },
            look: self.look.clone(),
            embedding: self.embedding.clone(),
            ..fixtures::face(1, self.logit)
        };
        FrameEvidence { glance: self.glance.clone(), ..fixtures::frame(self.index, self.fps, vec![face]) }
    }
}

/// Four seconds of speech from a second on.
pub fn spoken(second: i64, embedding: Option<[f32; 3]>) -> VoiceEvidence {
    let span = TimeSpan { start: MediaTime(second * 1_000_000_000), end: MediaTime((second + 4) * 1_000_000_000) };
    let embedding = embedding.map(|e| Arc::from(e.as_slice()));
    VoiceEvidence { span, speech_ratio: 1.0, logit: None, profile: None, embedding, reasons: vec![] }
}

/// A picture of this luma, with a pattern so that it is not plain.
pub fn glance(luma: u8) -> Glance {
    let cell = |i: usize| luma.saturating_add((i % 7) as u8);
    Glance { size: (640, 360), cells: (0..Glance::COLUMNS * Glance::ROWS).map(cell).collect(), edges: vec![] }
}

/// A grey face, pixel by pixel of a 64×64 crop.
pub fn look(at: impl Fn(usize) -> f32) -> Look {
    let plane: Vec<f32> = (0..64 * 64).map(at).collect();
    Look::of(&[plane.clone(), plane.clone(), plane].concat(), 64)
}
