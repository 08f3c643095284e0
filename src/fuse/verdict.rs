//! From an estimate to a finding. In: log-odds with a range, coverage, thresholds. Out: what can be said, and why.

use super::temporal::BETWEEN_CALLS;
use super::{Estimate, call_log_odds};
use crate::config::OperatingPoint;
use crate::types::Prob;
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
///
/// There are signs when the mean stays above the threshold with its sampling error taken off, and none when it stays
/// below it with that error, or the spread between calls if larger, put on; nearer than that nothing is said.
pub fn finding(
    estimate: Option<Estimate>,
    covered_s: f64,
    needed_s: f64,
    absent: Reason,
    at: &OperatingPoint,
) -> Finding {
    let Some((estimate, fused)) = estimate.and_then(|e| Some((e, e.fused(at)?))) else {
        return not_assessed(absent);
    };
    let Estimate { logit, sampling } = estimate;
    let reaches = |logit: f32| Prob::from_logit(call_log_odds(logit, at)).is_some_and(|p| p.get() >= at.signs_at);
    let (result, reason) = if covered_s < needed_s {
        (Outcome::Inconclusive, Reason::LowCoverage)
    } else if reaches(logit - sampling) {
        (Outcome::SignsFound, Reason::AboveThreshold)
    } else if !reaches(logit + sampling.max(BETWEEN_CALLS)) {
        (Outcome::NoSignsFound, Reason::BelowThreshold)
    } else {
        (Outcome::Inconclusive, Reason::NearThreshold)
    };
    Finding {
        result,
        p_masked: Some(fused.p_masked),
        low: Some(fused.low),
        high: Some(fused.high),
        reasons: vec![reason],
    }
}

/// What can be said of the call. Signs anywhere are signs of the call; without any, doubt about face or voice is doubt,
/// and only what was looked at can be without signs.
///
/// The probability is that of the face or voice with signs; without signs it is the face's where there is one, else
/// the voice's: a voice that gives no alarm says little about a face, and must not blur what the face says.
pub fn overall(face: &Finding, voice: &Finding, cues: &[&Finding]) -> Finding {
    let is = |outcome: Outcome| move |f: &&Finding| f.result == outcome;
    let networks = [face, voice];
    let all: Vec<&Finding> = networks.into_iter().chain(cues.iter().copied()).collect();
    let order = [Outcome::SignsFound, Outcome::Inconclusive, Outcome::NoSignsFound];
    let counts = |outcome: Outcome| if outcome == Outcome::SignsFound { all.as_slice() } else { &networks };
    let result = order.into_iter().find(|o| counts(*o).iter().any(|f| f.result == *o)).unwrap_or(Outcome::NotAssessed);
    let p = |f: &Finding| f.p_masked.map_or(-1.0, |p| p.get());
    let alarming = networks.into_iter().filter(is(Outcome::SignsFound)).max_by(|a, b| p(a).total_cmp(&p(b)));
    let known = alarming.or_else(|| networks.into_iter().find(|f| f.p_masked.is_some())).unwrap_or(face);
    let mut reasons: Vec<Reason> =
        counts(result).iter().copied().filter(is(result)).flat_map(|f| f.reasons.iter().copied()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    Finding { result, p_masked: known.p_masked, low: known.low, high: known.high, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Signs begin at log-odds 1.386.
    const AT: OperatingPoint =
        OperatingPoint { seen_share: 1.0, false_alarms: 0.02, signs_at: 0.8, alarm_at: 0.8, coarse: None, dim: None };

    fn judge(logit: f32, sampling: f32, covered_s: f64) -> Outcome {
        finding(Some(Estimate { logit, sampling }), covered_s, 2.0, Reason::NoFace, &AT).result
    }

    #[test]
    fn the_four_results() {
        assert_eq!(judge(4.0, 0.5, 10.0), Outcome::SignsFound);
        assert_eq!(judge(-4.0, 0.5, 10.0), Outcome::NoSignsFound);
        assert_eq!(judge(1.2, 0.1, 10.0), Outcome::Inconclusive);
        let none = finding(None, 0.0, 2.0, Reason::NoFace, &AT);
        assert_eq!((none.result, none.p_masked), (Outcome::NotAssessed, None));
    }

    proptest! {
        #[test]
        fn too_little_is_never_a_finding(logit in -9.0f32..9.0, sampling in 0.0f32..3.0) {
            prop_assert_eq!(judge(logit, sampling, 1.0), Outcome::Inconclusive);
        }

        #[test]
        fn a_range_across_the_threshold_is_never_a_finding(logit in -7.0f32..9.0) {
            prop_assert_eq!(judge(logit, 9.0, 60.0), Outcome::Inconclusive);
        }
    }
    fn said(result: Outcome, p: Option<f32>, reason: Reason) -> Finding {
        let p_masked = p.and_then(crate::types::Prob::new);
        Finding { result, p_masked, low: p_masked, high: p_masked, reasons: vec![reason] }
    }

    #[test]
    fn signs_anywhere_are_signs_of_the_call_and_a_quiet_voice_does_not_blur_the_face() {
        let face = said(Outcome::NoSignsFound, Some(0.2), Reason::BelowThreshold);
        let quiet = said(Outcome::NoSignsFound, Some(0.6), Reason::BelowThreshold);
        let loud = said(Outcome::SignsFound, Some(0.9), Reason::AboveThreshold);
        let doubt = said(Outcome::Inconclusive, Some(0.7), Reason::NearThreshold);
        let unseen = not_assessed(Reason::NoFace);
        let p = |f: Finding| (f.result, f.p_masked.map(|p| p.get()));
        assert_eq!(p(overall(&face, &quiet, &[])), (Outcome::NoSignsFound, Some(0.2)));
        assert_eq!(p(overall(&face, &loud, &[])), (Outcome::SignsFound, Some(0.9)));
        assert_eq!(p(overall(&face, &doubt, &[])), (Outcome::Inconclusive, Some(0.2)));
        assert_eq!(p(overall(&unseen, &quiet, &[])), (Outcome::NoSignsFound, Some(0.6)));
        let jump = said(Outcome::SignsFound, None, Reason::AboveThreshold);
        assert_eq!(p(overall(&face, &quiet, &[&jump])), (Outcome::SignsFound, Some(0.2)));
        let thin = said(Outcome::Inconclusive, None, Reason::LowCoverage);
        assert_eq!(overall(&face, &quiet, &[&thin]).result, Outcome::NoSignsFound, "a cue's doubt is its own");
        assert_eq!(overall(&unseen, &unseen, &[]).result, Outcome::NotAssessed);
    }
}
