//! Decoded pictures. In: a decoder's planes as they are. Out: shared, read-only YUV that a sampler reads directly;
//! no full-frame RGB copy is ever made.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::MediaTime;

/// How the planes are laid out; both are 8-bit 4:2:0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// Three planes: Y, U, V.
    I420,
    /// Two planes: Y, interleaved UV.
    Nv12,
}

/// Coefficients between YUV and RGB (ITU-R BT.601, BT.709, BT.2020 non-constant luminance).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMatrix {
    /// Standard definition.
    Bt601,
    /// High definition.
    Bt709,
    /// Ultra high definition.
    Bt2020,
}

/// What the code values span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorRange {
    /// Y 16..=235, UV 16..=240.
    Limited,
    /// 0..=255.
    Full,
}

/// How to turn the stored picture to see it upright: mirror left-right first (if `mirrored`), then turn
/// clockwise by `quarter_turns` × 90°.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Clockwise quarter turns, 0..=3.
    pub quarter_turns: u8,
    /// Mirrored before turning.
    pub mirrored: bool,
}

impl Orientation {
    /// Width and height after turning.
    pub fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.quarter_turns % 2 == 1 { (height, width) } else { (width, height) }
    }

    /// The stored position of an upright position, both in pixels, continuous; `width` and `height` are stored.
    pub fn to_stored(self, x: f32, y: f32, width: f32, height: f32) -> (f32, f32) {
        let (sx, sy) = match self.quarter_turns % 4 {
            0 => (x, y),
            1 => (y, height - x),
            2 => (width - x, height - y),
            _ => (width - y, x),
        };
        (if self.mirrored { width - sx } else { sx }, sy)
    }
}

/// One plane: `data` holds rows of `stride` bytes.
#[derive(Clone, Copy)]
pub struct PlaneView<'a> {
    /// Bytes, at least `stride × (rows − 1) + row bytes`.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Whoever keeps the memory of a picture: a decoder's buffer, or a test's vectors.
pub trait Planes: Send + Sync {
    /// Plane `index` (0 is luma). An index behind the last gives an empty view.
    fn plane(&self, index: usize) -> PlaneView<'_>;
}

/// A decoded picture in the decoder's own memory. Cloning shares it.
#[derive(Clone)]
pub struct Picture {
    planes: Arc<dyn Planes>,
    /// Layout of the planes.
    pub format: PictureFormat,
    /// Stored width in pixels, before turning upright.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// YUV coefficients.
    pub matrix: ColorMatrix,
    /// Code range.
    pub range: ColorRange,
    /// How to turn it upright.
    pub orientation: Orientation,
    /// Width of a stored pixel over its height (1 for square pixels).
    pub pixel_aspect: f32,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{} {:?} {:?})", self.width, self.height, self.format, self.matrix)
    }
}

impl Picture {
    /// Wraps planes; square pixels, upright, BT.709 from 720 lines on and BT.601 below, limited range.
    /// `None` when a plane is too small for the size (a decoder never gives that; a test may).
    pub fn new(planes: Arc<dyn Planes>, format: PictureFormat, width: u32, height: u32) -> Option<Self> {
        let picture = Self {
            planes,
            format,
            width,
            height,
            matrix: if height >= 720 { ColorMatrix::Bt709 } else { ColorMatrix::Bt601 },
            range: ColorRange::Limited,
            orientation: Orientation::default(),
            pixel_aspect: 1.0,
        };
        picture.fits().then_some(picture)
    }

    /// Plane `index`.
    pub fn plane(&self, index: usize) -> PlaneView<'_> {
        self.planes.plane(index)
    }

    /// Width and height of a chroma plane in chroma samples.
    pub fn chroma_size(&self) -> (usize, usize) {
        (self.width.div_ceil(2) as usize, self.height.div_ceil(2) as usize)
    }

    /// Width and height as a viewer sees them (turned upright; pixel aspect not applied), in pixels.
    pub fn upright_size(&self) -> (u32, u32) {
        self.orientation.upright_size(self.width, self.height)
    }

    /// Width over height of an *upright* pixel.
    pub fn upright_pixel_aspect(&self) -> f32 {
        if self.orientation.quarter_turns % 2 == 1 { 1.0 / self.pixel_aspect } else { self.pixel_aspect }
    }

    fn fits(&self) -> bool {
        let (cw, ch) = self.chroma_size();
        let (w, h) = (self.width as usize, self.height as usize);
        let chroma_planes = match self.format {
            PictureFormat::I420 => [(1, cw, ch), (2, cw, ch)],
            PictureFormat::Nv12 => [(1, cw * 2, ch), (1, cw * 2, ch)],
        };
        let holds = |index: usize, row: usize, rows: usize| {
            let view = self.planes.plane(index);
            rows > 0 && row > 0 && view.stride >= row && view.data.len() >= view.stride * (rows - 1) + row
        };
        holds(0, w, h) && chroma_planes.iter().all(|&(i, row, rows)| holds(i, row, rows))
    }
}

/// One decoded frame.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    /// Number of the frame in decode order, from 0, skipped frames counted.
    pub index: u64,
    /// Presentation time; strictly increasing.
    pub pts: MediaTime,
    /// When the frame came, where that means something (live sources).
    pub utc: Option<SystemTime>,
    /// The picture.
    pub picture: Picture,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_maps_corners_onto_corners() {
        let (w, h) = (4.0f32, 2.0f32);
        for quarter_turns in 0..4 {
            for mirrored in [false, true] {
                let o = Orientation { quarter_turns, mirrored };
                let (uw, uh) = o.upright_size(4, 2);
                let mut seen: Vec<(i32, i32)> =
                    [(0.0, 0.0), (uw as f32, 0.0), (0.0, uh as f32), (uw as f32, uh as f32)]
                        .iter()
                        .map(|&(x, y)| o.to_stored(x, y, w, h))
                        .map(|(x, y)| (x as i32, y as i32))
                        .collect();
                seen.sort_unstable();
                assert_eq!(seen, [(0, 0), (0, 2), (4, 0), (4, 2)], "{o:?}");
            }
        }
    }

    #[test]
    fn a_clockwise_quarter_turn_brings_the_bottom_left_to_the_top_left() {
        let o = Orientation { quarter_turns: 1, mirrored: false };
        assert_eq!(o.to_stored(0.0, 0.0, 4.0, 2.0), (0.0, 2.0));
    }
}
