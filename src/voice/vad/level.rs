//! Loudness as voice activity, for tests and benches. In: frames. Out: 1 above a level, else 0.

use std::time::Duration;

use super::{FRAME, Vad};
use crate::infer::InferError;

/// Calls a frame speech when its root mean square is at least `rms`.
#[derive(Debug, Clone, Copy)]
pub struct LevelVad {
    /// −1..=1 full scale.
    pub rms: f32,
}

impl Vad for LevelVad {
    fn speech(&mut self, samples: &[f32]) -> Result<Vec<f32>, InferError> {
        let loud = |frame: &[f32]| (frame.iter().map(|s| s * s).sum::<f32>() / FRAME as f32).sqrt() >= self.rms;
        Ok(samples.chunks_exact(FRAME).map(|frame| f32::from(u8::from(loud(frame)))).collect())
    }

    fn reset(&mut self) {}

    fn cpu_time(&self) -> Duration {
        Duration::ZERO
    }
}
