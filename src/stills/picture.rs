//! A picture for people. In: YUV. Out: upright RGB of a size for pages; faces made unrecognisable; JPEG.

use image::codecs::jpeg::JpegEncoder;

use crate::face::{Affine, crop};
use crate::types::Picture;

/// Longest side in pixels.
const SIDE: f32 = 480.0;

/// JPEG's quality, 1..=100.
const QUALITY: u8 = 80;

/// A face that is hidden becomes so many squares wide: too few to be recognised.
const SQUARES: f64 = 6.0;

/// Part of the box that is hidden around a face.
const MARGIN: f64 = 0.25;

/// Upright, square pixels, 8 bits.
pub struct Rgb {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Pixels of this picture for a pixel of the source, along x and y.
    pub scale: (f64, f64),
    bytes: Vec<u8>,
}

impl Rgb {
    /// Shrinks (never enlarges) to the longest side.
    pub fn of(picture: &Picture) -> Self {
        let (w, h) = picture.upright_size();
        let (w, h) = (w as f32, h as f32);
        let square_w = w * picture.upright_pixel_aspect();
        let factor = (SIDE / square_w.max(h)).min(1.0);
        let side = |length: f32| (length * factor).round().max(1.0);
        let (width, height) = (side(square_w), side(h));
        let map = Affine::scale(w / width, h / height);
        let size = (width as usize, height as usize);
        let scale = (f64::from(width / w), f64::from(height / h));
        Self { scale, ..Self::of_planes(&crop(picture, &map, size.0, size.1), size) }
    }

    /// From R, G and B planes of this width and height, 0..=255.
    pub fn of_planes(planes: &[f32], (width, height): (usize, usize)) -> Self {
        let n = width * height;
        let byte = |v: f32| v.round().clamp(0.0, 255.0) as u8;
        let bytes = (0..n).flat_map(|i| [planes[i], planes[n + i], planes[2 * n + i]].map(byte)).collect();
        Self { width, height, scale: (1.0, 1.0), bytes }
    }

    /// Replaces a face (`[x, y, w, h]` in pixels of this picture) and what is around it by large squares.
    pub fn hide(&mut self, [x, y, w, h]: [f64; 4]) {
        let square = (w.max(h) / SQUARES).max(4.0) as usize;
        let within = |v: f64, end: usize| v.clamp(0.0, end as f64) as usize;
        let (left, right) = (within(x - w * MARGIN, self.width), within(x + w * (1.0 + MARGIN), self.width));
        let (top, bottom) = (within(y - h * MARGIN, self.height), within(y + h * (1.0 + MARGIN), self.height));
        for from_y in (top..bottom).step_by(square) {
            for from_x in (left..right).step_by(square) {
                self.flatten(from_x..(from_x + square).min(right), from_y..(from_y + square).min(bottom));
            }
        }
    }

    /// Gives every pixel of a rectangle their mean.
    fn flatten(&mut self, xs: std::ops::Range<usize>, ys: std::ops::Range<usize>) {
        let mut sums = [0u32; 3];
        let n = (xs.len() * ys.len()).max(1) as u32;
        for y in ys.clone() {
            for pixel in self.bytes[3 * (y * self.width + xs.start)..3 * (y * self.width + xs.end)].chunks_exact(3) {
                sums.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u32::from(*v));
            }
        }
        let mean = sums.map(|sum| (sum / n) as u8);
        for y in ys {
            let row = &mut self.bytes[3 * (y * self.width + xs.start)..3 * (y * self.width + xs.end)];
            row.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&mean));
        }
    }

    /// As JPEG.
    pub fn jpeg(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
        let (width, height) = (self.width as u32, self.height as u32);
        // A vector takes all bytes, and the sides are those of the bytes.
        let written =
            image::ImageEncoder::write_image(encoder, &self.bytes, width, height, image::ColorType::Rgb8.into());
        written.expect("BUG: a picture does not fit its sides");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::OwnedPlanes;
    use crate::types::{Orientation, PictureFormat};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn stripes() -> Picture {
        let planes = OwnedPlanes::i420(1280, 720, |x, _| if x / 8 % 2 == 0 { 200 } else { 40 }, |_, _| (128, 128));
        Picture::new(Arc::new(planes), PictureFormat::I420, 1280, 720).unwrap()
    }

    #[test]
    fn a_picture_is_small_and_upright() {
        let mut picture = stripes();
        let rgb = Rgb::of(&picture);
        assert_eq!((rgb.width, rgb.height), (480, 270));
        let decoded = image::guess_format(&rgb.jpeg()).unwrap();
        assert_eq!(decoded, image::ImageFormat::Jpeg);
        picture.orientation = Orientation { quarter_turns: 1, mirrored: false };
        let turned = Rgb::of(&picture);
        assert_eq!((turned.width, turned.height), (270, 480));
    }

    #[test]
    fn a_hidden_face_has_no_detail_left() {
        let mut rgb = Rgb::of(&stripes());
        let before = rgb.bytes.clone();
        rgb.hide([100.0, 60.0, 80.0, 90.0]);
        let at = |bytes: &[u8], x: usize, y: usize| bytes[3 * (y * 480 + x)];
        let spread = |bytes: &[u8]| {
            let row: Vec<u8> = (110..170).map(|x| at(bytes, x, 100)).collect();
            row.iter().max().unwrap() - row.iter().min().unwrap()
        };
        assert!(spread(&before) > 100 && spread(&rgb.bytes) < 40, "{} {}", spread(&before), spread(&rgb.bytes));
        assert_eq!(at(&before, 300, 100), at(&rgb.bytes, 300, 100), "the rest is as it was");
    }

    proptest! {
        #[test]
        fn any_box_can_be_hidden(x in -500.0f64..900.0, y in -500.0f64..900.0, w in 0.0f64..900.0, h in 0.0f64..900.0) {
            Rgb::of(&stripes()).hide([x, y, w, h]);
        }
    }
}
