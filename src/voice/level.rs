//! Loudness of the voice. In: 16 kHz samples. Out: the level of each 8 ms in the band of the telephone, 300–3400 Hz,
//! where hum, rumble and hiss do not reach.
//!
//! Two second-order Butterworth filters after each other (R. Bristow-Johnson, "Cookbook formulae for audio EQ
//! biquad filter coefficients", W3C Note 2021).

use crate::types::{AudioChunk, SoundEvidence};

/// Lowest level that is told.
const SILENCE_DB: f32 = -100.0;

/// Samples in a step.
const STEP: usize = (SoundEvidence::STEP.0 as usize) * (AudioChunk::RATE_HZ as usize) / 1_000_000_000;

/// Edges of the band.
const LOW_HZ: f64 = 300.0;
const HIGH_HZ: f64 = 3_400.0;

/// A second-order section, direct form II transposed.
#[derive(Debug, Clone, Default)]
struct Section {
    ahead: [f32; 3],
    back: [f32; 2],
    state: [f32; 2],
}

impl Section {
    /// A Butterworth edge: keeps what is above (`high`) or below `hz`.
    fn edge(hz: f64, high: bool) -> Self {
        let (sin, cos) = (std::f64::consts::TAU * hz / f64::from(AudioChunk::RATE_HZ)).sin_cos();
        let alpha = sin / std::f64::consts::SQRT_2;
        let scale = 1.0 / (1.0 + alpha);
        let (side, middle) = if high { ((1.0 + cos) / 2.0, -(1.0 + cos)) } else { ((1.0 - cos) / 2.0, 1.0 - cos) };
        Self {
            ahead: [side, middle, side].map(|v| (v * scale) as f32),
            back: [-2.0 * cos, 1.0 - alpha].map(|v| (v * scale) as f32),
            state: [0.0; 2],
        }
    }

    fn push(&mut self, x: f32) -> f32 {
        let y = self.ahead[0] * x + self.state[0];
        self.state = [self.ahead[1] * x - self.back[0] * y + self.state[1], self.ahead[2] * x - self.back[1] * y];
        y
    }
}

/// Measures levels of continuous sound.
#[derive(Debug, Clone)]
pub struct LevelMeter {
    low: Section,
    high: Section,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self { low: Section::edge(LOW_HZ, true), high: Section::edge(HIGH_HZ, false) }
    }
}

impl LevelMeter {
    /// Mean power of each whole step in decibels of full scale.
    pub fn levels_db(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut filter = |s: &f32| self.high.push(self.low.push(*s));
        let mut power = |step: &[f32]| step.iter().map(|s| filter(s).powi(2)).sum::<f32>() / STEP as f32;
        samples.chunks_exact(STEP).map(|step| (10.0 * power(step).log10()).max(SILENCE_DB)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Level of a full-scale tone once the filters have settled.
    fn tone(hz: f32) -> f32 {
        let samples: Vec<f32> = (0..16_000).map(|i| (std::f32::consts::TAU * hz * i as f32 / 16_000.0).sin()).collect();
        let levels = LevelMeter::default().levels_db(&samples);
        assert_eq!(levels.len(), 125);
        levels[60..].iter().sum::<f32>() / 65.0
    }

    #[test]
    fn the_band_passes_and_the_rest_does_not() {
        assert!((tone(1_000.0) + 3.0).abs() < 0.2, "a sine's power is half: {}", tone(1_000.0));
        for edge in [300.0, 3_400.0] {
            assert!((tone(edge) + 6.0).abs() < 0.5, "{edge}: {}", tone(edge));
        }
        assert!(tone(50.0) < -30.0 && tone(7_500.0) < -20.0, "{} {}", tone(50.0), tone(7_500.0));
    }

    #[test]
    fn silence_has_a_floor_and_pieces_are_as_good_as_the_whole() {
        assert_eq!(LevelMeter::default().levels_db(&[0.0; 300]), [SILENCE_DB; 2]);
        let samples: Vec<f32> = (0..1_024u32).map(|i| (i * 7_919 % 1_009) as f32 / 1_009.0 - 0.5).collect();
        let mut meter = LevelMeter::default();
        let pieces: Vec<f32> = samples.chunks(256).flat_map(|piece| meter.levels_db(piece)).collect();
        assert_eq!(pieces, LevelMeter::default().levels_db(&samples));
    }
}
