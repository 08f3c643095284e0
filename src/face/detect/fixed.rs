//! A face that is always there. In: any picture. Out: the same detections, for tests and benches.

use std::time::Duration;

use super::Detector;
use crate::infer::InferError;
use crate::types::{BoxPx, Detection, Picture, Point};

/// Reports stated boxes.
#[derive(Debug, Clone, Default)]
pub struct FixedDetector {
    /// What is found in every frame.
    pub faces: Vec<Detection>,
}

impl FixedDetector {
    /// One upright face that fills `bbox`, its points where a frontal face has them.
    pub fn frontal(bbox: BoxPx) -> Self {
        let at = |x: f32, y: f32| Point { x: bbox.x + x * bbox.w, y: bbox.y + y * bbox.h };
        let landmarks = [at(0.31, 0.4), at(0.69, 0.4), at(0.5, 0.6), at(0.35, 0.78), at(0.65, 0.78)];
        Self { faces: vec![Detection { bbox, landmarks, score: 0.9 }] }
    }
}

impl Detector for FixedDetector {
    fn detect(&mut self, _: &Picture, min_score: f32) -> Result<Vec<Detection>, InferError> {
        Ok(self.faces.iter().filter(|f| f.score >= min_score).copied().collect())
    }

    fn detect_around(&mut self, picture: &Picture, face: &BoxPx, min_score: f32) -> Result<Vec<Detection>, InferError> {
        let mut found = self.detect(picture, min_score)?;
        found.retain(|f| f.bbox.iou(face) > 0.0);
        Ok(found)
    }

    fn cpu_time(&self) -> Duration {
        Duration::ZERO
    }
}
