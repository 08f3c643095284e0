//! Alignment. In: five landmarks. Out: the map from a network's crop to the picture.
//!
//! The similarity transform that brings the landmarks nearest to a template in the least-squares sense
//! (S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
//! IEEE TPAMI 13(4), 1991; in the plane and without reflection it has a closed form in complex numbers).

use super::Affine;
use crate::types::{Landmarks, Point};

/// The similarity (rotation, one scale, shift) that maps `from` nearest to `to`. `None` when all points of
/// `from` coincide or a coordinate is not finite.
pub fn similarity(from: &[Point], to: &[Point]) -> Option<Affine> {
    let n = from.len().min(to.len()) as f32;
    let mean = |points: &[Point]| {
        let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.x, s.1 + p.y));
        Point { x: sum.0 / n, y: sum.1 / n }
    };
    let (from_mean, to_mean) = (mean(from), mean(to));
    let (mut re, mut im, mut spread) = (0.0f32, 0.0f32, 0.0f32);
    for (p, q) in from.iter().zip(to) {
        let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
        let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
        re += px * qx + py * qy;
        im += px * qy - py * qx;
        spread += px * px + py * py;
    }
    let (a, b) = (re / spread, im / spread);
    if !(a.is_finite() && b.is_finite()) || spread < 1e-6 {
        return None;
    }
    let shift = [to_mean.x - a * from_mean.x + b * from_mean.y, to_mean.y - b * from_mean.x - a * from_mean.y];
    Some(Affine { linear: [a, -b, b, a], shift })
}

/// The map from pixels of a `width × height` crop to upright source pixels. `template` is in units of the crop;
/// `pixel_aspect` is the width of an upright pixel over its height. `None` for degenerate landmarks.
pub fn crop_map(
    landmarks: &Landmarks,
    template: &[[f32; 2]; 5],
    (width, height): (usize, usize),
    pixel_aspect: f32,
) -> Option<Affine> {
    let square = landmarks.map(|p| Point { x: p.x * pixel_aspect, y: p.y });
    let target = template.map(|[x, y]| Point { x: x * width as f32, y: y * height as f32 });
    let to_crop = similarity(&square, &target)?;
    Some(to_crop.inverse()?.then(&Affine::scale(1.0 / pixel_aspect, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEMPLATE: [[f32; 2]; 5] = [[0.35, 0.42], [0.65, 0.42], [0.5, 0.55], [0.38, 0.68], [0.62, 0.68]];

    proptest! {
        #[test]
        fn finds_the_transform_that_made_the_points(
            scale in 0.2f32..5.0, angle in -3.0f32..3.0, tx in -200.0f32..200.0, ty in -200.0f32..200.0
        ) {
            let (a, b) = (scale * angle.cos(), scale * angle.sin());
            let made = Affine { linear: [a, -b, b, a], shift: [tx, ty] };
            let landmarks = TEMPLATE.map(|[x, y]| made.apply(Point { x: x * 100.0, y: y * 100.0 }));
            let map = crop_map(&landmarks, &TEMPLATE, (100, 100), 1.0).unwrap();
            for corner in [Point { x: 0.0, y: 0.0 }, Point { x: 100.0, y: 100.0 }] {
                let (found, expected) = (map.apply(corner), made.apply(corner));
                let tolerance = 0.02 + scale * 0.05;
                prop_assert!((found.x - expected.x).abs() < tolerance, "{found:?} {expected:?}");
                prop_assert!((found.y - expected.y).abs() < tolerance, "{found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn coinciding_points_are_refused() {
        let point = Point { x: 5.0, y: 5.0 };
        assert_eq!(crop_map(&[point; 5], &TEMPLATE, (100, 100), 1.0), None);
        let broken = Point { x: f32::NAN, y: 5.0 };
        assert_eq!(crop_map(&[broken; 5], &TEMPLATE, (100, 100), 1.0), None);
    }

    #[test]
    fn wide_pixels_are_undone() {
        let landmarks = TEMPLATE.map(|[x, y]| Point { x: x * 50.0, y: y * 100.0 });
        let map = crop_map(&landmarks, &TEMPLATE, (100, 100), 2.0).unwrap();
        let corner = map.apply(Point { x: 100.0, y: 100.0 });
        assert!((corner.x - 50.0).abs() < 0.1 && (corner.y - 100.0).abs() < 0.1, "{corner:?}");
    }
}
