//! Sampling straight from the planes. In: a YUV picture. Out: a detector's input, or an aligned RGB crop.
//! Nothing here makes a full-size copy.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::{InnerPixel, U8, U8x2};

use super::Affine;
use crate::infer::Normalise;
use crate::types::{ColorMatrix, ColorRange, Picture, PictureFormat, PlaneView, Point};

/// Most samples a crop pixel is averaged over, along each axis.
const MAX_SAMPLES: usize = 4;

/// From YUV code values to RGB 0..=255, before clamping.
#[derive(Debug, Clone, Copy)]
struct YuvToRgb {
    y: f32,
    y_offset: f32,
    rv: f32,
    gu: f32,
    gv: f32,
    bu: f32,
}

impl YuvToRgb {
    fn of(picture: &Picture) -> Self {
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
    fn rgb(&self, y: f32, u: f32, v: f32) -> [f32; 3] {
        let (y, u, v) = ((y - self.y_offset) * self.y, u - 128.0, v - 128.0);
        let clamp = |x: f32| x.clamp(0.0, 255.0);
        [clamp(y + self.rv * v), clamp(y + self.gu * u + self.gv * v), clamp(y + self.bu * u)]
    }
}

/// Makes the detector's input; keeps its buffers, so that a steady stream allocates nothing.
pub struct DetectInput {
    side: u32,
    normalise: Normalise,
    resizer: fir::Resizer,
    planes: [Vec<u8>; 3],
    uv: Vec<u8>,
    tensor: Vec<f32>,
}

/// A detector's input and the way back to the picture.
pub struct Prepared<'a> {
    /// NCHW, one sample.
    pub tensor: &'a [f32],
    /// Width of the tensor in pixels, a multiple of 32.
    pub width: usize,
    /// Height of the tensor in pixels, a multiple of 32.
    pub height: usize,
    /// Upright source pixels per tensor pixel, along x and y.
    pub scale: (f32, f32),
}

impl DetectInput {
    /// `side` is the longest side of the shrunk picture in pixels.
    pub fn new(side: u32, normalise: Normalise) -> Self {
        let resizer = fir::Resizer::new();
        Self { side, normalise, resizer, planes: Default::default(), uv: Vec::new(), tensor: Vec::new() }
    }

    /// Shrinks (never enlarges) the picture to the longest side, square pixels, upright, padded at the right and
    /// the bottom to multiples of 32.
    pub fn prepare(&mut self, picture: &Picture) -> Prepared<'_> {
        let (upright_w, upright_h) = picture.upright_size();
        let square_w = upright_w as f32 * picture.upright_pixel_aspect();
        let factor = (self.side as f32 / square_w.max(upright_h as f32)).min(1.0);
        let content = |length: f32| ((length * factor).round() as usize).max(1);
        let (w, h) = (content(square_w), content(upright_h as f32));
        let turned = picture.orientation.quarter_turns % 2 == 1;
        let (stored_w, stored_h) = if turned { (h, w) } else { (w, h) };
        self.shrink(picture, stored_w, stored_h);
        let (width, height) = (w.next_multiple_of(32), h.next_multiple_of(32));
        self.convert(picture, (stored_w, stored_h), (w, h), (width, height));
        let scale = (upright_w as f32 / w as f32, upright_h as f32 / h as f32);
        Prepared { tensor: &self.tensor, width, height, scale }
    }

    fn shrink(&mut self, picture: &Picture, w: usize, h: usize) {
        let (pw, ph) = (picture.width as usize, picture.height as usize);
        let (cw, ch) = picture.chroma_size();
        let [y, u, v] = &mut self.planes;
        resize::<U8>(&mut self.resizer, picture.plane(0), (pw, ph), y, (w, h));
        match picture.format {
            PictureFormat::I420 => {
                resize::<U8>(&mut self.resizer, picture.plane(1), (cw, ch), u, (w, h));
                resize::<U8>(&mut self.resizer, picture.plane(2), (cw, ch), v, (w, h));
            }
            PictureFormat::Nv12 => {
                resize::<U8x2>(&mut self.resizer, picture.plane(1), (cw, ch), &mut self.uv, (w, h));
                u.clear();
                v.clear();
                u.extend(self.uv.iter().step_by(2));
                v.extend(self.uv.iter().skip(1).step_by(2));
            }
        }
    }

    /// Fills the tensor from the shrunk planes, turning them upright.
    fn convert(&mut self, picture: &Picture, stored: (usize, usize), content: (usize, usize), size: (usize, usize)) {
        let ((w, h), (width, height)) = (content, size);
        let plane = width * height;
        self.tensor.clear();
        self.tensor.resize(3 * plane, 0.0);
        let to_rgb = YuvToRgb::of(picture);
        let upright = picture.orientation.quarter_turns == 0 && !picture.orientation.mirrored;
        let at = Affine::to_stored(picture.orientation, stored.0 as f32, stored.1 as f32);
        let [ys, us, vs] = &self.planes;
        let mut row = vec![0.0f32; 3 * w];
        for line in 0..h {
            let (reds, rest) = row.split_at_mut(w);
            let (greens, blues) = rest.split_at_mut(w);
            let outputs = reds.iter_mut().zip(greens).zip(blues);
            if upright {
                let span = line * w..(line + 1) * w;
                let inputs = ys[span.clone()].iter().zip(&us[span.clone()]).zip(&vs[span]);
                for (((r, g), b), ((y, u), v)) in outputs.zip(inputs) {
                    [*r, *g, *b] = to_rgb.rgb(f32::from(*y), f32::from(*u), f32::from(*v));
                }
            } else {
                for (x, ((r, g), b)) in outputs.enumerate() {
                    let p = at.apply(Point { x: x as f32 + 0.5, y: line as f32 + 0.5 });
                    let i = (p.y as usize).min(stored.1 - 1) * stored.0 + (p.x as usize).min(stored.0 - 1);
                    [*r, *g, *b] = to_rgb.rgb(f32::from(ys[i]), f32::from(us[i]), f32::from(vs[i]));
                }
            }
            self.normalise.fill_row(&row, &mut self.tensor, plane, line * width);
        }
    }
}

/// Shrinks one plane with an area-weighted triangle filter.
fn resize<P>(resizer: &mut fir::Resizer, view: PlaneView<'_>, from: (usize, usize), to: &mut Vec<u8>, size: (usize, usize))
where
    P: InnerPixel + fir::PixelTrait,
{
    let pixel = P::size();
    to.resize(size.0 * size.1 * pixel, 0);
    // The plane's padding is part of the image here, and cropped away.
    let stride = view.stride / pixel;
    let rows = (view.data.len() / view.stride.max(1)).min(from.1);
    let packed: Vec<u8>;
    let (data, stride, rows) = if rows == from.1 && view.stride % pixel == 0 {
        (&view.data[..view.stride * rows], stride, rows)
    } else {
        let row = from.0 * pixel;
        packed = view.data.chunks(view.stride.max(1)).take(from.1).flat_map(|r| &r[..row.min(r.len())]).copied().collect();
        (packed.as_slice(), from.0, from.1)
    };
    let source = TypedImageRef::<P>::from_buffer(stride as u32, rows as u32, data);
    let target = TypedImage::<P>::from_buffer(size.0 as u32, size.1 as u32, to);
    let options = fir::ResizeOptions::new()
        .crop(0.0, 0.0, from.0 as f64, from.1 as f64)
        .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
    if let (Ok(source), Ok(mut target)) = (source, target) {
        // Sizes were checked when the picture was made; a failure leaves the plane grey, never a crash.
        let _ = resizer.resize_typed(&source, &mut target, &options);
    }
}

/// Samples a `width × height` crop: R, G and B planes, 0..=255. `map` leads from crop pixels to upright source
/// pixels. Each value is the mean of k×k bilinear samples, k = ceil(source pixels per crop pixel), at most 4; outside
/// the picture its edge is repeated. Chroma is sampled at its own resolution (left-sited, as H.264 has it).
pub fn crop(picture: &Picture, map: &Affine, width: usize, height: usize) -> Vec<f32> {
    let to_stored = Affine::to_stored(picture.orientation, picture.width as f32, picture.height as f32);
    let luma = map.then(&to_stored);
    let chroma = luma.then(&Affine { linear: [0.5, 0.0, 0.0, 0.5], shift: [0.25, 0.0] });
    let samples = |m: &Affine| (m.magnification().ceil() as usize).clamp(1, MAX_SAMPLES);
    let (pw, ph) = (picture.width as usize, picture.height as usize);
    let (cw, ch) = picture.chroma_size();
    let n = width * height;
    let mut out = vec![0.0f32; 3 * n];
    let (ys, rest) = out.split_at_mut(n);
    let (us, vs) = rest.split_at_mut(n);
    gather(Plane::new(picture.plane(0), pw, ph, 1, 0), &luma, samples(&luma), width, ys);
    let k = samples(&chroma);
    let (u, v) = match picture.format {
        PictureFormat::I420 => {
            (Plane::new(picture.plane(1), cw, ch, 1, 0), Plane::new(picture.plane(2), cw, ch, 1, 0))
        }
        PictureFormat::Nv12 => {
            (Plane::new(picture.plane(1), cw, ch, 2, 0), Plane::new(picture.plane(1), cw, ch, 2, 1))
        }
    };
    gather(u, &chroma, k, width, us);
    gather(v, &chroma, k, width, vs);
    let to_rgb = YuvToRgb::of(picture);
    for ((y, u), v) in ys.iter_mut().zip(us).zip(vs) {
        [*y, *u, *v] = to_rgb.rgb(*y, *u, *v);
    }
    out
}

/// One plane, or every second byte of one.
#[derive(Clone, Copy)]
struct Plane<'a> {
    view: PlaneView<'a>,
    last_x: f32,
    last_y: f32,
    step: usize,
    offset: usize,
}

impl<'a> Plane<'a> {
    fn new(view: PlaneView<'a>, width: usize, height: usize, step: usize, offset: usize) -> Self {
        Self { view, last_x: (width - 1) as f32, last_y: (height - 1) as f32, step, offset }
    }

    /// Bilinear; coordinates are continuous, a sample's centre is at +0.5.
    #[inline(always)]
    fn at(&self, x: f32, y: f32) -> f32 {
        let x = (x - 0.5).clamp(0.0, self.last_x);
        let y = (y - 0.5).clamp(0.0, self.last_y);
        let (x0, y0) = (x as usize, y as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let right = if x0 as f32 + 1.0 <= self.last_x { self.step } else { 0 };
        let down = if y0 as f32 + 1.0 <= self.last_y { self.view.stride } else { 0 };
        let i = y0 * self.view.stride + x0 * self.step + self.offset;
        let byte = |i: usize| f32::from(self.view.data.get(i).copied().unwrap_or(0));
        let top = byte(i) + (byte(i + right) - byte(i)) * fx;
        let low = byte(i + down) + (byte(i + down + right) - byte(i + down)) * fx;
        top + (low - top) * fy
    }
}

fn gather(plane: Plane<'_>, map: &Affine, k: usize, width: usize, out: &mut [f32]) {
    let [a, b, c, d] = map.linear;
    let step = 1.0 / k as f32;
    let weight = step * step;
    for (row, line) in out.chunks_exact_mut(width).enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            let mut sum = 0.0;
            for j in 0..k {
                let y = row as f32 + (j as f32 + 0.5) * step;
                for i in 0..k {
                    let x = column as f32 + (i as f32 + 0.5) * step;
                    sum += plane.at(a * x + b * y + map.shift[0], c * x + d * y + map.shift[1]);
                }
            }
            *value = sum * weight;
        }
    }
}
