//! The detector's input. In: a YUV picture, or a part of it. Out: a small upright tensor, shrunk straight from the planes.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::{InnerPixel, U8, U8x2};

use super::Affine;
use super::halve::halve;
use super::yuv::YuvToRgb;
use crate::infer::Normalise;
use crate::types::{BoxPx, Picture, PictureFormat, PlaneView, Point};

/// Sides of a part, in those of the face in its middle: as much again as the face lies around it.
const ROOM: f32 = 2.0;

/// Shortest and longest side of a part in tensor pixels.
const PART_SIDE: (f32, f32) = (96.0, 256.0);

/// Makes the detector's input; keeps its buffers, so that a steady stream allocates nothing.
pub struct DetectInput {
    side: u32,
    normalise: Normalise,
    shrinker: Shrinker,
    planes: [Vec<u8>; 3],
    uv: Vec<u8>,
    content: (usize, usize),
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
    /// Upright source position of the tensor's first pixel.
    pub origin: (f32, f32),
    /// Upright source pixels per tensor pixel, along x and y.
    pub scale: (f32, f32),
}

/// Left, top, width and height in stored pixels.
type Stored = (usize, usize, usize, usize);

/// A rectangle of the upright picture and the size to which it is shrunk, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    origin: (usize, usize),
    source: (usize, usize),
    content: (usize, usize),
}

impl Part {
    fn whole(picture: &Picture, side: u32) -> Self {
        let (width, height) = picture.upright_size();
        let square = width as f32 * picture.upright_pixel_aspect();
        let factor = (side as f32 / square.max(height as f32)).min(1.0);
        let content = |length: f32| ((length * factor).round() as usize).max(1);
        let source = (width as usize, height as usize);
        Self { origin: (0, 0), source, content: (content(square), content(height as f32)) }
    }

    fn around(picture: &Picture, side: u32, face: &BoxPx) -> Self {
        let whole = Self::whole(picture, side);
        let scale = |source: usize, content: usize| source as f32 / content as f32;
        let (sx, sy) = (scale(whole.source.0, whole.content.0), scale(whole.source.1, whole.content.1));
        let wanted = ROOM * (face.w / sx).max(face.h / sy);
        // A hundredth more is not worth another halving.
        let halvings = ((wanted / PART_SIDE.1).max(1.0) * sx * 0.99).log2().ceil().clamp(0.0, 16.0);
        let more = halvings.exp2() / sx;
        let room = ((wanted / more / 32.0).ceil() * 32.0).clamp(PART_SIDE.0, PART_SIDE.1);
        let centre = face.centre();
        let along = |length: usize, scale: f32, middle: f32| {
            // Even, so that chroma begins with a sample of its own.
            let extent = ((room * more * scale / 2.0).round() as usize * 2).clamp(1, length);
            let content = ((extent as f32 / (more * scale)).round() as usize).max(1);
            let first = (middle - extent as f32 / 2.0).max(0.0) as usize;
            (first.min(length - extent) & !1, extent, content)
        };
        let (left, width, w) = along(whole.source.0, sx, centre.x);
        let (top, height, h) = along(whole.source.1, sy, centre.y);
        Self { origin: (left, top), source: (width, height), content: (w, h) }
    }

    fn stored(&self, picture: &Picture) -> Stored {
        let at = |x: usize, y: usize| {
            let (x, y) = picture.orientation.to_stored(x as f32, y as f32, picture.width as f32, picture.height as f32);
            (x as usize, y as usize)
        };
        let (ax, ay) = at(self.origin.0, self.origin.1);
        let (bx, by) = at(self.origin.0 + self.source.0, self.origin.1 + self.source.1);
        (ax.min(bx), ay.min(by), ax.abs_diff(bx), ay.abs_diff(by))
    }
}

/// The plane from one of its samples on.
fn from_sample(view: PlaneView<'_>, left: usize, top: usize, pixel: usize) -> PlaneView<'_> {
    let from = (top * view.stride + left * pixel).min(view.data.len());
    PlaneView { data: &view.data[from..], stride: view.stride }
}

impl DetectInput {
    /// `side` is the longest side of the shrunk picture in pixels.
    pub fn new(side: u32, normalise: Normalise) -> Self {
        let (shrinker, planes, uv, tensor) = Default::default();
        Self { side, normalise, shrinker, planes, uv, content: (0, 0), tensor }
    }

    /// Shrinks (never enlarges) the picture to the longest side, square pixels, upright, padded at the right and
    /// the bottom to multiples of 32.
    pub fn prepare(&mut self, picture: &Picture) -> Prepared<'_> {
        self.fill(picture, Part::whole(picture, self.side))
    }

    /// Likewise the part of the picture around a face. It is shrunk as much as the whole picture would be or more, by a
    /// power of two, which is cheap.
    pub fn prepare_around(&mut self, picture: &Picture, face: &BoxPx) -> Prepared<'_> {
        self.fill(picture, Part::around(picture, self.side, face))
    }

    fn fill(&mut self, picture: &Picture, part: Part) -> Prepared<'_> {
        let Part { origin, source, content: (w, h) } = part;
        let turned = picture.orientation.quarter_turns % 2 == 1;
        let stored = if turned { (h, w) } else { (w, h) };
        self.shrink(picture, part.stored(picture), stored);
        let (width, height) = (w.next_multiple_of(32), h.next_multiple_of(32));
        self.convert(picture, stored, (w, h), (width, height));
        let scale = (source.0 as f32 / w as f32, source.1 as f32 / h as f32);
        Prepared { tensor: &self.tensor, width, height, origin: (origin.0 as f32, origin.1 as f32), scale }
    }

    fn shrink(&mut self, picture: &Picture, (left, top, pw, ph): Stored, size: (usize, usize)) {
        let (cw, ch) = picture.chroma_size();
        let (cl, ct) = (left / 2, top / 2);
        let chroma = (pw.div_ceil(2).min(cw - cl), ph.div_ceil(2).min(ch - ct));
        let (shrinker, [y, u, v]) = (&mut self.shrinker, &mut self.planes);
        shrinker.plane::<U8>(from_sample(picture.plane(0), left, top, 1), (pw, ph), y, size);
        match picture.format {
            PictureFormat::I420 => {
                shrinker.plane::<U8>(from_sample(picture.plane(1), cl, ct, 1), chroma, u, size);
                shrinker.plane::<U8>(from_sample(picture.plane(2), cl, ct, 1), chroma, v, size);
            }
            PictureFormat::Nv12 => {
                shrinker.plane::<U8x2>(from_sample(picture.plane(1), cl, ct, 2), chroma, &mut self.uv, size);
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
        if self.content != content || self.tensor.len() != 3 * plane {
            self.content = content;
            self.tensor.clear();
            self.tensor.resize(3 * plane, 0.0);
        }
        let to_rgb = YuvToRgb::of(picture);
        let upright = picture.orientation.quarter_turns == 0 && !picture.orientation.mirrored;
        let at = Affine::to_stored(picture.orientation, stored.0 as f32, stored.1 as f32);
        let [ys, us, vs] = &self.planes;
        for line in 0..h {
            let [reds, greens, blues] = self.normalise.rows(&mut self.tensor, line * width, w);
            let outputs = reds.iter_mut().zip(greens).zip(blues);
            let rgb = |y: u8, u: u8, v: u8| self.normalise.apply(to_rgb.rgb(f32::from(y), f32::from(u), f32::from(v)));
            if upright {
                let span = line * w..(line + 1) * w;
                let inputs = ys[span.clone()].iter().zip(&us[span.clone()]).zip(&vs[span]);
                for (((r, g), b), ((y, u), v)) in outputs.zip(inputs) {
                    [*r, *g, *b] = rgb(*y, *u, *v);
                }
            } else {
                for (x, ((r, g), b)) in outputs.enumerate() {
                    let p = at.apply(Point { x: x as f32 + 0.5, y: line as f32 + 0.5 });
                    let i = (p.y as usize).min(stored.1 - 1) * stored.0 + (p.x as usize).min(stored.0 - 1);
                    [*r, *g, *b] = rgb(ys[i], us[i], vs[i]);
                }
            }
        }
    }
}

/// Shrinks planes; keeps its buffers.
#[derive(Default)]
struct Shrinker {
    resizer: fir::Resizer,
    half: Vec<u8>,
}

impl Shrinker {
    /// Each value is the mean of the area it covers.
    fn plane<P>(&mut self, view: PlaneView<'_>, from: (usize, usize), to: &mut Vec<u8>, size: (usize, usize))
    where
        P: InnerPixel + fir::PixelTrait,
    {
        let pixel = P::size();
        to.resize(size.0 * size.1 * pixel, 0);
        if pixel == 1 && from == size {
            let rows = to.chunks_exact_mut(size.0).zip(view.data.chunks(view.stride.max(1)));
            return rows
                .for_each(|(to, from)| to[..from.len().min(size.0)].copy_from_slice(&from[..from.len().min(size.0)]));
        }
        if pixel == 1 && from == (2 * size.0, 2 * size.1) {
            return halve(view, 1, (0, 0), size.0, to);
        }
        if pixel == 1 && from == (4 * size.0, 4 * size.1) {
            let width = 2 * size.0;
            self.half.resize(width * 2 * size.1, 0);
            halve(view, 1, (0, 0), width, &mut self.half);
            return halve(PlaneView { data: &self.half, stride: width }, 1, (0, 0), size.0, to);
        }
        // The plane's padding is part of the image here, and cropped away.
        let stride = view.stride / pixel;
        let rows = (view.data.len() / view.stride.max(1)).min(from.1);
        let packed: Vec<u8>;
        let (data, stride, rows) = if rows == from.1 && view.stride.is_multiple_of(pixel) {
            (&view.data[..view.stride * rows], stride, rows)
        } else {
            let row = from.0 * pixel;
            packed = view
                .data
                .chunks(view.stride.max(1))
                .take(from.1)
                .flat_map(|r| &r[..row.min(r.len())])
                .copied()
                .collect();
            (packed.as_slice(), from.0, from.1)
        };
        let source = TypedImageRef::<P>::from_buffer(stride as u32, rows as u32, data);
        let target = TypedImage::<P>::from_buffer(size.0 as u32, size.1 as u32, to);
        let options = fir::ResizeOptions::new()
            .crop(0.0, 0.0, from.0 as f64, from.1 as f64)
            .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Box));
        if let (Ok(source), Ok(mut target)) = (source, target) {
            // Sizes were checked when the picture was made; a failure leaves the plane grey, never a crash.
            let _ = self.resizer.resize_typed(&source, &mut target, &options);
        }
    }
}
