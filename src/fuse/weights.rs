//! What the cues add to a call's probability. In: signs that fired. Out: the call's finding with their weight of evidence.
//!
//! A sign's weight is `ln(P(it fires | masked) / P(it fires | genuine))`, log-odds that add to the networks' (the "weight
//! of evidence" of Good, *Probability and the Weighing of Evidence*, 1950), as far as counts on calls of either class
//! carry. Cues watch the same face, so that one fault makes several fire: the strongest counts, and alone. How often
//! one fires says nothing more, for long calls have more of everything.
//!
//! Worked example: a sign fired in 14 of 20 masked calls and in none of 20 genuine ones. With half a call added to either
//! count, ln((14.5 / 21) / (0.5 / 21)) = 3.37, so that p = 0.40 becomes 0.95.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::record::Finding;
use crate::types::{EventKind, Prob};

/// Kinds of signs that fired in a call; at most one entry a kind.
#[derive(Debug, Clone, Default)]
pub struct Fired {
    kinds: BTreeSet<EventKind>,
}

impl Fired {
    /// Adds a kind.
    pub fn push(&mut self, kind: EventKind) {
        self.kinds.insert(kind);
    }

    /// The strongest weight among what fired, in log-odds; kinds without a weight add nothing.
    fn weight(&self, weights: &BTreeMap<EventKind, f32>) -> f32 {
        self.kinds.iter().filter_map(|kind| weights.get(kind)).fold(0.0, |best, weight| best.max(*weight))
    }

    /// The same finding, its probability and range moved by what fired.
    pub fn added_to(&self, finding: Finding, weights: &BTreeMap<EventKind, f32>) -> Finding {
        let weight = self.weight(weights);
        let moved = |p: Option<Prob>| p.and_then(|p| Prob::from_logit(p.logit() + weight));
        if weight == 0.0 {
            return finding;
        }
        let Finding { p_masked, low, high, .. } = finding;
        Finding { p_masked: moved(p_masked), low: moved(low), high: moved(high), ..finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::record::{Outcome, Reason};
    use proptest::prelude::*;

    const KINDS: [EventKind; 3] = [EventKind::IdentityJump, EventKind::ChallengeBroken, EventKind::LightLag];

    fn finding(p: f32) -> Finding {
        let p = Prob::new(p);
        let reasons = vec![Reason::BelowThreshold];
        Finding { result: Outcome::NoSignsFound, p_masked: p, low: p, high: p, reasons }
    }

    fn after(fired: &[EventKind], weights: &BTreeMap<EventKind, f32>, p: f32) -> f32 {
        let mut all = Fired::default();
        fired.iter().for_each(|kind| all.push(*kind));
        all.added_to(finding(p), weights).p_masked.unwrap().get()
    }

    #[test]
    fn the_worked_example() {
        let weights = BTreeMap::from([(EventKind::IdentityJump, 3.37)]);
        assert!((after(&[EventKind::IdentityJump], &weights, 0.4) - 0.95).abs() < 0.005);
    }

    proptest! {
        #[test]
        fn only_the_strongest_counts_in_any_order_and_however_often(
            fired in prop::collection::vec(0usize..3, 0..8), values in prop::array::uniform3(0.0f32..5.0), p in 0.01f32..0.99,
        ) {
            let weights: BTreeMap<_, _> = KINDS.into_iter().zip(values).collect();
            let kinds: Vec<_> = fired.iter().map(|i| KINDS[*i]).collect();
            let strongest = fired.iter().map(|i| values[*i]).fold(0.0, f32::max);
            let wanted = Prob::from_logit(Prob::new(p).unwrap().logit() + strongest).unwrap().get();
            prop_assert!((after(&kinds, &weights, p) - wanted).abs() < 1e-4);
        }
    }

    #[test]
    fn without_a_probability_there_is_still_none() {
        let mut fired = Fired::default();
        fired.push(EventKind::IdentityJump);
        let none = Finding { p_masked: None, low: None, high: None, ..finding(0.5) };
        assert_eq!(fired.added_to(none, &BTreeMap::from([(EventKind::IdentityJump, 3.0)])).p_masked, None);
    }
}
