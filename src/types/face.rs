//! Faces. In: a detector's boxes and points. Out: detections, tracked crops and their quality.
//! All positions are in upright source pixels (rotation metadata applied, pixel aspect not), continuous:
//! pixel (0,0) covers `[0,1)×[0,1)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MediaTime;

/// A point in upright source pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// How many landmarks a face has.
pub const LANDMARKS: usize = 5;

/// Right eye, left eye, nose tip, right mouth corner, left mouth corner; right and left are the person's.
pub type Landmarks = [Point; LANDMARKS];

/// A box: left, top, width, height, in upright source pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxPx {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl BoxPx {
    /// The middle.
    pub fn centre(&self) -> Point {
        Point { x: self.x + self.w / 2.0, y: self.y + self.h / 2.0 }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// Area shared with `other`, in square pixels.
    pub fn overlap(&self, other: &Self) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union with `other`, 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.overlap(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }
}

/// What a detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where.
    pub bbox: BoxPx,
    /// The five points.
    pub landmarks: Landmarks,
    /// The detector's confidence, 0..=1. Not a probability of masking.
    pub score: f32,
}

/// Number of a track within one recording, from 1; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TrackId(pub u32);

/// How well a face can be judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The shorter side of the box in pixels.
    pub size_px: f32,
    /// Mean absolute Laplacian of the aligned luma over its standard deviation; about 0.1 is blurred, 0.3 crisp.
    pub sharpness: f32,
    /// Estimated turn to the side in degrees, positive towards the person's left.
    pub yaw_deg: f32,
    /// Estimated nod in degrees, positive up.
    pub pitch_deg: f32,
    /// Tilt in the picture plane in degrees, positive clockwise.
    pub roll_deg: f32,
    /// Mean luma of the aligned face, 0..=1.
    pub exposure: f32,
    /// Part of the box outside the picture, 0..=1.
    pub cut_off: f32,
}

/// An aligned face, ready for a network.
#[derive(Debug, Clone)]
pub struct FaceCrop {
    /// Frame it was taken from.
    pub frame_index: u64,
    /// Time of that frame.
    pub pts: MediaTime,
    /// Whose face.
    pub track: TrackId,
    /// Where in the frame.
    pub bbox: BoxPx,
    /// The five points.
    pub landmarks: Landmarks,
    /// The detector's confidence, 0..=1.
    pub confidence: f32,
    /// How well it can be judged.
    pub quality: Quality,
    /// RGB planes (R, G, B after each other), 0..=255, `width × height` of the network's crop.
    pub rgb: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boxes() -> impl Strategy<Value = BoxPx> {
        (-50.0f32..50.0, -50.0f32..50.0, 0.0f32..80.0, 0.0f32..80.0).prop_map(|(x, y, w, h)| BoxPx { x, y, w, h })
    }

    proptest! {
        #[test]
        fn iou_is_symmetric_and_bounded(a in boxes(), b in boxes()) {
            let iou = a.iou(&b);
            prop_assert!((0.0..=1.0001).contains(&iou));
            prop_assert!((iou - b.iou(&a)).abs() < 1e-5);
        }
    }

    #[test]
    fn iou_of_a_box_with_itself_is_one() {
        let b = BoxPx { x: 1.0, y: 2.0, w: 3.0, h: 4.0 };
        assert!((b.iou(&b) - 1.0).abs() < 1e-6);
    }
}
