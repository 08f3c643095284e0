//! The whole picture. In: luma. Out: a thumbnail, small enough to keep for every frame.

use super::Picture;

/// A picture at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glance {
    /// Upright width and height in pixels.
    pub size: (u32, u32),
    /// Mean luma codes of [`Glance::COLUMNS`] × [`Glance::ROWS`] cells, row by row, as stored (not turned upright).
    pub cells: Vec<u8>,
    /// How much neighbouring pixels differ in each cell, on average, in quarters of a luma code: near zero where there
    /// is no detail.
    pub edges: Vec<u8>,
}

impl Glance {
    /// Cells in a row.
    pub const COLUMNS: usize = 32;
    /// Rows of cells.
    pub const ROWS: usize = 18;
    /// Points that are looked at in a cell, in each direction.
    const POINTS: usize = 4;

    /// Looks at 16 points of each cell, spread evenly: some 9 000 bytes of a picture of any size.
    pub fn of(picture: &Picture) -> Self {
        let plane = picture.plane(0);
        let (width, height) = (picture.width as usize, picture.height as usize);
        let at = |i: usize, count: usize, length: usize| (2 * i + 1) * length / (2 * count);
        let mut sums = vec![(0u32, 0u32); Self::COLUMNS * Self::ROWS];
        for row in 0..Self::ROWS * Self::POINTS {
            let start = at(row, Self::ROWS * Self::POINTS, height) * plane.stride;
            let line = plane.data.get(start..start + width).unwrap_or_default();
            let cells = sums.iter_mut().skip(row / Self::POINTS * Self::COLUMNS);
            for (column, (level, edge)) in cells.take(Self::COLUMNS).enumerate() {
                for point in column * Self::POINTS..(column + 1) * Self::POINTS {
                    let x = at(point, Self::COLUMNS * Self::POINTS, width).min(width.saturating_sub(2));
                    let pair = [line.get(x), line.get(x + 1)].map(|v| v.copied().unwrap_or(0));
                    *level += u32::from(pair[0]);
                    *edge += u32::from(pair[0].abs_diff(pair[1]));
                }
            }
        }
        let points = (Self::POINTS * Self::POINTS) as u32;
        let cells = sums.iter().map(|(level, _)| ((level + points / 2) / points) as u8).collect();
        let edges = sums.iter().map(|(_, edge)| (4 * edge / points).min(255) as u8).collect();
        Self { size: picture.upright_size(), cells, edges }
    }

    /// Mean luma code, 0..=255.
    pub fn mean(&self) -> f32 {
        let sum: u32 = self.cells.iter().map(|c| u32::from(*c)).sum();
        sum as f32 / self.cells.len().max(1) as f32
    }

    /// Standard deviation of the cells in luma codes: near zero for a plain picture.
    pub fn contrast(&self) -> f32 {
        let mean = self.mean();
        let squares: f32 = self.cells.iter().map(|c| (f32::from(*c) - mean).powi(2)).sum();
        (squares / self.cells.len().max(1) as f32).sqrt()
    }

    /// Mean absolute difference of the cells in luma codes; 255 when either picture is missing.
    pub fn difference(&self, other: &Self) -> f32 {
        if self.cells.is_empty() || self.cells.len() != other.cells.len() {
            return 255.0;
        }
        let sum: u32 = self.cells.iter().zip(&other.cells).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum as f32 / self.cells.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OwnedPlanes;
    use crate::types::PictureFormat;
    use proptest::prelude::*;

    #[test]
    fn a_plain_picture_is_its_luma() {
        for (width, height) in [(640, 360), (33, 17), (2, 2)] {
            let planes = OwnedPlanes::i420(width, height, |_, _| 77, |_, _| (128, 128));
            let picture = Picture::new(std::sync::Arc::new(planes), PictureFormat::I420, width, height).unwrap();
            let glance = Glance::of(&picture);
            assert_eq!((glance.size, glance.mean(), glance.contrast()), ((width, height), 77.0, 0.0));
        }
    }

    proptest! {
        #[test]
        fn difference_is_a_distance(a in prop::collection::vec(0u8..=255, 576), b in prop::collection::vec(0u8..=255, 576)) {
            let glance = |cells: &Vec<u8>| Glance { size: (64, 36), cells: cells.clone(), edges: vec![] };
            let (a, b) = (glance(&a), glance(&b));
            prop_assert_eq!(a.difference(&a), 0.0);
            prop_assert_eq!(a.difference(&b), b.difference(&a));
            prop_assert!((0.0..=255.0).contains(&a.difference(&b)));
        }
    }
}
