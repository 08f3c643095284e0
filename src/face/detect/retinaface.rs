//! RetinaFace's outputs (J. Deng et al., "RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild", CVPR
//! 2020). In: offsets from square priors of three strides. Out: boxes in tensor pixels.

use super::decode::{landmarks, values};
use crate::infer::Output;
use crate::types::{BoxPx, Detection, Point};

/// Boxes that overlap more are one face.
pub const MAX_IOU: f32 = 0.4;

/// Stride and the sides of its two priors in pixels.
const LEVELS: [(usize, [f32; 2]); 3] = [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];

/// Variances of centre and size.
const CENTRE: f32 = 0.1;
const SIZE: f32 = 0.2;

/// `None` when an output is missing or has another size than the input's priors.
pub fn decode(outputs: &[Output], (width, height): (usize, usize), min_score: f32) -> Option<Vec<Detection>> {
    let count: usize = LEVELS.iter().map(|(s, _)| 2 * width.div_ceil(*s) * height.div_ceil(*s)).sum();
    let boxes = values(outputs, "loc", count * 4)?;
    let scores = values(outputs, "conf", count * 2)?;
    let points = values(outputs, "landmarks", count * 10)?;
    let mut found = Vec::new();
    for (i, (cx, cy, side)) in priors(width, height).enumerate() {
        let score = scores[i * 2 + 1];
        if score < min_score {
            continue;
        }
        let l = &boxes[i * 4..i * 4 + 4];
        let (w, h) = (side * (SIZE * l[2]).exp(), side * (SIZE * l[3]).exp());
        let at = |x: f32, y: f32| Point { x: cx + CENTRE * x * side, y: cy + CENTRE * y * side };
        let centre = at(l[0], l[1]);
        let bbox = BoxPx { x: centre.x - w / 2.0, y: centre.y - h / 2.0, w, h };
        found.push(Detection { bbox, landmarks: landmarks(&points[i * 10..i * 10 + 10], at), score });
    }
    Some(found)
}

/// Centre and side of every prior, in the outputs' order.
fn priors(width: usize, height: usize) -> impl Iterator<Item = (f32, f32, f32)> {
    LEVELS.into_iter().flat_map(move |(stride, sides)| {
        let (columns, rows) = (width.div_ceil(stride), height.div_ceil(stride));
        (0..rows * columns).flat_map(move |cell| {
            let centre = |i: usize| (i as f32 + 0.5) * stride as f32;
            let (x, y) = (centre(cell % columns), centre(cell / columns));
            sides.into_iter().map(move |side| (x, y, side))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;

    #[test]
    fn a_lit_prior_is_a_square_box() {
        let count = 2 * (8 * 4 + 4 * 2 + 2);
        let make = |name: &str, k| Output { name: name.into(), values: ArrayD::zeros(vec![1, count, k]) };
        let mut raw = [make("loc", 4), make("conf", 2), make("landmarks", 10)];
        raw[1].values.as_slice_mut().unwrap()[3 * 2 + 1] = 0.9;
        let found = decode(&raw, (64, 32), 0.6).unwrap();
        // the second prior of the second cell: side 32 around (12, 4)
        assert_eq!(found[0].bbox, BoxPx { x: -4.0, y: -12.0, w: 32.0, h: 32.0 });
        assert!(decode(&raw, (64, 64), 0.6).is_none());
    }
}
