//! Affine maps of the plane. In: points. Out: points.

use crate::types::{Orientation, Point};

/// `x' = a·x + b·y + tx`, `y' = c·x + d·y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Linear part, row by row.
    pub linear: [f32; 4],
    /// Shift.
    pub shift: [f32; 2],
}

impl Affine {
    /// Scales each axis.
    pub fn scale(x: f32, y: f32) -> Self {
        Self { linear: [x, 0.0, 0.0, y], shift: [0.0, 0.0] }
    }

    /// From upright pixels to stored pixels of a picture of this stored size.
    pub fn to_stored(orientation: Orientation, width: f32, height: f32) -> Self {
        let at = |x, y| orientation.to_stored(x, y, width, height);
        let (o, ex, ey) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0));
        Self { linear: [ex.0 - o.0, ey.0 - o.0, ex.1 - o.1, ey.1 - o.1], shift: [o.0, o.1] }
    }

    /// The image of a point.
    pub fn apply(&self, p: Point) -> Point {
        let [a, b, c, d] = self.linear;
        Point { x: a * p.x + b * p.y + self.shift[0], y: c * p.x + d * p.y + self.shift[1] }
    }

    /// First `self`, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        let [a, b, c, d] = next.linear;
        let [e, f, g, h] = self.linear;
        let shift = next.apply(Point { x: self.shift[0], y: self.shift[1] });
        Self { linear: [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h], shift: [shift.x, shift.y] }
    }

    /// The way back; `None` when the map squeezes the plane into a line.
    pub fn inverse(&self) -> Option<Self> {
        let [a, b, c, d] = self.linear;
        let det = a * d - b * c;
        if !det.is_finite() || det.abs() < 1e-12 {
            return None;
        }
        let linear = [d / det, -b / det, -c / det, a / det];
        let back = Self { linear, shift: [0.0, 0.0] }.apply(Point { x: self.shift[0], y: self.shift[1] });
        Some(Self { linear, shift: [-back.x, -back.y] })
    }

    /// Length that one unit becomes, on average over directions (square root of the determinant).
    pub fn magnification(&self) -> f32 {
        let [a, b, c, d] = self.linear;
        (a * d - b * c).abs().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_inverse_leads_back(a in 0.5f32..2.0, b in -0.4f32..0.4, x in -50.0f32..50.0, y in -50.0f32..50.0) {
            let map = Affine { linear: [a, b, -b, a], shift: [3.0, -7.0] };
            let there = map.apply(Point { x, y });
            let back = map.inverse().unwrap().apply(there);
            prop_assert!((back.x - x).abs() < 1e-3 && (back.y - y).abs() < 1e-3);
            let twice = map.then(&map).apply(Point { x, y });
            let stepwise = map.apply(there);
            prop_assert!((twice.x - stepwise.x).abs() < 1e-2 && (twice.y - stepwise.y).abs() < 1e-2);
        }
    }

    #[test]
    fn a_line_has_no_inverse() {
        assert_eq!(Affine { linear: [1.0, 1.0, 1.0, 1.0], shift: [0.0; 2] }.inverse(), None);
    }
}
