//! Observations for tests. In: what a test varies. Out: the rest, plausible and the same every time.

use super::{BoxPx, FaceEvidence, FrameEvidence, Glance, MediaTime, Quality, TrackId};

/// A well-lit face of 90 px that looks ahead.
pub const QUALITY: Quality =
    Quality { size_px: 90.0, sharpness: 0.2, yaw_deg: 0.0, pitch_deg: 0.0, roll_deg: 0.0, exposure: 0.5, cut_off: 0.0 };

/// Such a face in the middle of a 640×360 picture.
pub fn face(track: u32, logit: Option<f32>) -> FaceEvidence {
    let bbox = BoxPx { x: 260.0, y: 100.0, w: 120.0, h: 140.0 };
    let landmarks = [(295.0, 150.0), (345.0, 150.0), (320.0, 178.0), (300.0, 205.0), (340.0, 205.0)];
    FaceEvidence {
        track: TrackId(track),
        bbox,
        landmarks: landmarks.map(|(x, y)| super::Point { x, y }),
        confidence: 0.9,
        quality: QUALITY,
        mouth_open: None,
        look: super::Look::default(),
        embedding: None,
        logit,
        reasons: Vec::new(),
    }
}

/// Frame `index` of a video with `fps` frames a second.
pub fn frame(index: i64, fps: u32, faces: Vec<FaceEvidence>) -> FrameEvidence {
    let (pts, glance) = (MediaTime::from_samples(index, fps), Glance::default());
    FrameEvidence { index: index as u64, pts, utc: None, faces, glance }
}
