//! How far many calls are. In: what is known of each. Out: one part of the whole, for the time that is left.

/// One call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share {
    /// Declared length in seconds, once it was opened and if it has one.
    pub length_s: Option<f64>,
    /// Where its analysis is.
    pub reached_s: f64,
    /// Nothing more is to come.
    pub ended: bool,
    /// It cost nothing.
    pub skipped: bool,
}

/// The part that is done, 0..=1, by length of recording; a call of unknown length counts as the mean of the others.
pub fn part(calls: &[Share]) -> f64 {
    let counted = || calls.iter().filter(|c| !c.skipped);
    let known: Vec<f64> = counted().filter_map(|c| c.length_s).filter(|s| s.is_finite() && *s > 0.0).collect();
    let mean = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let (mut whole, mut done) = (0.0, 0.0);
    for call in counted() {
        let length = call.length_s.filter(|s| s.is_finite() && *s > 0.0).unwrap_or(mean);
        whole += length;
        done += if call.ended { length } else { call.reached_s.clamp(0.0, length) };
    }
    if whole > 0.0 { done / whole } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_calls_weigh_more() {
        let long = Share { length_s: Some(300.0), reached_s: 150.0, ..Share::default() };
        let short = Share { length_s: Some(100.0), ended: true, ..Share::default() };
        assert_eq!(part(&[long, short]), 0.625);
        assert_eq!(part(&[long, short, Share { skipped: true, ..Share::default() }]), 0.625);
        assert_eq!(part(&[]), 1.0);
    }

    proptest! {
        #[test]
        fn it_is_a_part(calls in proptest::collection::vec((proptest::option::of(-1.0f64..1e6), -1.0f64..1e7, any::<bool>(), any::<bool>()), 0..9)) {
            let calls: Vec<Share> = calls
                .into_iter()
                .map(|(length_s, reached_s, ended, skipped)| Share { length_s, reached_s, ended, skipped })
                .collect();
            let part = part(&calls);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&part), "{part}");
        }
    }
}
