//! The ENGINE seam. In: named tensors. Out: named tensors. The only folder that names ONNX Runtime.

mod batcher;
mod error;
mod fake;
mod golden;
mod library;
mod manifest;
mod onnx;
mod plugin;
mod postprocess;
mod preprocess;
mod provider;
mod store;
mod tape;

use std::time::Duration;

use ndarray::{ArrayD, ArrayViewD};

pub use batcher::{BatchCounts, BatchPlan, Batched, Batcher, Shared};
pub use error::InferError;
pub use fake::FakeEngine;
pub use golden::{check_p_masked, compare as compare_golden, read_png, read_wav};
pub use library::candidates as library_candidates;
pub use manifest::{Color, Family, Manifest, Task};
pub use postprocess::masked_logits;
pub use preprocess::Normalise;
pub use provider::{Provider, Runtime};
pub use store::{ModelStore, StoredModel};
pub use tape::{Runs, Tape};

/// A tensor going in.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// Name in the graph.
    pub name: &'a str,
    /// Values, row-major.
    pub values: ArrayViewD<'a, f32>,
}

/// A tensor coming out.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Name in the graph.
    pub name: String,
    /// Values, row-major; all finite.
    pub values: ArrayD<f32>,
}

/// Runs one network. An engine belongs to one thread; equal input gives equal output.
pub trait Engine: Send {
    /// Runs the network once. Fails when an output is not finite.
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, InferError>;

    /// Processor time spent inside the network so far.
    fn cpu_time(&self) -> Duration;
}

/// Which engine to build for a model.
pub enum EngineSpec<'a> {
    /// ONNX Runtime on this runtime's provider.
    Onnx(&'a Runtime),
    /// A stand-in, for tests and benches.
    Fake(FakeEngine),
}

/// Builds an engine for a stored model: checks the file's hash, and that the session's inputs and outputs are
/// those the manifest declares.
pub fn build(spec: EngineSpec<'_>, model: &StoredModel) -> Result<Box<dyn Engine>, InferError> {
    Ok(match spec {
        EngineSpec::Onnx(runtime) => {
            let load = || Ok(Box::new(onnx::OnnxEngine::load(runtime, model)?) as Box<dyn Engine>);
            let engine = match &runtime.shared {
                Some(shared) if model.manifest.task.takes_batches() => shared.stream(&model.manifest.id, load)?,
                _ => load()?,
            };
            match &runtime.tape {
                Some(tape) => tape.wrap(&model.manifest.id, engine),
                None => engine,
            }
        }
        EngineSpec::Fake(fake) => Box::new(fake),
    })
}

/// Fails on outputs that are not numbers, so that no stage behind has to ask.
fn checked(model: &str, outputs: Vec<Output>) -> Result<Vec<Output>, InferError> {
    let finite = |o: &Output| match o.values.as_slice() {
        // Without a branch a value.
        Some(values) => values.iter().fold(true, |all, v| all & v.is_finite()),
        None => o.values.iter().all(|v| v.is_finite()),
    };
    match outputs.iter().find(|o| !finite(o)) {
        Some(bad) => Err(InferError::NotFinite { model: model.into(), output: bad.name.clone() }),
        None => Ok(outputs),
    }
}

/// The output named `name`.
pub fn take_output(model: &str, outputs: &[Output], name: &str) -> Result<ArrayD<f32>, InferError> {
    outputs.iter().find(|o| o.name == name).map(|o| o.values.clone()).ok_or_else(|| InferError::Shape {
        model: model.into(),
        message: format!("the network has no output named {name}"),
    })
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Processor time of the calling thread.
pub fn thread_cpu_time() -> Duration {
    cpu_time(rustix::time::ClockId::ThreadCPUTime)
}

/// Processor time of the whole process.
pub fn process_cpu_time() -> Duration {
    cpu_time(rustix::time::ClockId::ProcessCPUTime)
}

fn cpu_time(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
