//! YuNet's outputs (W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023).
//! In: class, objectness, box and points of each cell of three strides. Out: boxes in tensor pixels.

use super::decode::{landmarks, values};
use crate::infer::Output;
use crate::types::{BoxPx, Detection, Point};

/// Boxes that overlap more are one face.
pub const MAX_IOU: f32 = 0.3;

const STRIDES: [usize; 3] = [8, 16, 32];

/// `None` when an output is missing or has another size than the input's cells.
pub fn decode(outputs: &[Output], (width, height): (usize, usize), min_score: f32) -> Option<Vec<Detection>> {
    let mut found = Vec::new();
    for stride in STRIDES {
        let (columns, rows) = (width / stride, height / stride);
        let cells = columns * rows;
        let get = |kind: &str, len| values(outputs, &format!("{kind}_{stride}"), len);
        let class = get("cls", cells)?;
        let object = get("obj", cells)?;
        let boxes = get("bbox", cells * 4)?;
        let points = get("kps", cells * 10)?;
        let s = stride as f32;
        for cell in 0..cells {
            let score = (class[cell].clamp(0.0, 1.0) * object[cell].clamp(0.0, 1.0)).sqrt();
            if score < min_score {
                continue;
            }
            let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
            let b = &boxes[cell * 4..cell * 4 + 4];
            let (w, h) = (b[2].exp() * s, b[3].exp() * s);
            let bbox = BoxPx { x: (column + b[0]) * s - w / 2.0, y: (row + b[1]) * s - h / 2.0, w, h };
            let at = |x: f32, y: f32| Point { x: (x + column) * s, y: (y + row) * s };
            found.push(Detection { bbox, landmarks: landmarks(&points[cell * 10..cell * 10 + 10], at), score });
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;

    fn outputs(width: usize, height: usize) -> Vec<Output> {
        let mut out = Vec::new();
        for stride in STRIDES {
            let cells = (width / stride) * (height / stride);
            for (kind, k) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
                out.push(Output { name: format!("{kind}_{stride}"), values: ArrayD::zeros(vec![1, cells, k]) });
            }
        }
        out
    }

    #[test]
    fn a_lit_cell_becomes_a_box_around_its_offset() {
        let mut raw = outputs(64, 32);
        for (index, cell, value) in [(0, 9, 1.0), (1, 9, 0.81), (2, 9 * 4, 0.5), (2, 9 * 4 + 1, 0.5)] {
            raw[index].values.as_slice_mut().unwrap()[cell] = value;
        }
        let found = decode(&raw, (64, 32), 0.6).unwrap();
        assert_eq!(found.len(), 1);
        // stride 8, column 1, row 1: the centre is at (1 + 0.5) · 8, the size e⁰ · 8
        assert_eq!(found[0].bbox, BoxPx { x: 8.0, y: 8.0, w: 8.0, h: 8.0 });
        assert!((found[0].score - 0.9).abs() < 1e-6);
    }

    #[test]
    fn another_input_size_is_refused() {
        assert!(decode(&outputs(64, 32), (64, 64), 0.6).is_none());
    }
}
