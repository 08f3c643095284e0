//! Quality. In: a detection and its aligned crop. Out: what decides whether the face can be judged.
//!
//! Angles are estimates from five points under a rigid frontal face: with the distance between the eyes as unit,
//! the nose tip stands 0.6 before the plane of the eyes, the mouth 1.1 below them, the nose tip half-way.

use crate::types::{BoxPx, Detection, Landmarks, Point, Quality};

/// Nose tip before the plane of the eyes, in eye distances.
const NOSE_DEPTH: f32 = 0.6;

/// Mouth below the eyes, in eye distances.
const MOUTH_DROP: f32 = 1.1;

/// Where the nose tip is between eyes and mouth when the face looks straight ahead.
const NOSE_HEIGHT: f32 = 0.5;

/// `rgb` is the aligned crop (`width` pixels wide; R, G and B planes, 0..=255), `frame` the upright frame size in
/// pixels, `pixel_aspect` the width of an upright pixel over its height.
pub fn assess(detection: &Detection, rgb: &[f32], width: usize, frame: (u32, u32), pixel_aspect: f32) -> Quality {
    let square = detection.landmarks.map(|p| Point { x: p.x * pixel_aspect, y: p.y });
    let (yaw_deg, pitch_deg, roll_deg) = pose(&square);
    let luma = Luma::centre(rgb, width);
    Quality {
        size_px: (detection.bbox.w * pixel_aspect).min(detection.bbox.h),
        sharpness: luma.sharpness(),
        yaw_deg,
        pitch_deg,
        roll_deg,
        exposure: luma.mean() / 255.0,
        cut_off: cut_off(&detection.bbox, frame),
    }
}

/// Yaw, pitch and roll in degrees.
fn pose(landmarks: &Landmarks) -> (f32, f32, f32) {
    let [right_eye, left_eye, nose, right_mouth, left_mouth] = landmarks;
    let (ex, ey) = (left_eye.x - right_eye.x, left_eye.y - right_eye.y);
    let eyes = ex.hypot(ey).max(1e-3);
    let (ux, uy) = (ex / eyes, ey / eyes);
    let (mx, my) = ((left_eye.x + right_eye.x) / 2.0, (left_eye.y + right_eye.y) / 2.0);
    let along = |x: f32, y: f32| (x - mx) * ux + (y - my) * uy;
    let down = |x: f32, y: f32| (y - my) * ux - (x - mx) * uy;
    let mouth = down((right_mouth.x + left_mouth.x) / 2.0, (right_mouth.y + left_mouth.y) / 2.0);
    let yaw = (along(nose.x, nose.y) / eyes / NOSE_DEPTH).atan();
    let height = if mouth.abs() > 1e-3 { down(nose.x, nose.y) / mouth } else { NOSE_HEIGHT };
    let pitch = ((NOSE_HEIGHT - height) * MOUTH_DROP / NOSE_DEPTH).atan();
    (yaw.to_degrees(), pitch.to_degrees(), ey.atan2(ex).to_degrees())
}

fn cut_off(b: &BoxPx, (width, height): (u32, u32)) -> f32 {
    let frame = BoxPx { x: 0.0, y: 0.0, w: width as f32, h: height as f32 };
    if b.area() > 0.0 { (1.0 - b.overlap(&frame) / b.area()).clamp(0.0, 1.0) } else { 0.0 }
}

/// BT.601 luma of the middle half of the crop, where the face is.
struct Luma {
    values: Vec<f32>,
    width: usize,
}

impl Luma {
    fn centre(rgb: &[f32], crop_width: usize) -> Self {
        let plane = rgb.len() / 3;
        let crop_width = crop_width.max(1);
        let (reds, rest) = rgb.split_at(plane);
        let (greens, blues) = rest.split_at(plane);
        let (left, right) = (crop_width / 4, crop_width * 3 / 4);
        let crop_height = plane / crop_width;
        let mut values = Vec::with_capacity(plane / 4);
        for row in crop_height / 4..crop_height * 3 / 4 {
            let span = row * crop_width + left..row * crop_width + right;
            let pixels = reds[span.clone()].iter().zip(&greens[span.clone()]).zip(&blues[span]);
            values.extend(pixels.map(|((r, g), b)| 0.299 * r + 0.587 * g + 0.114 * b));
        }
        Self { values, width: (right - left).max(1) }
    }

    fn mean(&self) -> f32 {
        self.values.iter().sum::<f32>() / self.values.len().max(1) as f32
    }

    /// Mean absolute Laplacian over standard deviation: independent of contrast.
    fn sharpness(&self) -> f32 {
        let (mean, w) = (self.mean(), self.width);
        let (mut edges, mut n) = (0.0f32, 0usize);
        for above in 0..(self.values.len() / w).saturating_sub(2) {
            let rows = &self.values[above * w..(above + 3) * w];
            let (up, rest) = rows.split_at(w);
            let (here, down) = rest.split_at(w);
            for (x, three) in here.windows(3).enumerate() {
                edges += (4.0 * three[1] - up[x + 1] - down[x + 1] - three[0] - three[2]).abs();
                n += 1;
            }
        }
        let squares: f32 = self.values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let variance = squares / self.values.len().max(1) as f32;
        if n == 0 || variance < 1.0 { 0.0 } else { edges / n as f32 / variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::detect::FixedDetector;
    use proptest::prelude::*;

    fn frontal() -> Detection {
        FixedDetector::frontal(BoxPx { x: 100.0, y: 100.0, w: 100.0, h: 100.0 }).faces[0]
    }

    #[test]
    fn a_frontal_face_has_no_turn() {
        let (yaw, pitch, roll) = pose(&frontal().landmarks);
        assert!(yaw.abs() < 1.0 && pitch.abs() < 10.0 && roll.abs() < 1.0, "{yaw} {pitch} {roll}");
    }

    #[test]
    fn a_nose_to_the_side_is_a_turn_to_that_side() {
        let mut face = frontal();
        face.landmarks[2].x += 15.0;
        assert!(pose(&face.landmarks).0 > 25.0);
    }

    #[test]
    fn a_box_half_outside_is_half_cut_off() {
        let b = BoxPx { x: -50.0, y: 0.0, w: 100.0, h: 10.0 };
        assert!((cut_off(&b, (640, 480)) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn blur_lowers_sharpness() {
        let stripes = |period: usize| {
            let plane: Vec<f32> =
                (0..64 * 64).map(|i| if ((i % 64) / period).is_multiple_of(2) { 60.0 } else { 200.0 }).collect();
            [plane.clone(), plane.clone(), plane].concat()
        };
        let sharp = assess(&frontal(), &stripes(2), 64, (640, 480), 1.0).sharpness;
        let soft = assess(&frontal(), &stripes(16), 64, (640, 480), 1.0).sharpness;
        assert!(sharp > 2.0 * soft && soft > 0.0, "{sharp} {soft}");
    }

    proptest! {
        #[test]
        fn roll_follows_the_eyes(angle in -1.2f32..1.2) {
            let mut face = frontal();
            let (sin, cos) = angle.sin_cos();
            for p in &mut face.landmarks {
                let (x, y) = (p.x - 150.0, p.y - 150.0);
                (p.x, p.y) = (150.0 + x * cos - y * sin, 150.0 + x * sin + y * cos);
            }
            let (yaw, _, roll) = pose(&face.landmarks);
            prop_assert!((roll - angle.to_degrees()).abs() < 0.5);
            prop_assert!(yaw.abs() < 1.0);
        }
    }
}
