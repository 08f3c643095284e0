//! Figures of merit. In: scores with their labels. Out: one number each, `None` where a class is absent.

/// A score, higher = more suspicious, and whether the clip is masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// P(masked) as scored.
    pub p: f32,
    /// What it is known to be.
    pub masked: bool,
}

/// (false positive rate, true positive rate) from the strictest threshold to the loosest; equal scores share a point.
/// Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27 (2006).
fn roc(scores: &[Scored]) -> Option<Vec<(f64, f64)>> {
    let masked = scores.iter().filter(|s| s.masked).count();
    let real = scores.len() - masked;
    if masked == 0 || real == 0 {
        return None;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.p.total_cmp(&a.p));
    let mut points = vec![(0.0, 0.0)];
    let (mut fp, mut tp) = (0usize, 0usize);
    for same in sorted.chunk_by(|a, b| a.p == b.p) {
        let hits = same.iter().filter(|s| s.masked).count();
        tp += hits;
        fp += same.len() - hits;
        points.push((fp as f64 / real as f64, tp as f64 / masked as f64));
    }
    Some(points)
}

/// Area under the ROC curve: the chance that a masked clip scores above a genuine one, ties count half.
pub fn auc(scores: &[Scored]) -> Option<f64> {
    let points = roc(scores)?;
    Some(points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum())
}

/// Equal error rate: where the share of missed fakes equals the share of flagged genuine clips, on the ROC's segments.
pub fn eer(scores: &[Scored]) -> Option<f64> {
    let points = roc(scores)?;
    let crossing = points.windows(2).find_map(|w| {
        let gap = |p: (f64, f64)| (1.0 - p.1) - p.0;
        let (before, after) = (gap(w[0]), gap(w[1]));
        (after <= 0.0).then(|| {
            let part = if before > after { before / (before - after) } else { 0.0 };
            w[0].0 + part * (w[1].0 - w[0].0)
        })
    });
    Some(crossing.unwrap_or(1.0))
}

/// Highest share of fakes found while at most `fpr` of the genuine clips are flagged.
pub fn tpr_at_fpr(scores: &[Scored], fpr: f64) -> Option<f64> {
    let allowed = roc(scores)?.into_iter().filter(|p| p.0 <= fpr + 1e-12);
    Some(allowed.map(|p| p.1).fold(0.0, f64::max))
}

/// Expected calibration error over ten bins of equal width: the mean distance between what was said and what was.
/// Naeini et al., AAAI 2015. Depends on the share of fakes in the set.
pub fn expected_calibration_error(scores: &[Scored]) -> Option<f64> {
    let mut bins = [(0usize, 0.0f64, 0usize); 10];
    for s in scores {
        let bin = &mut bins[((s.p * 10.0) as usize).min(9)];
        *bin = (bin.0 + 1, bin.1 + f64::from(s.p), bin.2 + usize::from(s.masked));
    }
    let distance: f64 = bins.iter().map(|(_, said, was)| (said - *was as f64).abs()).sum();
    (!scores.is_empty()).then(|| distance / scores.len() as f64)
}

/// A point of the coverage–risk curve.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Coverage {
    /// Share of clips that are answered: those of which the score is surest.
    pub coverage: f64,
    /// Share of these that the score puts on the wrong side of one half.
    pub risk: f64,
}

/// How often the score is wrong when only the surest quarter, half, three quarters or all of the clips are answered.
/// El-Yaniv and Wiener, On the foundations of noise-free selective classification, JMLR 11 (2010). Clips that are as
/// sure as the last that is answered are answered too.
pub fn coverage_risk(scores: &[Scored]) -> Vec<Coverage> {
    let sure = |s: &Scored| (s.p - 0.5).abs();
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
    let wrong = |s: &&Scored| (s.p >= 0.5) != s.masked;
    let quarters = [0.25, 0.5, 0.75, 1.0].into_iter();
    let points = quarters.filter_map(|share| {
        let asked = (share * sorted.len() as f64).ceil() as usize;
        let last = sorted.get(asked.checked_sub(1)?)?;
        let answered: Vec<&Scored> = sorted.iter().take_while(|s| sure(s) >= sure(last)).collect();
        let (n, all) = (answered.len() as f64, sorted.len() as f64);
        Some(Coverage { coverage: n / all, risk: answered.iter().filter(|s| wrong(s)).count() as f64 / n })
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(real: &[f32], masked: &[f32]) -> Vec<Scored> {
        let of = |ps: &[f32], masked| ps.iter().map(move |&p| Scored { p, masked }).collect::<Vec<_>>();
        [of(real, false), of(masked, true)].concat()
    }

    #[test]
    fn known_answers() {
        let s = set(&[0.1, 0.4, 0.35], &[0.8, 0.3]);
        assert!((auc(&s).unwrap() - 4.0 / 6.0).abs() < 1e-9);
        assert_eq!(auc(&set(&[0.5], &[0.5])), Some(0.5));
        assert_eq!(eer(&set(&[0.1, 0.2], &[0.8, 0.9])), Some(0.0));
        assert_eq!(eer(&set(&[0.8, 0.9], &[0.1, 0.2])), Some(1.0));
        assert!((eer(&set(&[0.1, 0.6], &[0.5, 0.9])).unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(tpr_at_fpr(&set(&[0.1, 0.6], &[0.5, 0.9]), 0.05), Some(0.5));
        assert_eq!(auc(&set(&[0.1], &[])), None);
        let ece = expected_calibration_error(&set(&[0.25], &[0.75])).unwrap();
        assert!((ece - 0.25).abs() < 1e-6);
    }

    #[test]
    fn sure_scores_that_are_right_lower_the_risk() {
        let curve = coverage_risk(&set(&[0.0, 0.55], &[1.0, 0.48]));
        assert_eq!(curve.iter().map(|c| c.risk).collect::<Vec<_>>(), [0.0, 0.0, 1.0 / 3.0, 0.5]);
        assert_eq!(curve.iter().map(|c| c.coverage).collect::<Vec<_>>(), [0.5, 0.5, 0.75, 1.0], "ties go together");
        assert!(coverage_risk(&[]).is_empty());
    }

    fn scores() -> impl Strategy<Value = Vec<Scored>> {
        proptest::collection::vec((0.0f32..=1.0, any::<bool>()), 2..60)
            .prop_map(|v| v.into_iter().map(|(p, masked)| Scored { p: (p * 20.0).round() / 20.0, masked }).collect())
    }

    proptest! {
        #[test]
        fn coverage_grows_and_ends_at_all(s in scores()) {
            let curve = coverage_risk(&s);
            prop_assert!(curve.is_sorted_by(|a, b| a.coverage <= b.coverage));
            prop_assert!(curve.iter().all(|c| (0.0..=1.0).contains(&c.risk)));
            prop_assert_eq!(curve.last().map(|c| c.coverage), Some(1.0));
        }

        #[test]
        fn auc_is_the_share_of_pairs_in_order(s in scores()) {
            let of = |m: bool| s.iter().filter(move |x| x.masked == m).collect::<Vec<_>>();
            let (real, masked) = (of(false), of(true));
            let pairs = real.iter().flat_map(|r| masked.iter().map(move |f| (r.p, f.p)));
            let wins: f64 = pairs.map(|(r, f)| if f > r { 1.0 } else if f == r { 0.5 } else { 0.0 }).sum();
            let expected = wins / (real.len() * masked.len()) as f64;
            match auc(&s) {
                Some(a) => prop_assert!((a - expected).abs() < 1e-9),
                None => prop_assert!(real.is_empty() || masked.is_empty()),
            }
        }

        #[test]
        fn rates_stay_rates(s in scores()) {
            for value in [eer(&s), tpr_at_fpr(&s, 0.05), expected_calibration_error(&s)].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&value));
            }
        }
    }
}
