//! Uncertainty. In: scores in groups, counts. Out: figures with 95 % intervals.

use serde::Serialize;

use super::metrics::Scored;
use crate::types::record::round;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 1_000;

/// A figure and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Point estimate.
    pub value: f64,
    /// 2.5th percentile.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// A share of clips and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Share, 0..=1.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Of so many clips.
    pub of: usize,
}

/// Percentile bootstrap over groups (people): each resample draws whole groups with replacement, since clips of one
/// person are not independent. Efron & Tibshirani, An Introduction to the Bootstrap (1993). Seeded: equal input,
/// equal answer. Resamples without an answer (one class only) are left out; `None` when the whole set has none.
pub fn bootstrap(groups: &[Vec<Scored>], figure: impl Fn(&[Scored]) -> Option<f64>) -> Option<Figure> {
    let value = figure(&groups.concat())?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut drawn: Vec<f64> = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let sample: Vec<Scored> =
            groups.iter().flat_map(|_| groups[random.usize(..groups.len())].iter().copied()).collect();
        drawn.extend(figure(&sample));
    }
    drawn.sort_by(f64::total_cmp);
    let at = |q: f64| drawn.get((q * (drawn.len() as f64 - 1.0)).round() as usize).copied().unwrap_or(value);
    Some(Figure { value: round(value, 4), low: round(at(0.025), 4), high: round(at(0.975), 4) })
}

/// Wilson's score interval (1927) of `hits` in `of`; `None` of nothing.
pub fn rate(hits: usize, of: usize) -> Option<Rate> {
    const Z: f64 = 1.96;
    if of == 0 {
        return None;
    }
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
    Some(Rate { value: round(p, 4), low: round(low, 4), high: round(high, 4), of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::auc;
    use proptest::prelude::*;

    #[test]
    fn wilson_as_published() {
        let r = rate(1, 10).unwrap();
        assert!((r.low - 0.0179).abs() < 1e-3 && (r.high - 0.4042).abs() < 1e-3, "{r:?}");
        assert_eq!(rate(0, 0), None);
    }

    #[test]
    fn clips_of_one_person_widen_the_interval() {
        let noisy = |i: usize| {
            let masked = i.is_multiple_of(2);
            Scored { p: (i * 7 % 10) as f32 / 10.0 + if masked { 0.2 } else { 0.0 }, masked }
        };
        let apart: Vec<Vec<Scored>> = (0..60).map(|i| vec![noisy(i % 10)]).collect();
        let together: Vec<Vec<Scored>> = (0..10).map(|i| vec![noisy(i); 6]).collect();
        let (a, t) = (bootstrap(&apart, auc).unwrap(), bootstrap(&together, auc).unwrap());
        assert_eq!(a.value, t.value);
        assert!(t.high - t.low > a.high - a.low, "{a:?} {t:?}");
        assert_eq!(bootstrap(&together, auc), Some(t), "seeded");
    }

    proptest! {
        #[test]
        fn a_rate_lies_within_its_interval(hits in 0usize..50, more in 0usize..50) {
            if let Some(r) = rate(hits, hits + more) {
                prop_assert!(0.0 <= r.low && r.low <= r.value + 1e-4 && r.value <= r.high + 1e-4 && r.high <= 1.0);
            }
        }
    }
}
