//! The face crop. In: a YUV picture and a map. Out: an aligned RGB crop, sampled straight from the planes.

use std::array::from_fn;

use super::Affine;
use super::halve::halve;
use super::yuv::YuvToRgb;
use crate::types::{Picture, PictureFormat, PlaneView, Point};

/// A bilinear sample spans two source pixels: at most this far apart, samples leave none out.
const SPACING: f32 = 1.5;

/// Samples that are computed at once, so that all but the reading of the source is done by vector instructions.
const LANES: usize = 16;
type Lanes<T> = [T; LANES];

/// Samples a `width × height` crop: R, G and B planes, 0..=255. `map` leads from crop pixels to upright source
/// pixels. While a crop pixel spans two source pixels or more, the face's region is first halved (each value the mean
/// of four); then each value is one bilinear sample, or the mean of 2×2 where a crop pixel still spans more than 1.5.
/// Outside the picture its edge is repeated. Chroma is sampled at its own resolution (left-sited, as H.264 has it).
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
    gather(y, luma, size, [&mut *ys]);
    let chroma_size = picture.chroma_size();
    match picture.format {
        PictureFormat::I420 if u_view.stride == v_view.stride => {
            let uv = Plane::new([u_view.data, v_view.data], u_view.stride, 1, chroma_size);
            gather(uv, chroma, size, [&mut *us, &mut *vs]);
        }
        PictureFormat::I420 => {
            for (view, to) in [(u_view, &mut *us), (v_view, &mut *vs)] {
                gather(Plane::new([view.data], view.stride, 1, chroma_size), chroma, size, [to]);
            }
        }
        PictureFormat::Nv12 => {
            let second = u_view.data.get(1..).unwrap_or_default();
            let uv = Plane::new([u_view.data, second], u_view.stride, 2, chroma_size);
            gather(uv, chroma, size, [&mut *us, &mut *vs]);
        }
    }
    let to_rgb = YuvToRgb::of(picture);
    for ((y, u), v) in ys.iter_mut().zip(us).zip(vs) {
        [*y, *u, *v] = to_rgb.rgb(*y, *u, *v);
    }
    out
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

    /// True when every sample of this part of the crop has all its four neighbours.
    fn holds(&self, map: &Affine, (left, top): (usize, usize), (width, height): (usize, usize)) -> bool {
        let ([l, t], [r, b]) = ([left, top].map(|v| v as f32), [left + width, top + height].map(|v| v as f32));
        let corners = [(l, t), (r, t), (l, b), (r, b)].map(|(x, y)| map.apply(Point { x, y }));
        // Beyond, 16.16 fixed point would overflow.
        if self.last.x.max(self.last.y) >= 32_000.0 {
            return false;
        }
        let end = self.last.y as usize * self.stride + self.last.x as usize * self.step;
        if end > (i32::MAX / 2) as usize {
            return false;
        }
        let inside = |v: f32, last: f32| v >= 0.75 && v <= last - 0.25;
        corners.iter().all(|p| inside(p.x, self.last.x) && inside(p.y, self.last.y))
            && self.data.iter().all(|d| d.len() > end)
    }

    /// Bilinear in 16.16 fixed point, all neighbours inside; `xs` and `ys` are relative to sample centres. Adds values
    /// times 2¹⁶ to the first `n` sums of each plane, whatever lies behind them. `STEP` is the plane's.
    #[inline(always)]
    fn add_inside<const STEP: usize>(&self, xs: &Lanes<i32>, ys: &Lanes<i32>, n: usize, sums: &mut [Lanes<u32>; P]) {
        let stride = self.stride as i32;
        let at: Lanes<i32> = from_fn(|i| (ys[i] >> 16).wrapping_mul(stride).wrapping_add((xs[i] >> 16) * STEP as i32));
        let [fx, fy]: [Lanes<u32>; 2] = [xs, ys].map(|of| from_fn(|i| (of[i] as u32 >> 8) & 255));
        for (data, sums) in self.data.iter().zip(sums) {
            let mut four = [0u32; LANES];
            for (four, i) in four.iter_mut().zip(at).take(n) {
                let i = i as usize;
                let (top, low) = (&data[i..i + STEP + 1], &data[i + self.stride..i + self.stride + STEP + 1]);
                *four = u32::from_le_bytes([top[0], top[STEP], low[0], low[STEP]]);
            }
            for (((sum, four), fx), fy) in sums.iter_mut().zip(four).zip(fx).zip(fy) {
                let across = |two: u32| (two & 255) * (256 - fx) + (two >> 8 & 255) * fx;
                *sum += across(four) * (256 - fy) + across(four >> 16) * fy;
            }
        }
    }

    /// Bilinear, the edge repeated outside.
    fn anywhere(&self, data: &[u8], x: f32, y: f32) -> f32 {
        let (x, y) = (x.clamp(0.0, self.last.x), y.clamp(0.0, self.last.y));
        let (x0, y0) = (x as usize, y as usize);
        let right = if x0 as f32 + 1.0 <= self.last.x { self.step } else { 0 };
        let down = if y0 as f32 + 1.0 <= self.last.y { self.stride } else { 0 };
        let i = y0 * self.stride + x0 * self.step;
        let byte = |i: usize| f32::from(data.get(i).copied().unwrap_or(0));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let top = byte(i) + (byte(i + right) - byte(i)) * fx;
        let low = byte(i + down) + (byte(i + down + right) - byte(i + down)) * fx;
        top + (low - top) * fy
    }
}

/// Halves as long as it pays, then samples.
fn gather<const P: usize>(plane: Plane<'_, P>, map: Affine, size: (usize, usize), out: [&mut [f32]; P]) {
    if map.magnification() >= 2.0
        && let Some(half) = Half::of(&plane, &map, size)
    {
        let data: [&[u8]; P] = from_fn(|p| half.data[p].as_slice());
        return gather(Plane::new(data, half.size.0, 1, half.size), half.map, size, out);
    }
    let wide = map.magnification() > SPACING;
    match (wide, plane.step) {
        (false, 1) => sample::<1, 1, P>(&plane, &map, size, out),
        (true, 1) => sample::<2, 1, P>(&plane, &map, size, out),
        (false, _) => sample::<1, 2, P>(&plane, &map, size, out),
        (true, _) => sample::<2, 2, P>(&plane, &map, size, out),
    }
}

/// The crop's region at half its size.
struct Half<const P: usize> {
    data: [Vec<u8>; P],
    size: (usize, usize),
    map: Affine,
}

impl<const P: usize> Half<P> {
    /// `None` when the region is too small to be halved, or lies outside the plane.
    fn of(plane: &Plane<'_, P>, map: &Affine, (width, height): (usize, usize)) -> Option<Self> {
        let (w, h) = (width as f32, height as f32);
        let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| map.apply(Point { x, y }));
        // Begin and number of pairs along one axis, wide enough that bilinear samples stay inside.
        let span = |values: [f32; 4], last: f32| {
            let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            let begin = (low - 2.0).clamp(0.0, last) as usize / 2 * 2;
            let end = (high + 6.0).clamp(0.0, last + 1.0) as usize;
            (begin, end.saturating_sub(begin) / 2)
        };
        let (left, columns) = span(corners.map(|p| p.x), plane.last.x);
        let (top, rows) = span(corners.map(|p| p.y), plane.last.y);
        if columns < 2 || rows < 2 {
            return None;
        }
        let data = plane.data.map(|data| {
            let mut half = vec![0; columns * rows];
            halve(PlaneView { data, stride: plane.stride }, plane.step, (left, top), columns, &mut half);
            half
        });
        let shift = [-(left as f32) / 2.0, -(top as f32) / 2.0];
        let map = map.then(&Affine { linear: [0.5, 0.0, 0.0, 0.5], shift });
        Some(Self { data, size: (columns, rows), map })
    }
}

/// Each value the mean of `K × K` bilinear samples, in fixed point but at the picture's edge.
fn sample<const K: usize, const STEP: usize, const P: usize>(
    plane: &Plane<'_, P>,
    map: &Affine,
    (width, height): (usize, usize),
    mut out: [&mut [f32]; P],
) {
    let inside = plane.holds(map, (0, 0), (width, height));
    let fixed = |v: f32| (v * 65_536.0).round() as i32;
    let [a, b, c, d] = map.linear;
    let centre = |i: usize| (i as f32 + 0.5) / K as f32;
    let offsets: [[(i32, i32); K]; K] = from_fn(|j| {
        from_fn(|i| {
            let (u, v) = (centre(i), centre(j));
            (fixed(a * u + b * v), fixed(c * u + d * v))
        })
    });
    let (step_x, step_y) = (fixed(a), fixed(c));
    let scale = 1.0 / (65_536 * K * K) as f32;
    for row in 0..height {
        // Relative to sample centres, which lie at +0.5.
        let x = fixed(b * row as f32 + map.shift[0] - 0.5);
        let y = fixed(d * row as f32 + map.shift[1] - 0.5);
        for column in (0..width).step_by(LANES) {
            let n = LANES.min(width - column);
            if !inside && !plane.holds(map, (column, row), (n, 1)) {
                sample_edge::<K, P>(plane, map, (column, row), (n, width), &mut out);
                continue;
            }
            let mut sums = [[0u32; LANES]; P];
            for (dx, dy) in offsets.iter().flatten() {
                let along = |i: usize, step: i32| ((column + i) as i32).wrapping_mul(step);
                let xs = from_fn(|i| (x + dx).wrapping_add(along(i, step_x)));
                let ys = from_fn(|i| (y + dy).wrapping_add(along(i, step_y)));
                plane.add_inside::<STEP>(&xs, &ys, n, &mut sums);
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                let to = &mut out[row * width + column..][..n];
                // Below 2³¹; signed numbers are converted faster.
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum as i32 as f32 * scale);
            }
        }
    }
}

/// `n` values from `(column, row)` on, where the crop reaches over the picture's edge.
fn sample_edge<const K: usize, const P: usize>(
    plane: &Plane<'_, P>,
    map: &Affine,
    (column, row): (usize, usize),
    (n, width): (usize, usize),
    out: &mut [&mut [f32]; P],
) {
    let centre = |i: usize| (i as f32 + 0.5) / K as f32;
    for (data, out) in plane.data.iter().zip(out) {
        for (i, value) in out[row * width + column..][..n].iter_mut().enumerate() {
            let mut sum = 0.0;
            for j in 0..K * K {
                let (x, y) = ((column + i) as f32 + centre(j % K), row as f32 + centre(j / K));
                let p = map.apply(Point { x, y });
                sum += plane.anywhere(data, p.x - 0.5, p.y - 0.5);
            }
            *value = sum / (K * K) as f32;
        }
    }
}
