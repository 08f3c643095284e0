//! What detectors share. In: raw boxes. Out: boxes without doubles.

use crate::infer::Output;
use crate::types::{Detection, LANDMARKS, Landmarks, Point};

/// The values of an output, row-major; `None` when it is absent or has another length.
pub fn values<'a>(outputs: &'a [Output], name: &str, len: usize) -> Option<&'a [f32]> {
    outputs.iter().find(|o| o.name == name).and_then(|o| o.values.as_slice()).filter(|s| s.len() == len)
}

/// Five points from ten values.
pub fn landmarks(raw: &[f32], point: impl Fn(f32, f32) -> Point) -> Landmarks {
    let mut out = [Point { x: 0.0, y: 0.0 }; LANDMARKS];
    for (p, xy) in out.iter_mut().zip(raw.as_chunks::<2>().0) {
        *p = point(xy[0], xy[1]);
    }
    out
}

/// Greedy non-maximum suppression: keeps the best of boxes that overlap more than `max_iou`. Best first; among
/// equals, the one found first.
pub fn suppress(mut found: Vec<Detection>, max_iou: f32) -> Vec<Detection> {
    found.retain(|d| d.bbox.w > 0.0 && d.bbox.h > 0.0 && d.score.is_finite());
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for d in found {
        if kept.iter().all(|k| k.bbox.iou(&d.bbox) <= max_iou) {
            kept.push(d);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BoxPx;
    use proptest::prelude::*;

    fn detections() -> impl Strategy<Value = Vec<Detection>> {
        let one =
            (0.0f32..100.0, 0.0f32..100.0, 1.0f32..50.0, 1.0f32..50.0, 0.0f32..1.0).prop_map(|(x, y, w, h, score)| {
                Detection { bbox: BoxPx { x, y, w, h }, landmarks: [Point { x, y }; LANDMARKS], score }
            });
        proptest::collection::vec(one, 0..30)
    }

    proptest! {
        #[test]
        fn no_two_kept_boxes_overlap_and_none_is_made_up(found in detections()) {
            let kept = suppress(found.clone(), 0.3);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(found.contains(a));
                prop_assert!(kept[i + 1..].iter().all(|b| a.bbox.iou(&b.bbox) <= 0.3 && a.score >= b.score));
            }
            prop_assert_eq!(found.is_empty(), kept.is_empty());
        }
    }
}
