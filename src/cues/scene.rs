//! Made-up observations for the cues' tests. In: a frame number. Out: a frame with one face.

use std::sync::Arc;

use crate::types::{BoxPx, FaceEvidence, FrameEvidence, Glance, Landmarks, Look, MediaTime, Quality, TrackId};

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
        let quality = Quality {
            size_px,
            sharpness: self.sharpness,
            yaw_deg: self.yaw_deg,
            pitch_deg: 0.0,
            roll_deg: 0.0,
            exposure: self.exposure,
            cut_off: 0.0,
        };
        let face = FaceEvidence {
            track: TrackId(1),
            bbox,
            landmarks,
            confidence: self.confidence,
            quality,
            look: self.look.clone(),
            embedding: self.embedding.clone(),
            logit: self.logit,
            reasons: vec![],
        };
        FrameEvidence {
            index: self.index as u64,
            pts: MediaTime::from_samples(self.index, self.fps),
            utc: None,
            faces: vec![face],
            glance: self.glance.clone(),
        }
    }
}

/// A picture of this luma, with a pattern so that it is not plain.
pub fn glance(luma: u8) -> Glance {
    let cell = |i: usize| luma.saturating_add((i % 7) as u8);
    Glance { size: (640, 360), cells: (0..Glance::COLUMNS * Glance::ROWS).map(cell).collect() }
}

/// A grey face, pixel by pixel of a 64×64 crop.
pub fn look(at: impl Fn(usize) -> f32) -> Look {
    let plane: Vec<f32> = (0..64 * 64).map(at).collect();
    Look::of(&[plane.clone(), plane.clone(), plane].concat(), 64)
}
