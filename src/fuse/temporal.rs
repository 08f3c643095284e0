//! Evidence over time. In: log-odds with their times. Out: means with a range.

use super::call_log_odds;
use crate::config::OperatingPoint;
use crate::types::record::Fused;
use crate::types::{MediaTime, Prob};

/// Length of what counts as one observation, in seconds.
const CORRELATED_S: f64 = 1.0;

/// Standard deviation of a network's mean log-odds between calls of the same kind: it stays however long one looks.
pub const BETWEEN_CALLS: f32 = 0.5;

/// Half-width of a 95 % range in standard deviations.
const Z95: f32 = 1.96;

/// Log-odds with a 95 % range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Mean log-odds.
    pub logit: f32,
    /// Standard error of the mean: how much another stretch of the same call would differ.
    pub sampling: f32,
}

impl Estimate {
    /// Standard error between calls of the same kind.
    fn error(&self) -> f32 {
        self.sampling.hypot(BETWEEN_CALLS)
    }

    /// As a probability of the call with its range.
    pub fn fused(&self, at: &OperatingPoint) -> Option<Fused> {
        let margin = Z95 * self.error();
        let p = |logit: f32| Prob::from_logit(call_log_odds(logit, at));
        Some(Fused { p_masked: p(self.logit)?, low: p(self.logit - margin)?, high: p(self.logit + margin)? })
    }
}

/// Exponential smoothing that looks only back, so that it can be used live.
#[derive(Debug, Clone)]
pub struct Smoother {
    seconds: f64,
    state: Option<(MediaTime, f32, f32)>,
}

impl Smoother {
    /// Frames: over one second.
    pub fn of_frames() -> Self {
        Self { seconds: CORRELATED_S, state: None }
    }

    /// Windows of speech: over as long as a window lasts, for its neighbours share their samples with it.
    pub fn of_windows() -> Self {
        Self { seconds: 4.0, state: None }
    }

    /// Adds an observation; `pts` must not decrease.
    pub fn push(&mut self, pts: MediaTime, logit: f32) -> Estimate {
        let (mean, variance) = match self.state {
            None => (logit, 0.0),
            Some((at, mean, variance)) => {
                let keep = (-(pts - at).as_secs().max(0.0) / self.seconds).exp() as f32;
                let step = logit - mean;
                (mean + (1.0 - keep) * step, keep * (variance + (1.0 - keep) * step * step))
            }
        };
        self.state = Some((pts, mean, variance));
        Estimate { logit: mean, sampling: variance.sqrt() }
    }
}

/// The mean over a call, one second of frames counting as one observation. Constant memory.
#[derive(Debug, Clone, Default)]
pub struct BlockMean {
    block: Option<i64>,
    sum: f64,
    weight: f64,
    blocks: u64,
    mean: f64,
    squares: f64,
}

impl BlockMean {
    /// Adds an observation with a weight above 0; `pts` must not decrease.
    pub fn push(&mut self, pts: MediaTime, logit: f32, weight: f32) {
        let block = (pts.as_secs() / CORRELATED_S).floor() as i64;
        if self.block.is_some_and(|b| b != block) {
            (self.blocks, self.mean, self.squares) = self.with_open_block();
            (self.sum, self.weight) = (0.0, 0.0);
        }
        self.block = Some(block);
        self.sum += f64::from(logit) * f64::from(weight);
        self.weight += f64::from(weight);
    }

    /// Welford's update with the block that is still open.
    fn with_open_block(&self) -> (u64, f64, f64) {
        if self.weight <= 0.0 {
            return (self.blocks, self.mean, self.squares);
        }
        let value = self.sum / self.weight;
        let blocks = self.blocks + 1;
        let step = value - self.mean;
        let mean = self.mean + step / blocks as f64;
        (blocks, mean, self.squares + step * (value - mean))
    }

    /// Mean and standard error; `None` without observations.
    pub fn estimate(&self) -> Option<Estimate> {
        let (blocks, mean, squares) = self.with_open_block();
        if blocks == 0 {
            return None;
        }
        let spread = if blocks > 1 { squares / (blocks - 1) as f64 / blocks as f64 } else { 1.0 };
        Some(Estimate { logit: mean as f32, sampling: (spread as f32).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frame_rate_does_not_make_it_surer(logits in proptest::collection::vec(-5.0f32..5.0, 2..20)) {
            let (mut slow, mut fast) = (BlockMean::default(), BlockMean::default());
            for (second, logit) in logits.iter().enumerate() {
                slow.push(MediaTime::from_secs(second as f64), *logit, 1.0);
                for frame in 0..30 {
                    fast.push(MediaTime::from_secs(second as f64 + f64::from(frame) / 30.0), *logit, 1.0);
                }
            }
            let (slow, fast) = (slow.estimate().unwrap(), fast.estimate().unwrap());
            prop_assert!((slow.logit - fast.logit).abs() < 1e-3);
            prop_assert!((slow.sampling - fast.sampling).abs() < 1e-3);
        }

        #[test]
        fn the_smoother_stays_within_what_it_saw(logits in proptest::collection::vec(-5.0f32..5.0, 1..50)) {
            let mut smoother = Smoother::of_frames();
            let (low, high) = logits.iter().fold((f32::MAX, f32::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
            for (i, logit) in logits.iter().enumerate() {
                let estimate = smoother.push(MediaTime::from_samples(i as i64, 30), *logit);
                prop_assert!(estimate.logit >= low - 1e-4 && estimate.logit <= high + 1e-4);
            }
        }

        #[test]
        fn the_mean_of_blocks_is_their_mean(logits in proptest::collection::vec(-5.0f32..5.0, 1..50)) {
            let mut blocks = BlockMean::default();
            for (i, logit) in logits.iter().enumerate() {
                blocks.push(MediaTime::from_secs(i as f64), *logit, 0.7);
            }
            let mean = logits.iter().sum::<f32>() / logits.len() as f32;
            prop_assert!((blocks.estimate().unwrap().logit - mean).abs() < 1e-3);
        }
    }

    #[test]
    fn nothing_seen_is_no_estimate() {
        assert_eq!(BlockMean::default().estimate(), None);
    }
}
