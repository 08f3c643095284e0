//! From an estimate to a finding. In: log-odds with a range, coverage, thresholds. Out: what can be said, and why.

use super::Estimate;
use crate::config::VerdictConfig;
use crate::types::record::{Finding, Outcome, Reason};

/// A finding about what was not looked at.
pub fn not_assessed(reason: Reason) -> Finding {
    Finding { result: Outcome::NotAssessed, p_masked: None, low: None, high: None, reasons: vec![reason] }
}

/// A finding about what was looked at but cannot be scored.
pub fn inconclusive(reason: Reason) -> Finding {
    Finding { result: Outcome::Inconclusive, ..not_assessed(reason) }
}

/// `covered_s` seconds were scored, `needed_s` are needed; `absent` says why there is no estimate.
pub fn finding(
    estimate: Option<Estimate>,
    covered_s: f64,
    needed_s: f64,
    absent: Reason,
    config: &VerdictConfig,
) -> Finding {
    let Some(fused) = estimate.and_then(|e| e.fused()) else {
        return not_assessed(absent);
    };
    let (p, low, high) = (fused.p_masked.get(), fused.low.get(), fused.high.get());
    let (result, reason) = if covered_s < needed_s {
        (Outcome::Inconclusive, Reason::LowCoverage)
    } else if p >= config.signs_at && low > config.clear_below {
        (Outcome::SignsFound, Reason::AboveThreshold)
    } else if p < config.clear_below && high < config.signs_at {
        (Outcome::NoSignsFound, Reason::BelowThreshold)
    } else if (config.clear_below..config.signs_at).contains(&p) {
        (Outcome::Inconclusive, Reason::BetweenThresholds)
    } else {
        (Outcome::Inconclusive, Reason::WideRange)
    };
    Finding {
        result,
        p_masked: Some(fused.p_masked),
        low: Some(fused.low),
        high: Some(fused.high),
        reasons: vec![reason],
    }
}

/// The more alarming of two findings; signs win over anything, doubt over none, and both over what was not seen. A
/// doubt without a probability does not hide the other's.
pub fn overall(face: &Finding, voice: &Finding) -> Finding {
    let rank = |f: &Finding| match f.result {
        Outcome::SignsFound => 3,
        Outcome::Inconclusive => 2,
        Outcome::NoSignsFound => 1,
        Outcome::NotAssessed => 0,
    };
    let p = |f: &Finding| f.p_masked.map_or(0.0, |p| p.get());
    let voice_leads = (rank(voice), p(voice)) > (rank(face), p(face));
    let (lead, other) = if voice_leads { (voice, face) } else { (face, voice) };
    let known = if lead.p_masked.is_some() { lead } else { other };
    Finding { p_masked: known.p_masked, low: known.low, high: known.high, ..lead.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(logit: f32, error: f32, covered_s: f64) -> Outcome {
        let estimate = Some(Estimate { logit, error });
        finding(estimate, covered_s, 2.0, Reason::NoFace, &VerdictConfig::default()).result
    }

    #[test]
    fn the_four_results() {
        assert_eq!(judge(4.0, 0.5, 10.0), Outcome::SignsFound);
        assert_eq!(judge(-4.0, 0.5, 10.0), Outcome::NoSignsFound);
        assert_eq!(judge(0.5, 0.5, 10.0), Outcome::Inconclusive);
        let none = finding(None, 0.0, 2.0, Reason::NoFace, &VerdictConfig::default());
        assert_eq!((none.result, none.p_masked), (Outcome::NotAssessed, None));
    }

    proptest! {
        #[test]
        fn too_little_is_never_a_finding(logit in -9.0f32..9.0, error in 0.5f32..3.0) {
            prop_assert_eq!(judge(logit, error, 1.0), Outcome::Inconclusive);
        }

        #[test]
        fn a_range_across_the_thresholds_is_never_a_finding(logit in -9.0f32..9.0) {
            prop_assert_eq!(judge(logit, 9.0, 60.0), Outcome::Inconclusive);
        }
    }
}
