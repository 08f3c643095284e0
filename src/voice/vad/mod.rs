//! Voice activity. In: consecutive 32 ms frames of sound. Out: the probability of speech in each.

mod level;
mod silero;

use std::time::Duration;

pub use level::LevelVad;

use crate::infer::{InferError, Manifest, ModelStore, Runtime};

/// Samples in a frame: 32 ms.
pub const FRAME: usize = 512;

/// Finds speech in a stream.
pub trait Vad: Send {
    /// Probability of speech in each whole frame of `samples`, which continue where the last call ended;
    /// a rest shorter than a frame is ignored.
    fn speech(&mut self, samples: &[f32]) -> Result<Vec<f32>, InferError>;

    /// Forgets what was heard: the next samples begin a new stream.
    fn reset(&mut self);

    /// Processor time spent inside the network so far.
    fn cpu_time(&self) -> Duration;
}

/// Which detector to build.
pub enum VadSpec<'a> {
    /// A network.
    Network {
        /// What runs it.
        runtime: &'a Runtime,
        /// Where it is.
        store: &'a ModelStore,
        /// Its id.
        id: &'a str,
    },
    /// Loud is speech, for tests and benches.
    Level(LevelVad),
}

/// Builds a detector; a network is checked against its golden.
pub fn build(spec: VadSpec<'_>) -> Result<(Box<dyn Vad>, Option<Manifest>), InferError> {
    match spec {
        VadSpec::Level(level) => Ok((Box::new(level), None)),
        VadSpec::Network { runtime, store, id } => {
            let (vad, manifest) = silero::Silero::load(runtime, store, id)?;
            Ok((Box::new(vad), Some(manifest)))
        }
    }
}
