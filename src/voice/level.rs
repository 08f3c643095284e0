//! Loudness. In: 16 kHz samples. Out: the level of each 8 ms.

use crate::types::{AudioChunk, SoundEvidence};

/// Lowest level that is told.
const SILENCE_DB: f32 = -100.0;

/// Samples in a step.
const STEP: usize = (SoundEvidence::STEP.0 as usize) * (AudioChunk::RATE_HZ as usize) / 1_000_000_000;

/// Mean power of each whole step in decibels of full scale.
pub fn levels_db(samples: &[f32]) -> Vec<f32> {
    let power = |step: &[f32]| step.iter().map(|s| s * s).sum::<f32>() / STEP as f32;
    samples.chunks_exact(STEP).map(|step| (10.0 * power(step).log10()).max(SILENCE_DB)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_128_samples_and_full_scale_is_zero() {
        assert_eq!(levels_db(&[1.0; 300]), [0.0, 0.0]);
        assert_eq!(levels_db(&[0.0; 128]), [SILENCE_DB]);
        assert!((levels_db(&[0.1; 128])[0] + 20.0).abs() < 1e-3);
    }
}
