//! The face crop. In: a YUV picture and a map. Out: an aligned RGB crop, sampled straight from the planes.

use super::Affine;
use super::yuv::YuvToRgb;
use crate::types::{Picture, PictureFormat, Point};

/// Most samples a crop pixel is averaged over, along each axis.
const MAX_SAMPLES: usize = 4;

/// Samples a `width × height` crop: R, G and B planes, 0..=255. `map` leads from crop pixels to upright source
/// pixels. Each value is the mean of k×k bilinear samples, k = ceil(source pixels per crop pixel), at most 4; outside
/// the picture its edge is repeated. Chroma is sampled at its own resolution (left-sited, as H.264 has it), once a
/// crop pixel unless it is shrunk by more than 1.5.
pub fn crop(picture: &Picture, map: &Affine, width: usize, height: usize) -> Vec<f32> {
    let to_stored = Affine::to_stored(picture.orientation, picture.width as f32, picture.height as f32);
    let luma = map.then(&to_stored);
    let chroma = luma.then(&Affine { linear: [0.5, 0.0, 0.0, 0.5], shift: [0.25, 0.0] });
    let size = (width, height);
    let (y_view, u_view, v_view) = (picture.plane(0), picture.plane(1), picture.plane(2));
    let y = Plane::new([y_view.data], y_view.stride, 1, (picture.width as usize, picture.height as usize));
    let n = width * height;
    let mut out = vec![0.0f32; 3 * n];
    let (ys, rest) = out.split_at_mut(n);
    let (us, vs) = rest.split_at_mut(n);
    gather(&y, &luma, samples(luma.magnification().ceil()), size, [&mut *ys]);
    let k = samples(chroma.magnification().round());
    let chroma_size = picture.chroma_size();
    match picture.format {
        PictureFormat::I420 if u_view.stride == v_view.stride => {
            let uv = Plane::new([u_view.data, v_view.data], u_view.stride, 1, chroma_size);
            gather(&uv, &chroma, k, size, [&mut *us, &mut *vs]);
        }
        PictureFormat::I420 => {
            for (view, to) in [(u_view, &mut *us), (v_view, &mut *vs)] {
                gather(&Plane::new([view.data], view.stride, 1, chroma_size), &chroma, k, size, [to]);
            }
        }
        PictureFormat::Nv12 => {
            let second = u_view.data.get(1..).unwrap_or_default();
            let uv = Plane::new([u_view.data, second], u_view.stride, 2, chroma_size);
            gather(&uv, &chroma, k, size, [&mut *us, &mut *vs]);
        }
    }
    let to_rgb = YuvToRgb::of(picture);
    for ((y, u), v) in ys.iter_mut().zip(us).zip(vs) {
        [*y, *u, *v] = to_rgb.rgb(*y, *u, *v);
    }
    out
}

fn samples(source_per_crop: f32) -> usize {
    (source_per_crop as usize).clamp(1, MAX_SAMPLES)
}

/// `P` planes of one geometry: sample (x, y) is at `y · stride + x · step`.
struct Plane<'a, const P: usize> {
    data: [&'a [u8]; P],
    stride: usize,
    step: usize,
    /// Greatest position of a sample's centre that interpolates, in samples.
    last: Point,
}

impl<'a, const P: usize> Plane<'a, P> {
    fn new(data: [&'a [u8]; P], stride: usize, step: usize, (width, height): (usize, usize)) -> Self {
        let last = Point { x: width as f32 - 1.0, y: height as f32 - 1.0 };
        Self { data, stride, step, last }
    }

    /// True when every sample of the crop has all its four neighbours.
    fn holds(&self, map: &Affine, (width, height): (usize, usize)) -> bool {
        let (w, h) = (width as f32, height as f32);
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| map.apply(Point { x, y }));
        let end = self.last.y as usize * self.stride + self.last.x as usize * self.step;
        let inside = |v: f32, last: f32| v >= 0.75 && v <= last - 0.25;
        corners.iter().all(|p| inside(p.x, self.last.x) && inside(p.y, self.last.y))
            && self.data.iter().all(|d| d.len() > end)
    }

    /// Bilinear, all neighbours inside; (x, y) is relative to sample centres.
    #[inline(always)]
    fn inside(&self, x: f32, y: f32) -> [f32; P] {
        let (x0, y0) = (x as usize, y as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let i = y0 * self.stride + x0 * self.step;
        self.data.map(|data| {
            let (top, low) = (&data[i..=i + self.step], &data[i + self.stride..=i + self.stride + self.step]);
            blend([top[0], top[self.step], low[0], low[self.step]], fx, fy)
        })
    }

    /// Bilinear, the edge repeated outside.
    fn anywhere(&self, x: f32, y: f32) -> [f32; P] {
        let (x, y) = (x.clamp(0.0, self.last.x), y.clamp(0.0, self.last.y));
        let (x0, y0) = (x as usize, y as usize);
        let right = if x0 as f32 + 1.0 <= self.last.x { self.step } else { 0 };
        let down = if y0 as f32 + 1.0 <= self.last.y { self.stride } else { 0 };
        let i = y0 * self.stride + x0 * self.step;
        self.data.map(|data| {
            let byte = |i: usize| data.get(i).copied().unwrap_or(0);
            let corners = [byte(i), byte(i + right), byte(i + down), byte(i + down + right)];
            blend(corners, x - x0 as f32, y - y0 as f32)
        })
    }
}

#[inline(always)]
fn blend(corners: [u8; 4], fx: f32, fy: f32) -> f32 {
    let [a, b, c, d] = corners.map(f32::from);
    let top = a + (b - a) * fx;
    let low = c + (d - c) * fx;
    top + (low - top) * fy
}

fn gather<const P: usize>(plane: &Plane<'_, P>, map: &Affine, k: usize, size: (usize, usize), out: [&mut [f32]; P]) {
    if plane.holds(map, size) {
        match k {
            1 => fill::<1, P>(map, size.0, out, |x, y| plane.inside(x, y)),
            2 => fill::<2, P>(map, size.0, out, |x, y| plane.inside(x, y)),
            3 => fill::<3, P>(map, size.0, out, |x, y| plane.inside(x, y)),
            _ => fill::<4, P>(map, size.0, out, |x, y| plane.inside(x, y)),
        }
    } else {
        match k {
            1 => fill::<1, P>(map, size.0, out, |x, y| plane.anywhere(x, y)),
            2 => fill::<2, P>(map, size.0, out, |x, y| plane.anywhere(x, y)),
            3 => fill::<3, P>(map, size.0, out, |x, y| plane.anywhere(x, y)),
            _ => fill::<4, P>(map, size.0, out, |x, y| plane.anywhere(x, y)),
        }
    }
}

/// The mean of K×K samples for every crop pixel.
#[inline(always)]
fn fill<const K: usize, const P: usize>(
    map: &Affine,
    width: usize,
    mut out: [&mut [f32]; P],
    at: impl Fn(f32, f32) -> [f32; P],
) {
    let [a, b, c, d] = map.linear;
    let step = 1.0 / K as f32;
    let centre = |i: usize| (i as f32 + 0.5) * step;
    let len = out.first().map_or(0, |o| o.len());
    for i in 0..len {
        let (column, row) = ((i % width) as f32, (i / width) as f32);
        // Relative to sample centres, which lie at +0.5.
        let x = a * column + b * row + map.shift[0] - 0.5;
        let y = c * column + d * row + map.shift[1] - 0.5;
        let mut sums = [0.0f32; P];
        for j in 0..K {
            for i in 0..K {
                let (u, v) = (centre(i), centre(j));
                let values = at(x + a * u + b * v, y + c * u + d * v);
                sums.iter_mut().zip(values).for_each(|(s, v)| *s += v);
            }
        }
        for (plane, sum) in out.iter_mut().zip(sums) {
            plane[i] = sum * step * step;
        }
    }
}
