//! A face at a glance. In: an aligned crop. Out: a thumbnail, small enough to keep for every frame.

use std::sync::Arc;

/// Mean luma and colour differences of the middle of an aligned face, cell by cell, in codes 0..=255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    cells: Arc<[u8]>,
}

impl Default for Look {
    fn default() -> Self {
        Self { cells: Arc::from([]) }
    }
}

impl Look {
    /// Cells in a row, and rows.
    pub const SIDE: usize = 8;
    /// Cells.
    pub const CELLS: usize = Self::SIDE * Self::SIDE;
    /// Part of the crop on each side that is left out: hair and background.
    const MARGIN: f32 = 0.2;

    /// Of a crop `width` pixels wide: R, G and B planes, 0..=255. BT.601 luma and colour differences.
    pub fn of(rgb: &[f32], width: usize) -> Self {
        let (plane, width) = (rgb.len() / 3, width.max(1));
        let height = plane / width;
        let edge = |i: usize, length: usize| {
            let inner = 1.0 - 2.0 * Self::MARGIN;
            ((Self::MARGIN + inner * i as f32 / Self::SIDE as f32) * length as f32) as usize
        };
        let mut cells = vec![0u8; 3 * Self::CELLS];
        for cell in 0..Self::CELLS {
            let (column, row) = (cell % Self::SIDE, cell / Self::SIDE);
            let rows = edge(row, height)..edge(row + 1, height);
            let columns = edge(column, width)..edge(column + 1, width);
            let n = (rows.len() * columns.len()).max(1) as f32;
            let mean = |channel: usize| -> f32 {
                let lines = rows.clone().map(|y| channel * plane + y * width);
                let lines = lines.filter_map(|start| rgb.get(start + columns.start..start + columns.end));
                lines.map(|line| line.iter().sum::<f32>()).sum::<f32>() / n
            };
            let (r, g, b) = (mean(0), mean(1), mean(2));
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            let codes = [luma, 128.0 + 0.564 * (b - luma), 128.0 + 0.713 * (r - luma)];
            for (channel, code) in codes.into_iter().enumerate() {
                cells[channel * Self::CELLS + cell] = code.round().clamp(0.0, 255.0) as u8;
            }
        }
        Self { cells: cells.into() }
    }

    /// Mean luma codes, row by row; empty when there was no crop.
    pub fn luma(&self) -> &[u8] {
        self.cells.get(..Self::CELLS).unwrap_or_default()
    }

    /// Mean codes of blue and of red less luma, around 128, row by row.
    pub fn colour(&self) -> (&[u8], &[u8]) {
        let part = |i: usize| self.cells.get(i * Self::CELLS..(i + 1) * Self::CELLS).unwrap_or_default();
        (part(1), part(2))
    }

    /// How much of the face looks otherwise, whatever the light: mean absolute difference of the cells' luma, each
    /// look less its own mean, in codes. 0 when either look is missing.
    pub fn difference(&self, other: &Self) -> f32 {
        let (a, b) = (self.luma(), other.luma());
        if a.is_empty() || a.len() != b.len() {
            return 0.0;
        }
        let (shift_a, shift_b) = (self.mean(), other.mean());
        let apart = |(x, y): (&u8, &u8)| ((f32::from(*x) - shift_a) - (f32::from(*y) - shift_b)).abs();
        a.iter().zip(b).map(apart).sum::<f32>() / a.len() as f32
    }

    /// Mean luma code.
    pub fn mean(&self) -> f32 {
        let luma = self.luma();
        luma.iter().map(|c| f32::from(*c)).sum::<f32>() / luma.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(r: f32, g: f32, b: f32) -> Look {
        Look::of(&[vec![r; 1024], vec![g; 1024], vec![b; 1024]].concat(), 32)
    }

    #[test]
    fn a_plain_crop_is_its_colour() {
        let look = plain(200.0, 100.0, 50.0);
        assert!(look.luma().iter().all(|l| (124..=125).contains(l)), "{look:?}");
        let (blue, red) = look.colour();
        assert!(blue.iter().all(|b| *b == 86) && red.iter().all(|r| *r == 182), "{look:?}");
    }

    proptest! {
        #[test]
        fn light_alone_is_no_difference(a in 20.0f32..200.0, b in 20.0f32..200.0) {
            prop_assert!(plain(a, a, a).difference(&plain(b, b, b)) < 0.6);
        }

        #[test]
        fn difference_is_symmetric(a in prop::collection::vec(0.0f32..255.0, 3 * 1024), b in prop::collection::vec(0.0f32..255.0, 3 * 1024)) {
            let (a, b) = (Look::of(&a, 32), Look::of(&b, 32));
            prop_assert!((a.difference(&b) - b.difference(&a)).abs() < 1e-4);
            prop_assert_eq!(a.difference(&a), 0.0);
        }
    }
}
