//! Whether a window can be judged. In: its samples. Out: how far speech stands above the background, how much of it is
//! steady tones, and from these the reasons not to score it.
//!
//! The default thresholds leave speech with a quiet background alone and refuse noise or chords as loud as the speech.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use crate::config::VoiceConfig;
use crate::types::record::Reason;

/// Samples of a frame whose level is measured (32 ms).
const LEVEL_FRAME: usize = 512;

/// Samples of a spectrum (64 ms) and between two (32 ms).
const SPECTRUM: usize = 1_024;
const STEP: usize = 512;

/// Lines of the spectrum that are looked at, 600–4000 Hz: below, a voice's harmonics move too little to tell them
/// from a note's.
const LOWEST: usize = 38;
const HIGHEST: usize = 256;

/// A tone is steady when it stays on its line, or the next one, for so many spectra (a quarter of a second).
const STEADY: u8 = 8;

/// A tone stands so far above the mean of the lines around it, as a ratio of powers in decibels.
const PROMINENCE_DB: f32 = 6.0;

/// Lines on either side that make up that mean.
const AROUND: usize = 6;

/// How a window sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// From the 10th to the 95th percentile of the levels of 32 ms frames, decibels.
    pub level_range_db: f32,
    /// Share of the power between 600 and 4000 Hz that lies in steady tones, 0..=1.
    pub tonal_share: f32,
}

/// Measures windows; keeps the transform's plan and buffers.
pub struct Listener {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    frame: Vec<f32>,
    spectrum: Vec<Complex32>,
}

impl Default for Listener {
    fn default() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(SPECTRUM);
        let hann = |i| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / SPECTRUM as f32).cos();
        let (frame, spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        Self { fft, window: (0..SPECTRUM).map(hann).collect(), frame, spectrum }
    }
}

impl Listener {
    /// Measures −1..=1 samples at 16 kHz.
    pub fn condition(&mut self, samples: &[f32]) -> Condition {
        Condition { level_range_db: level_range_db(samples), tonal_share: self.tonal_share(samples) }
    }

    fn tonal_share(&mut self, samples: &[f32]) -> f32 {
        let mut held = [0u8; HIGHEST];
        let (mut steady, mut all) = (0.0f32, 0.0f32);
        for frame in samples.windows(SPECTRUM).step_by(STEP) {
            let powers = self.powers(frame);
            let tones = tones(&powers);
            for line in LOWEST..HIGHEST {
                let near = (line - 1..=line + 1).any(|l| tones.get(l).copied().unwrap_or(false));
                held[line] = if near { held[line].saturating_add(1) } else { 0 };
                all += powers[line];
                if held[line] >= STEADY {
                    steady += powers[line];
                }
            }
        }
        if all > 0.0 { steady / all } else { 0.0 }
    }

    /// Powers of the lines up to and past [`HIGHEST`].
    fn powers(&mut self, samples: &[f32]) -> [f32; HIGHEST + AROUND + 1] {
        for ((f, s), w) in self.frame.iter_mut().zip(samples).zip(&self.window) {
            *f = s * w;
        }
        let mut powers = [0.0; HIGHEST + AROUND + 1];
        if self.fft.process(&mut self.frame, &mut self.spectrum).is_ok() {
            for (p, c) in powers.iter_mut().zip(&self.spectrum) {
                *p = c.norm_sqr() + 1e-9;
            }
        }
        powers
    }
}

/// Lines that are the highest of their neighbours and stand out of those around.
fn tones(powers: &[f32; HIGHEST + AROUND + 1]) -> [bool; HIGHEST + 1] {
    let levels = powers.map(|p| 10.0 * p.max(1e-12).log10());
    let mut tones = [false; HIGHEST + 1];
    for line in LOWEST - 1..=HIGHEST {
        let around = &levels[line - AROUND..=line + AROUND];
        let mean = around.iter().sum::<f32>() / around.len() as f32;
        let highest = levels[line] > levels[line - 1] && levels[line] >= levels[line + 1];
        tones[line] = highest && levels[line] > mean + PROMINENCE_DB;
    }
    tones
}

fn level_range_db(samples: &[f32]) -> f32 {
    let power = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / LEVEL_FRAME as f32;
    let mut levels: Vec<f32> = samples.chunks_exact(LEVEL_FRAME).map(|f| 10.0 * (power(f) + 1e-10).log10()).collect();
    levels.sort_by(f32::total_cmp);
    let at = |q: f32| levels.get((q * levels.len().saturating_sub(1) as f32).round() as usize).copied();
    at(0.95).zip(at(0.1)).map_or(0.0, |(high, low)| high - low)
}

/// Why a window of this condition is not scored; empty when it is.
pub fn fit_to_score(condition: &Condition, speech_s: f32, config: &VoiceConfig) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if f64::from(speech_s) < config.min_speech_s {
        reasons.push(Reason::ShortSpeech);
    }
    if condition.level_range_db < config.min_level_range_db {
        reasons.push(Reason::VoiceNoisy);
    }
    if condition.tonal_share > config.max_tonal_share {
        reasons.push(Reason::VoiceMusic);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::read_wav;
    use crate::voice::WINDOW;
    use proptest::prelude::*;
    use std::path::Path;

    fn speech() -> Vec<f32> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/silero-vad/golden.wav");
        let samples = read_wav("silero-vad", &path).unwrap();
        samples.iter().cycle().take(WINDOW).copied().collect()
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(7);
        (0..n).map(|_| (0..4).map(|_| random.f32() - 0.5).sum()).collect()
    }

    /// Chords of three notes with overtones, a new one every half second.
    fn chords(n: usize) -> Vec<f32> {
        let note = |i: usize, half: usize| {
            let root = 220.0 * 2f32.powf((half * 5 % 12) as f32 / 12.0);
            let t = i as f32 / 16_000.0;
            [1.0f32, 1.26, 1.498]
                .iter()
                .flat_map(|f| (1..8).map(move |h| (std::f32::consts::TAU * root * f * h as f32 * t).sin() / h as f32))
                .sum::<f32>()
        };
        (0..n).map(|i| note(i, i / 8_000)).collect()
    }

    /// `a` with `b` so many decibels under it.
    fn under(a: &[f32], b: &[f32], db: f32) -> Vec<f32> {
        let power = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>();
        let gain = (power(a) / power(b) / 10f32.powf(db / 10.0)).sqrt();
        a.iter().zip(b).map(|(a, b)| a + gain * b).collect()
    }

    fn reasons(samples: &[f32]) -> Vec<Reason> {
        fit_to_score(&Listener::default().condition(samples), 4.0, &VoiceConfig::default())
    }

    #[test]
    fn speech_is_fit_and_stays_so_with_a_quiet_background() {
        assert_eq!(reasons(&speech()), []);
        assert_eq!(reasons(&under(&speech(), &noise(WINDOW), 20.0)), []);
        assert_eq!(reasons(&under(&speech(), &chords(WINDOW), 20.0)), []);
    }

    #[test]
    fn noise_and_music_over_speech_are_named() {
        assert_eq!(reasons(&under(&speech(), &noise(WINDOW), 0.0)), [Reason::VoiceNoisy]);
        assert!(reasons(&under(&speech(), &chords(WINDOW), 0.0)).contains(&Reason::VoiceMusic));
        assert!(reasons(&chords(WINDOW)).contains(&Reason::VoiceMusic));
    }

    #[test]
    fn little_speech_is_named() {
        let condition = Listener::default().condition(&speech());
        assert_eq!(fit_to_score(&condition, 1.0, &VoiceConfig::default()), [Reason::ShortSpeech]);
    }

    proptest! {
        #[test]
        fn loudness_does_not_matter(gain in 0.02f32..1.0) {
            let mut listener = Listener::default();
            let whole = listener.condition(&speech());
            let quiet: Vec<f32> = speech().iter().map(|s| s * gain).collect();
            let other = listener.condition(&quiet);
            prop_assert!((whole.tonal_share - other.tonal_share).abs() < 0.05);
            // Digital silence ends the range of quiet sound earlier, far from where it matters.
            prop_assert!((whole.level_range_db.min(40.0) - other.level_range_db.min(40.0)).abs() < 1.0);
        }
    }
}
