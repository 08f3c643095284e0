//! A stand-in for a network. In: tensors. Out: whatever a function makes of them, after a stated latency.

use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayD;

use super::{Engine, InferError, Input, Output, checked};

type Answer = dyn Fn(&Input<'_>) -> ArrayD<f32> + Send + Sync;

/// Answers every run with a function of the first input.
#[derive(Clone)]
pub struct FakeEngine {
    output: String,
    latency: Duration,
    answer: Arc<Answer>,
}

impl FakeEngine {
    /// The output's name and what it holds.
    pub fn new(output: &str, answer: impl Fn(&Input<'_>) -> ArrayD<f32> + Send + Sync + 'static) -> Self {
        Self { output: output.into(), latency: Duration::ZERO, answer: Arc::new(answer) }
    }

    /// One logit a sample: the mean of the sample's values.
    pub fn mean_logit(output: &str) -> Self {
        Self::new(output, |input| {
            let logits = input.values.outer_iter().map(|sample| sample.mean().unwrap_or(0.0)).collect::<Vec<_>>();
            ndarray::Array2::from_shape_fn((logits.len(), 1), |(i, _)| logits[i]).into_dyn()
        })
    }

    /// One row a sample, always the same: the same face or voice throughout.
    pub fn one_embedding() -> Self {
        Self::new("embedding", |input| ArrayD::from_elem(vec![input.values.shape()[0], 8], 0.5))
    }

    /// Speaker segmentation: one person speaks throughout.
    pub fn one_speaker() -> Self {
        Self::new("output", |_| ArrayD::from_shape_fn(vec![1, 1, 7], |at| if at[2] == 1 { 0.0 } else { -30.0 }))
    }

    /// Sleeps so long a run.
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }
}

impl Engine for FakeEngine {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, InferError> {
        if !self.latency.is_zero() {
            std::thread::sleep(self.latency);
        }
        let values = match inputs.first() {
            Some(input) => (self.answer)(input),
            None => ArrayD::zeros(vec![0]),
        };
        checked("fake", vec![Output { name: self.output.clone(), values }])
    }

    fn cpu_time(&self) -> Duration {
        Duration::ZERO
    }
}
