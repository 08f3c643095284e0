//! How late the sound is. In: the opening of a mouth and the loudness of a voice, each on the 8 ms grid with NaN where
//! nothing is known. Out: the correlation at each lag and drift, and how unlikely its peak is by chance.
//!
//! Source: correlation of mouth and voice as in M. Slaney, M. Covell, "FaceSync: a linear operator for measuring
//! synchronization of video facial images and audio tracks", NIPS 2000; J. S. Chung, A. Zisserman, "Out of time:
//! automated lip sync in the wild", ACCV 2016 workshops, take the lag at the peak and the height of the peak over the
//! median as its confidence, as is done here.

/// Slots a second.
pub const RATE: f64 = 125.0;

/// Lags are looked for up to 0.704 s, both ways, in slots.
pub const REACH: usize = 88;

/// Drifts that are looked for, in seconds a second: clocks that differ, or buffers that fill.
const DRIFTS: [f64; 9] = [0.0, -0.02, 0.02, -0.04, 0.04, -0.06, 0.06, -0.08, 0.08];

/// Lags and drifts in which a greater drift must show in a correlation greater by as much.
const DRIFT_COST: f64 = 1.0;

/// Every fifth slot is compared: 40 ms, a frame at 25 a second.
const STRIDE: usize = 5;

/// Fewer compared slots say nothing: one second.
const MIN_COMPARED: usize = 25;

/// Slower changes than this (a Hann window of 0.8 s) are posture and light, faster ones (0.104 s) are noise.
const SLOW: usize = 101;
const FAST: usize = 13;

/// Independent comparisons a second that lips and loudness give in this band. With [`TRIALS`] fitted so that lips and
/// voices of different clips are at most 3 % of the time surer than 0.95.
const INDEPENDENT: f64 = 8.0;

/// Independent lags and drifts among which the peak is the highest.
const TRIALS: i32 = 30;

/// The band in which lips and loudness move together, about 1 to 6 Hz; unknown stays unknown.
pub fn band(values: &[f32]) -> Vec<f32> {
    let (slow, fast) = (smooth(values, SLOW), smooth(values, FAST));
    let band = slow.iter().zip(fast).zip(values).map(|((s, f), v)| if v.is_nan() { f32::NAN } else { f - s });
    band.collect()
}

/// Mean of what is known under a Hann window of `width` slots.
fn smooth(values: &[f32], width: usize) -> Vec<f32> {
    let turn = |i: usize| std::f32::consts::TAU * (i + 1) as f32 / (width + 1) as f32;
    let window: Vec<f32> = (0..width).map(|i| 0.5 - 0.5 * turn(i).cos()).collect();
    let half = width / 2;
    let at = |centre: usize| {
        let (begin, skip) = (centre.saturating_sub(half), half.saturating_sub(centre));
        let under = values.iter().skip(begin).zip(window.iter().skip(skip)).filter(|(v, _)| !v.is_nan());
        let (sum, weight) = under.fold((0.0, 0.0), |(s, w), (v, k)| (s + v * k, w + k));
        if weight > 0.0 { sum / weight } else { f32::NAN }
    };
    (0..values.len()).map(at).collect()
}

/// What fits at one lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Correlation less the cost of the drift, −1..=1.
    pub value: f64,
    /// Drift in seconds a second, positive when the sound falls behind more and more.
    pub drift: f64,
}

/// The best fit at each lag from −[`REACH`] to [`REACH`] slots, positive when the sound comes late. Both signals have
/// passed [`band`]; `voice` begins `lead` slots before `mouth`. `None` where too little can be compared.
pub fn fits(mouth: &[f32], voice: &[f32], lead: usize) -> Option<Vec<Fit>> {
    let points: Vec<(usize, f64)> =
        (0..mouth.len()).step_by(STRIDE).map(|i| (i, f64::from(mouth[i]))).filter(|(_, m)| !m.is_nan()).collect();
    let middle = mouth.len() as f64 / 2.0;
    let shifts =
        DRIFTS.map(|d| points.iter().map(|(i, _)| (d * (*i as f64 - middle)).round() as i64).collect::<Vec<_>>());
    let at = |lag: i64| {
        let tried = DRIFTS.iter().zip(&shifts).filter_map(|(drift, shift)| {
            let pairs = points.iter().zip(shift).filter_map(|((i, m), s)| {
                let slot = usize::try_from(*i as i64 + lead as i64 + lag + s).ok()?;
                Some((*m, f64::from(*voice.get(slot)?))).filter(|(_, v)| !v.is_nan())
            });
            Some(Fit { value: correlation(pairs)? - DRIFT_COST * drift.abs(), drift: *drift })
        });
        tried.reduce(|best, fit| if fit.value > best.value { fit } else { best })
    };
    (-(REACH as i64)..=REACH as i64).map(at).collect()
}

/// Pearson's correlation; `None` with too few pairs.
fn correlation(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0usize, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in pairs {
        (n, x, y) = (n + 1, x + a, y + b);
        (xx, yy, xy) = (xx + a * a, yy + b * b, xy + a * b);
    }
    let count = n as f64;
    let spread = (xx - x * x / count) * (yy - y * y / count);
    (n >= MIN_COMPARED).then(|| if spread > 1e-18 { (xy - x * y / count) / spread.sqrt() } else { 0.0 })
}

/// The lag of a stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// Positive when the sound comes late.
    pub lag_s: f64,
    /// In seconds a second.
    pub drift: f64,
    /// How often unrelated lips and voice stay below this peak, 0..=1.
    pub confidence: f64,
}

/// The highest of `fits`, which `seconds` of mouth and voice gave.
pub fn peak(fits: &[Fit], seconds: f64) -> Option<Lag> {
    let better = |a: (usize, Fit), b: (usize, Fit)| if b.1.value > a.1.value { b } else { a };
    let (slot, best) = fits.iter().copied().enumerate().reduce(better)?;
    let mut values: Vec<f64> = fits.iter().map(|f| f.value).collect();
    let middle = values.len() / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let height = (best.value - *median).clamp(0.0, 0.99);
    let deviations = height.atanh() * (INDEPENDENT * seconds - 3.0).max(0.0).sqrt();
    let confidence = below(deviations).powi(TRIALS);
    Some(Lag { lag_s: (slot as f64 - REACH as f64) / RATE, drift: best.drift, confidence })
}

/// The normal distribution (Abramowitz and Stegun 7.1.26, error below 2·10⁻⁷), for `z` of zero and above.
fn below(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = series.iter().fold(0.0, |sum, c| (sum + c) * t) * (-x * x).exp();
    1.0 - tail / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Random values every 0.11 s with smooth ways between them, −1..=1.
    fn babble(seed: u64, second: f64) -> f32 {
        let (knot, part) = ((second / 0.11).floor(), (second / 0.11).fract().rem_euclid(1.0));
        let at = |k: f64| noise((seed as usize).wrapping_mul(1_000_003).wrapping_add((k + 1e4) as usize));
        let ease = (0.5 - 0.5 * (std::f64::consts::PI * part).cos()) as f32;
        at(knot) * (1.0 - ease) + at(knot + 1.0) * ease
    }

    fn noise(i: usize) -> f32 {
        let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 40) as f32 / 8_388_608.0 - 1.0
    }

    fn measure(seconds: f64, lag_s: f64, drift: f64, loud: f32, seed: (u64, u64)) -> Lag {
        let n = (seconds * RATE) as usize;
        let mouth: Vec<f32> = (0..n).map(|i| babble(seed.0, i as f64 / RATE)).collect();
        let voice: Vec<f32> = (0..n + 2 * REACH)
            .map(|i| {
                let t = (i as f64 - REACH as f64) / RATE;
                babble(seed.1, t - lag_s - drift * (t - seconds / 2.0)) + loud * noise(i)
            })
            .collect();
        peak(&fits(&band(&mouth), &band(&voice), REACH).unwrap(), seconds).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_known_lag_is_found(lag_s in -0.5f64..0.5, drift in -0.06f64..0.06, loud in 0.0f32..1.0, seed in 0u64..1000) {
            let lag = measure(8.0, lag_s, drift, loud, (seed, seed));
            prop_assert!((lag.lag_s - lag_s).abs() <= 0.04, "{lag:?}");
            prop_assert!(lag.confidence > 0.95, "{lag:?}");
        }
    }

    #[test]
    fn lips_and_voice_that_have_nothing_to_do_with_each_other_are_rarely_sure() {
        let sure = (0..200).filter(|i| measure(5.0, 0.0, 0.0, 0.2, (*i, *i + 5000)).confidence > 0.95).count();
        assert!(sure <= 12, "{sure} of 200");
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let mut mouth: Vec<f32> = (0..1000).map(|i| babble(7, i as f64 / RATE)).collect();
        let voice: Vec<f32> = (0..1000).map(|i| babble(7, i as f64 / RATE - 0.16)).collect();
        mouth[300..400].fill(f32::NAN);
        let lag = peak(&fits(&band(&mouth), &band(&voice), 0).unwrap(), 7.0).unwrap();
        assert!((lag.lag_s - 0.16).abs() < 0.02, "{lag:?}");
        assert_eq!(fits(&[f32::NAN; 1000], &voice, 0), None);
        assert_eq!(fits(&[], &[], 0), None);
    }

    #[test]
    fn the_normal_distribution() {
        assert!((below(0.0) - 0.5).abs() < 1e-6 && (below(1.644_854) - 0.95).abs() < 1e-6);
    }
}
