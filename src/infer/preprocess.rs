//! From pictures to tensors. In: channel values 0..=255. Out: `(value/255 − mean) / std`, channels in the
//! network's order.

use super::manifest::{Color, PreprocessSpec};

/// One multiplication and one addition a channel, in R, G, B order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalise {
    scale: [f32; 3],
    shift: [f32; 3],
    channel: [usize; 3],
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
        Self { scale, shift, channel }
    }

    /// Writes R, G and B planes of equal size into one sample of an NCHW tensor.
    pub fn fill(&self, rgb: &[f32], sample: &mut [f32]) {
        self.fill_row(rgb, sample, rgb.len() / 3, 0);
    }

    /// Writes a row (its reds, greens, blues after each other) at `start` of each plane of `plane` values.
    pub fn fill_row(&self, rgb: &[f32], sample: &mut [f32], plane: usize, start: usize) {
        let width = rgb.len() / 3;
        for (i, source) in rgb.chunks_exact(width.max(1)).enumerate().take(3) {
            let begin = self.channel[i] * plane + start;
            if let Some(target) = sample.get_mut(begin..begin + width) {
                for (t, s) in target.iter_mut().zip(source) {
                    *t = s * self.scale[i] + self.shift[i];
                }
            }
        }
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
