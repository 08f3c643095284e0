//! A voice's shape. In: a window of speech. Out: its pitch and its spectral envelope, or nothing when too little of it is
//! voiced.
//!
//! Pitch is the lag of the autocorrelation's peak (Boersma, "Accurate short-term analysis of the fundamental frequency",
//! 1993: divided by the window's own); the envelope is the log spectrum with all but the lowest quefrencies of its
//! cepstrum removed (Oppenheim, Schafer, "Digital processing of speech signals").

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::types::{AudioChunk, VoiceProfile};

/// Samples of a frame (64 ms), and of its transform with the zeros behind it.
const FRAME: usize = 1_024;
const TRANSFORM: usize = 2 * FRAME;

/// Pitch is looked for between these lags: 400 Hz and 65 Hz.
const LAGS: std::ops::Range<usize> = 40..246;

/// A peak of this share of the highest is as good.
const NEARLY: f32 = 0.85;

/// A frame is voiced when its autocorrelation peaks above this, and its level lies within so many decibels of the
/// loudest.
const VOICED: f32 = 0.6;
const LEVEL_DB: f32 = 25.0;

/// Voiced frames that a profile needs: 0.8 s.
const LEAST_VOICED: usize = 12;

/// Quefrencies that are kept: 1.6 ms, below the shortest period of pitch.
const KEPT: usize = 26;

/// Measures windows; keeps the transforms' plans and buffers.
pub struct Profiler {
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    /// Autocorrelation of the window itself, 1 at lag 0.
    of_window: Vec<f32>,
}

/// What one frame shows.
struct Shape {
    level_db: f32,
    pitch_hz: f32,
    envelope: Vec<f32>,
}

impl Default for Profiler {
    fn default() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, back) = (planner.plan_fft_forward(TRANSFORM), planner.plan_fft_inverse(TRANSFORM));
        let turn = |i: usize| (i as f32 / FRAME as f32 * std::f32::consts::TAU).cos();
        let window: Vec<f32> = (0..FRAME).map(|i| 0.5 - 0.5 * turn(i)).collect();
        let mut profiler = Self { forward, back, window, of_window: Vec::new() };
        let own = profiler.inverse(&profiler.powers(&[1.0; FRAME]));
        profiler.of_window = own.iter().map(|c| c / own[0]).collect();
        profiler
    }
}

impl Profiler {
    /// Measures −1..=1 samples at 16 kHz.
    pub fn profile(&mut self, samples: &[f32]) -> Option<VoiceProfile> {
        let mut shapes: Vec<Shape> = samples.chunks_exact(FRAME).filter_map(|frame| self.shape(frame)).collect();
        let loudest = shapes.iter().map(|s| s.level_db).fold(f32::MIN, f32::max);
        shapes.retain(|s| s.level_db > loudest - LEVEL_DB);
        if shapes.len() < LEAST_VOICED {
            return None;
        }
        let mut envelope = vec![0.0; VoiceProfile::POINTS];
        for shape in &shapes {
            envelope.iter_mut().zip(&shape.envelope).for_each(|(sum, e)| *sum += e / shapes.len() as f32);
        }
        level(&mut envelope);
        shapes.sort_by(|a, b| a.pitch_hz.total_cmp(&b.pitch_hz));
        Some(VoiceProfile { pitch_hz: shapes[shapes.len() / 2].pitch_hz, envelope })
    }

    /// `None` when the frame is not voiced.
    fn shape(&self, frame: &[f32]) -> Option<Shape> {
        let powers = self.powers(frame);
        let correlation = self.inverse(&powers);
        let energy = correlation.first().copied().filter(|e| *e > 1e-9)?;
        let at = |lag: usize| correlation[lag] / energy / self.of_window[lag].max(1e-3);
        let mut lags = LAGS;
        let highest = lags.clone().map(at).max_by(f32::total_cmp).filter(|peak| *peak >= VOICED)?;
        // Two periods fit as well as one: the first peak that is nearly as high is the period.
        let is_peak = |lag: &usize| at(*lag) > at(lag - 1) && at(*lag) >= at(lag + 1);
        let lag = lags.find(|lag| is_peak(lag) && at(*lag) >= NEARLY * highest)?;
        let envelope = self.envelope(&powers);
        Some(Shape { level_db: 10.0 * energy.log10(), pitch_hz: AudioChunk::RATE_HZ as f32 / lag as f32, envelope })
    }

    fn envelope(&self, powers: &[f32]) -> Vec<f32> {
        let logs: Vec<f32> = powers.iter().map(|p| (p + 1e-9).ln()).collect();
        let mut cepstrum = self.inverse(&logs);
        cepstrum[KEPT..TRANSFORM - KEPT + 1].fill(0.0);
        let mut smooth = self.forward.make_output_vec();
        // The buffers have the plan's own lengths.
        self.forward.process(&mut cepstrum, &mut smooth).expect("BUG: the transform refused its own buffers");
        let point = |i: usize| {
            let octaves = i as f32 / VoiceProfile::PER_OCTAVE as f32;
            let line = VoiceProfile::LOWEST_HZ * octaves.exp2() * TRANSFORM as f32 / AudioChunk::RATE_HZ as f32;
            let (low, part) = (line as usize, line.fract());
            smooth[low].re * (1.0 - part) + smooth[low + 1].re * part
        };
        (0..VoiceProfile::POINTS).map(point).collect()
    }

    fn powers(&self, frame: &[f32]) -> Vec<f32> {
        let mut samples = self.forward.make_input_vec();
        samples.iter_mut().zip(frame.iter().zip(&self.window)).for_each(|(s, (x, w))| *s = x * w);
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(&mut samples, &mut spectrum).expect("BUG: the transform refused its own buffers");
        spectrum.iter().map(Complex32::norm_sqr).collect()
    }

    /// The inverse transform of a real and even spectrum.
    fn inverse(&self, spectrum: &[f32]) -> Vec<f32> {
        let mut lines: Vec<Complex32> = spectrum.iter().map(|p| Complex32::new(*p, 0.0)).collect();
        let mut samples = self.back.make_output_vec();
        self.back.process(&mut lines, &mut samples).expect("BUG: the transform refused its own buffers");
        samples.iter_mut().for_each(|s| *s /= TRANSFORM as f32);
        samples
    }
}

/// Takes mean and slope off.
fn level(values: &mut [f32]) {
    let n = values.len() as f32;
    let middle = (n - 1.0) / 2.0;
    let mean = values.iter().sum::<f32>() / n;
    let slope = values.iter().enumerate().map(|(i, v)| (i as f32 - middle) * v).sum::<f32>()
        / (0..values.len()).map(|i| (i as f32 - middle).powi(2)).sum::<f32>();
    values.iter_mut().enumerate().for_each(|(i, v)| *v -= mean + slope * (i as f32 - middle));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pulses through two resonances: a vowel.
    pub fn vowel(pitch_hz: f32, formants: [f32; 2]) -> Vec<f32> {
        let (mut out, mut phase) = (vec![0.0f32; 64_000], 0.0f32);
        for s in &mut out {
            phase += pitch_hz / 16_000.0;
            if phase >= 1.0 {
                phase -= 1.0;
                *s = 1.0;
            }
        }
        for f in formants {
            let (radius, angle) = (0.97f32, std::f32::consts::TAU * f / 16_000.0);
            let (mut one, mut two) = (0.0, 0.0);
            for s in &mut out {
                let y = *s + 2.0 * radius * angle.cos() * one - radius * radius * two;
                (one, two) = (y, one);
                *s = y;
            }
        }
        out.iter().map(|s| s * 0.02).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_pitch_of_a_vowel_is_found(pitch in 75.0f32..350.0) {
            let profile = Profiler::default().profile(&vowel(pitch, [600.0, 1_400.0])).unwrap();
            prop_assert!((profile.pitch_hz / pitch - 1.0).abs() < 0.03, "{} for {}", profile.pitch_hz, pitch);
        }
    }

    #[test]
    fn the_envelope_peaks_at_the_formants() {
        let profile = Profiler::default().profile(&vowel(120.0, [600.0, 2_400.0])).unwrap();
        let best = (0..VoiceProfile::POINTS).max_by(|a, b| profile.envelope[*a].total_cmp(&profile.envelope[*b]));
        let hz = 300.0 * (best.unwrap() as f32 / 24.0).exp2();
        assert!((hz / 600.0 - 1.0).abs() < 0.1 || (hz / 2_400.0 - 1.0).abs() < 0.1, "{hz}");
    }

    #[test]
    fn noise_and_silence_have_no_profile() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let noise: Vec<f32> = (0..64_000).map(|_| next()).collect();
        assert_eq!(Profiler::default().profile(&noise), None);
        assert_eq!(Profiler::default().profile(&[0.0; 64_000]), None);
    }
}
