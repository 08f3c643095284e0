//! Signs in a part of the call. In: events that speak for masking. Out: for how long, and how strongly.

use super::call_log_odds;
use crate::config::OperatingPoint;
use crate::types::record::{Finding, Outcome, Reason};
use crate::types::{Event, MediaTime, Prob, TimeSpan};

/// Adds up the stretches of one modality, which may overlap; 16 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Stretches {
    spans: Vec<TimeSpan>,
    best: Option<Prob>,
}

impl Stretches {
    /// Adds an event.
    pub fn push(&mut self, event: &Event) {
        self.spans.push(event.span);
        self.best = match self.best {
            Some(best) if best >= event.score => Some(best),
            _ => Some(event.score),
        };
    }

    /// How much of the call they cover, in seconds; what is covered twice counts once.
    fn covered_s(&self) -> f64 {
        let mut spans = self.spans.clone();
        spans.sort_unstable_by_key(|span| span.start);
        let (mut until, mut covered) = (MediaTime(i64::MIN), MediaTime::ZERO);
        for TimeSpan { start, end } in spans {
            covered = covered + (end - start.max(until)).max(MediaTime::ZERO);
            until = until.max(end);
        }
        covered.as_secs()
    }

    /// A finding about the whole call, and these stretches within it: masked for `needed_s` is masked, however much of
    /// the call was not. The probability is then the strongest stretch's where that is higher.
    pub fn within(&self, whole: Finding, needed_s: f64, at: &OperatingPoint) -> Finding {
        let best = self.best.filter(|_| self.covered_s() >= needed_s);
        let Some(best) = best.and_then(|p| Prob::from_logit(call_log_odds(p.logit(), at))) else { return whole };
        if matches!(whole.result, Outcome::SignsFound | Outcome::NotAssessed) {
            return whole;
        }
        let higher = |p: Option<Prob>| p.map(|p| if p > best { p } else { best });
        let Finding { p_masked, low, high, .. } = whole;
        let reasons = vec![Reason::SignsInPart];
        Finding { result: Outcome::SignsFound, p_masked: higher(p_masked), low, high: higher(high), reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::EventKind;
    use proptest::prelude::*;

    const AT: OperatingPoint =
        OperatingPoint { seen_share: 1.0, false_alarms: 0.02, signs_at: 0.8, alarm_at: 0.8, coarse: None, dim: None };

    fn event(start: f64, end: f64, score: f32) -> Event {
        let span = TimeSpan { start: MediaTime::from_secs(start), end: MediaTime::from_secs(end) };
        Event { kind: EventKind::FaceChanged, span, score: Prob::new(score).unwrap(), track: None, detail: vec![] }
    }

    fn whole(result: Outcome) -> Finding {
        let p = |v| Prob::new(v);
        Finding { result, p_masked: p(0.3), low: p(0.2), high: p(0.4), reasons: vec![Reason::BelowThreshold] }
    }

    #[test]
    fn a_masked_minute_of_a_long_call_is_a_sign() {
        let mut stretches = Stretches::default();
        stretches.push(&event(300.0, 304.0, 0.81));
        stretches.push(&event(301.0, 303.0, 0.9));
        assert_eq!(stretches.within(whole(Outcome::NoSignsFound), 10.0, &AT).result, Outcome::NoSignsFound);
        stretches.push(&event(320.0, 326.0, 0.85));
        let found = stretches.within(whole(Outcome::NoSignsFound), 10.0, &AT);
        assert_eq!(found.result, Outcome::SignsFound);
        assert!((found.p_masked.unwrap().get() - 0.9).abs() < 1e-4);
        assert_eq!(found.reasons, [Reason::SignsInPart]);
        assert_eq!(stretches.within(whole(Outcome::NotAssessed), 10.0, &AT).result, Outcome::NotAssessed);
    }

    proptest! {
        #[test]
        fn overlaps_count_once_in_any_order(starts in prop::collection::vec(0u32..40, 1..20)) {
            let mut stretches = Stretches::default();
            starts.iter().for_each(|s| stretches.push(&event(f64::from(*s), f64::from(*s) + 3.0, 0.5)));
            let seconds: std::collections::BTreeSet<u32> = starts.iter().flat_map(|s| *s..s + 3).collect();
            prop_assert!((stretches.covered_s() - seconds.len() as f64).abs() < 1e-6);
        }
    }
}
