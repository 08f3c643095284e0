//! From a network's log-odds to a call's. In: the mean log-odds of frames or windows, and an operating point. Out:
//! log-odds of "masked by any tool".
//!
//! The network's log-odds compare genuine calls with masks like those it was shown. Of the masks by other tools it sees
//! only a share; the rest look genuine to it. So P(score | masked) is a mixture, and the odds become
//! `share · odds + (1 − share)`: high odds stay nearly as high, low ones never fall below `1 − share`. However clean a
//! call looks, "masked by something we cannot see" stays possible.
//!
//! Worked example: log-odds −2.2 (odds 0.11) with a share of 0.45 give odds 0.45 · 0.11 + 0.55 = 0.60: P(masked) is
//! 0.37 instead of 0.10.
//!
//! Source of the idea: Scheirer and others, "Toward open set recognition", TPAMI 2013; the mixture is the contamination
//! model of robust statistics (Huber 1964).

use crate::config::OperatingPoint;

/// A call's log-odds of "masked by any tool" from the network's mean. Keeps the order.
pub fn call_log_odds(network: f32, at: &OperatingPoint) -> f32 {
    open_set(network, at.seen_share)
}

/// Log-odds of "masked by any tool" from those of "masked by a tool like the known ones". Keeps the order.
fn open_set(logit: f32, seen_share: f32) -> f32 {
    (seen_share * logit.clamp(-30.0, 30.0).exp() + (1.0 - seen_share)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Prob;
    use proptest::prelude::*;

    #[test]
    fn the_worked_example() {
        assert!((Prob::from_logit(open_set(-2.2, 0.45)).unwrap().get() - 0.373).abs() < 2e-3);
    }

    proptest! {
        #[test]
        fn it_keeps_the_order_and_never_clears_a_call(a in -20.0f32..20.0, b in -20.0f32..20.0, share in 0.05f32..1.0) {
            let (x, y) = (open_set(a, share), open_set(b, share));
            prop_assert!(x.is_finite() && y.is_finite());
            prop_assert!(a >= b || x <= y);
            prop_assert!(x >= (1.0 - share).ln() - 1e-4);
            prop_assert!((open_set(a, 1.0) - a).abs() < 1e-3);
        }
    }
}
