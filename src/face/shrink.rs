//! The detector's input. In: a YUV picture. Out: a small upright tensor, shrunk straight from the planes.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::{InnerPixel, U8, U8x2};

use super::Affine;
use super::halve::halve;
use super::yuv::YuvToRgb;
use crate::infer::Normalise;
use crate::types::{Picture, PictureFormat, PlaneView, Point};

/// Makes the detector's input; keeps its buffers, so that a steady stream allocates nothing.
pub struct DetectInput {
    side: u32,
    normalise: Normalise,
    resizer: fir::Resizer,
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
    /// Upright source pixels per tensor pixel, along x and y.
    pub scale: (f32, f32),
}

impl DetectInput {
    /// `side` is the longest side of the shrunk picture in pixels.
    pub fn new(side: u32, normalise: Normalise) -> Self {
        let resizer = fir::Resizer::new();
        let (planes, content) = (Default::default(), (0, 0));
        Self { side, normalise, resizer, planes, uv: Vec::new(), content, tensor: Vec::new() }
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

/// Shrinks one plane: each value is the mean of the area it covers.
fn resize<P>(
    resizer: &mut fir::Resizer,
    view: PlaneView<'_>,
    from: (usize, usize),
    to: &mut Vec<u8>,
    size: (usize, usize),
) where
    P: InnerPixel + fir::PixelTrait,
{
    let pixel = P::size();
    to.resize(size.0 * size.1 * pixel, 0);
    if pixel == 1 && from == (2 * size.0, 2 * size.1) {
        return halve(view, 1, (0, 0), size.0, to);
    }
    // The plane's padding is part of the image here, and cropped away.
    let stride = view.stride / pixel;
    let rows = (view.data.len() / view.stride.max(1)).min(from.1);
    let packed: Vec<u8>;
    let (data, stride, rows) = if rows == from.1 && view.stride.is_multiple_of(pixel) {
        (&view.data[..view.stride * rows], stride, rows)
    } else {
        let row = from.0 * pixel;
        packed =
            view.data.chunks(view.stride.max(1)).take(from.1).flat_map(|r| &r[..row.min(r.len())]).copied().collect();
        (packed.as_slice(), from.0, from.1)
    };
    let source = TypedImageRef::<P>::from_buffer(stride as u32, rows as u32, data);
    let target = TypedImage::<P>::from_buffer(size.0 as u32, size.1 as u32, to);
    let options = fir::ResizeOptions::new()
        .crop(0.0, 0.0, from.0 as f64, from.1 as f64)
        .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Box));
    if let (Ok(source), Ok(mut target)) = (source, target) {
        // Sizes were checked when the picture was made; a failure leaves the plane grey, never a crash.
        let _ = resizer.resize_typed(&source, &mut target, &options);
    }
}
