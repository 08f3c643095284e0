//! Networks on aligned crops. In: a manifest, crops. Out: the raw output of one run. What the numbers mean is for
//! whoever asks: the scorer, the embedder.

use std::time::Duration;

use ndarray::{Array4, ArrayD};

use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Normalise, Output, Runtime, StoredModel, Task,
    take_output,
};

/// A network that takes aligned crops, with its manifest.
pub struct CropNetwork {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    normalise: Normalise,
    template: [[f32; 2]; 5],
}

impl CropNetwork {
    /// Loads a network that does `task`; its golden is not checked yet.
    pub fn load(
        runtime: &Runtime,
        store: &ModelStore,
        id: &str,
        task: Task,
    ) -> Result<(Self, StoredModel), InferError> {
        let model = store.find_for(id, task)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        Ok((Self::new(engine, model.manifest.clone())?, model))
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        let missing = || InferError::Shape { model: manifest.id.clone(), message: "no [preprocess] template".into() };
        let spec = manifest.preprocess.as_ref().ok_or_else(missing)?;
        let template = spec.template.ok_or_else(missing)?;
        let normalise = Normalise::new(spec, manifest.input.color);
        Ok(Self { engine, normalise, template, manifest })
    }

    /// Where the landmarks go, in units of the crop.
    pub fn template(&self) -> &[[f32; 2]; 5] {
        &self.template
    }

    /// Width and height of the crop in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.manifest.input.size[0], self.manifest.input.size[1])
    }

    /// The model's description.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The output named `output` for crops (R, G and B planes, 0..=255), all in one run.
    pub fn run<C: AsRef<[f32]>>(&mut self, crops: &[C], output: &str) -> Result<ArrayD<f32>, InferError> {
        let outputs = self.run_all(crops)?;
        take_output(&self.manifest.id, &outputs, output)
    }

    /// Every output for crops (R, G and B planes, 0..=255), all in one run.
    pub fn run_all<C: AsRef<[f32]>>(&mut self, crops: &[C]) -> Result<Vec<Output>, InferError> {
        let (width, height) = self.size();
        let mut tensor = Array4::<f32>::zeros((crops.len(), 3, height, width));
        for (mut sample, crop) in tensor.outer_iter_mut().zip(crops) {
            let crop = crop.as_ref();
            let wrong = || InferError::Shape { model: self.manifest.id.clone(), message: "crop size".into() };
            let sample = sample.as_slice_mut().filter(|s| s.len() == crop.len()).ok_or_else(wrong)?;
            self.normalise.fill(crop, sample);
        }
        let values = tensor.view().into_dyn();
        self.engine.run(&[Input { name: &self.manifest.input.name, values }])
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}
