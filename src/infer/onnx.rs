//! ONNX Runtime. In: tensors. Out: tensors. One session, one thread.

use std::time::Duration;

use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use super::{Engine, InferError, Input, Output, Runtime, StoredModel, checked, thread_cpu_time};

/// A session with its accounting.
pub struct OnnxEngine {
    model: String,
    session: Session,
    cpu: Duration,
}

impl OnnxEngine {
    /// Hash, session, declared inputs and outputs.
    pub fn load(runtime: &Runtime, model: &StoredModel) -> Result<Self, InferError> {
        let manifest = &model.manifest;
        let bytes = model.read_weights()?;
        let session = runtime.session(&manifest.id, &bytes)?;
        let has_input = session.inputs().iter().any(|i| i.name() == manifest.input.name);
        let has_output = manifest.output.as_ref().is_none_or(|o| session.outputs().iter().any(|s| s.name() == o.name));
        if !has_input || !has_output {
            let message = "the network's inputs or outputs are not those that model.toml names".into();
            return Err(InferError::Shape { model: manifest.id.clone(), message });
        }
        Ok(Self { model: manifest.id.clone(), session, cpu: Duration::ZERO })
    }
}

impl Engine for OnnxEngine {
    fn run(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, InferError> {
        let failed = |e: ort::Error| InferError::Run { model: self.model.clone(), message: e.to_string() };
        let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let tensor = TensorRef::from_array_view(input.values.view()).map_err(failed)?;
            values.push((input.name, tensor.into()));
        }
        let before = thread_cpu_time();
        let results = self.session.run(values).map_err(failed)?;
        self.cpu += thread_cpu_time().saturating_sub(before);
        let mut outputs = Vec::with_capacity(results.len());
        for (name, value) in results.iter() {
            let values = value.try_extract_array::<f32>().map_err(failed)?.to_owned();
            outputs.push(Output { name: name.to_owned(), values });
        }
        checked(&self.model, outputs)
    }

    fn cpu_time(&self) -> Duration {
        self.cpu
    }
}
