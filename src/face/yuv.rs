//! Colour. In: YUV code values of a picture. Out: RGB.

use crate::types::{ColorMatrix, ColorRange, Picture};

/// From YUV code values to RGB 0..=255, before clamping.
#[derive(Debug, Clone, Copy)]
pub struct YuvToRgb {
    y: f32,
    y_offset: f32,
    rv: f32,
    gu: f32,
    gv: f32,
    bu: f32,
}

impl YuvToRgb {
    pub fn of(picture: &Picture) -> Self {
        let (kr, kb) = match picture.matrix {
            ColorMatrix::Bt601 => (0.299, 0.114),
            ColorMatrix::Bt709 => (0.2126, 0.0722),
            ColorMatrix::Bt2020 => (0.2627, 0.0593),
        };
        let kg = 1.0 - kr - kb;
        let (y, y_offset, c) = match picture.range {
            ColorRange::Limited => (255.0 / 219.0, 16.0, 255.0 / 224.0),
            ColorRange::Full => (1.0, 0.0, 1.0),
        };
        let (rv, bu) = (2.0 * (1.0 - kr) * c, 2.0 * (1.0 - kb) * c);
        Self { y, y_offset, rv, gu: -bu * kb / kg, gv: -rv * kr / kg, bu }
    }

    #[inline(always)]
    pub fn rgb(&self, y: f32, u: f32, v: f32) -> [f32; 3] {
        let (y, u, v) = ((y - self.y_offset) * self.y, u - 128.0, v - 128.0);
        let clamp = |x: f32| x.clamp(0.0, 255.0);
        [clamp(y + self.rv * v), clamp(y + self.gu * u + self.gv * v), clamp(y + self.bu * u)]
    }
}
