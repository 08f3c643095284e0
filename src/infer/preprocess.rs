//! From pictures to tensors. In: channel values 0..=255. Out: `(value/255 − mean) / std`, channels in the
//! network's order.

use super::manifest::{Color, PreprocessSpec};

/// One multiplication and one addition a channel, in R, G, B order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalise {
    scale: [f32; 3],
    shift: [f32; 3],
    red_first: bool,
}

impl Normalise {
    /// From a manifest; `mean` and `std` are in the network's channel order.
    pub fn new(spec: &PreprocessSpec, color: Color) -> Self {
        let channel = match color {
            Color::Rgb => [0, 1, 2],
            Color::Bgr => [2, 1, 0],
        };
        let scale = channel.map(|c| 1.0 / (255.0 * spec.std[c]));
        let shift = channel.map(|c| -spec.mean[c] / spec.std[c]);
        Self { scale, shift, red_first: color == Color::Rgb }
    }

    /// Writes R, G and B planes of equal size into one sample of an NCHW tensor.
    pub fn fill(&self, rgb: &[f32], sample: &mut [f32]) {
        let plane = rgb.len() / 3;
        let targets = self.rows(sample, 0, plane);
        for (i, (target, source)) in targets.into_iter().zip(rgb.chunks_exact(plane.max(1))).enumerate() {
            for (t, s) in target.iter_mut().zip(source) {
                *t = s * self.scale[i] + self.shift[i];
            }
        }
    }

    /// One pixel.
    #[inline(always)]
    pub fn apply(&self, rgb: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|i| rgb[i] * self.scale[i] + self.shift[i])
    }

    /// Where the reds, greens and blues of `width` pixels from `start` on go in one sample of an NCHW tensor.
    pub fn rows<'a>(&self, sample: &'a mut [f32], start: usize, width: usize) -> [&'a mut [f32]; 3] {
        let plane = sample.len() / 3;
        let (first, rest) = sample.split_at_mut(plane);
        let (second, third) = rest.split_at_mut(plane);
        let planes = if self.red_first { [first, second, third] } else { [third, second, first] };
        planes.map(|p| p.get_mut(start..start + width).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_formula(value in 0.0f32..255.0, mean in 0.0f32..1.0, std in 0.1f32..1.0, bgr: bool) {
            let spec = PreprocessSpec { template: None, mean: [mean, 0.0, 0.0], std: [std, 1.0, 1.0] };
            let color = if bgr { Color::Bgr } else { Color::Rgb };
            let mut tensor = [0.0f32; 3];
            let rgb = if bgr { [0.0, 0.0, value] } else { [value, 0.0, 0.0] };
            Normalise::new(&spec, color).fill(&rgb, &mut tensor);
            prop_assert!((tensor[0] - (value / 255.0 - mean) / std).abs() < 1e-4);
        }
    }
}
