//! What detectors share. In: raw boxes. Out: boxes without doubles.

use crate::infer::Output;
use crate::types::{BoxPx, Detection, LANDMARKS, Landmarks, Point};

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

/// Boxes that overlap a kept one at least so much take part in its mean.
const BLEND_IOU: f32 = 0.5;

/// Greedy non-maximum suppression with blending: of boxes that overlap more than `max_iou` the best stays, and its
/// place becomes the mean of the candidates nearest to it, weighted by their squared scores. That keeps boxes and
/// points from jumping between candidates of nearly equal score (V. Bazarevsky et al., "BlazeFace", 2019, §3.4).
/// Best first; among equals, the one found first.
pub fn suppress(mut found: Vec<Detection>, max_iou: f32) -> Vec<Detection> {
    found.retain(|d| d.bbox.w > 0.0 && d.bbox.h > 0.0 && d.score.is_finite() && d.bbox.area().is_finite());
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut best: Vec<Detection> = Vec::new();
    for d in &found {
        if best.iter().all(|k| k.bbox.iou(&d.bbox) <= max_iou) {
            best.push(*d);
        }
    }
    best.iter().map(|kept| blend(kept, &found)).collect()
}

fn blend(kept: &Detection, found: &[Detection]) -> Detection {
    let near = found.iter().filter(|d| d.bbox.iou(&kept.bbox) >= BLEND_IOU);
    let weight = |d: &Detection| d.score * d.score;
    let total: f32 = near.clone().map(weight).sum();
    if total <= 0.0 {
        return *kept;
    }
    let mean = |value: &dyn Fn(&Detection) -> f32| near.clone().map(|d| weight(d) * value(d)).sum::<f32>() / total;
    let bbox = BoxPx { x: mean(&|d| d.bbox.x), y: mean(&|d| d.bbox.y), w: mean(&|d| d.bbox.w), h: mean(&|d| d.bbox.h) };
    let point = |i: usize| Point { x: mean(&|d| d.landmarks[i].x), y: mean(&|d| d.landmarks[i].y) };
    Detection { bbox, landmarks: std::array::from_fn(point), score: kept.score }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        fn every_kept_score_was_found_best_first(found in detections()) {
            let kept = suppress(found.clone(), 0.3);
            prop_assert!(kept.windows(2).all(|w| w[0].score >= w[1].score));
            prop_assert!(kept.iter().all(|k| found.iter().any(|f| f.score == k.score)));
            prop_assert_eq!(found.is_empty(), kept.is_empty());
        }

        #[test]
        fn candidates_of_one_face_become_their_mean(
            jitter in proptest::collection::vec((-3.0f32..3.0, 0.6f32..0.9), 1..10)
        ) {
            let at = |x: f32, score: f32| {
                let bbox = BoxPx { x, y: 0.0, w: 60.0, h: 60.0 };
                Detection { bbox, landmarks: [Point { x, y: 0.0 }; LANDMARKS], score }
            };
            let found: Vec<_> = jitter.iter().map(|(x, score)| at(*x, *score)).collect();
            let kept = suppress(found, 0.3);
            prop_assert_eq!(kept.len(), 1);
            let (low, high) = jitter.iter().fold((f32::MAX, f32::MIN), |(l, h), (x, _)| (l.min(*x), h.max(*x)));
            prop_assert!(kept[0].bbox.x >= low - 1e-3 && kept[0].bbox.x <= high + 1e-3);
            prop_assert!((kept[0].landmarks[2].x - kept[0].bbox.x).abs() < 1e-3);
        }
    }
}
