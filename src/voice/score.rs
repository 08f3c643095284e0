//! Scoring. In: windows of speech. Out: calibrated log-odds of "masked".

use std::time::Duration;

use ndarray::ArrayView2;

use super::WINDOW;
use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Runtime, Task, check_p_masked, masked_logits,
    take_output,
};
use crate::types::Prob;

/// A voice network with its manifest.
pub struct VoiceScorer {
    engine: Box<dyn Engine>,
    manifest: Manifest,
}

impl VoiceScorer {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let model = store.find_for(id, Task::VoiceScore)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let mut scorer = Self::new(engine, model.manifest.clone())?;
        let samples = infer::read_wav(&model.manifest.id, &model.dir.join(&model.manifest.golden.input))?;
        let logit = scorer.score(&samples)?;
        check_p_masked(&scorer.manifest, Prob::from_logit(logit))?;
        Ok(scorer)
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        if manifest.input.size != [WINDOW] {
            let message = format!("input.size must be [{WINDOW}]");
            return Err(InferError::Shape { model: manifest.id.clone(), message });
        }
        Ok(Self { engine, manifest })
    }

    /// The model's description.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Scores one window of [`WINDOW`] samples.
    pub fn score(&mut self, samples: &[f32]) -> Result<f32, InferError> {
        let wrong =
            |e: ndarray::ShapeError| InferError::Shape { model: self.manifest.id.clone(), message: e.to_string() };
        let values = ArrayView2::from_shape((1, WINDOW), samples).map_err(wrong)?.into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        let name = self.manifest.output.as_ref().map_or("", |o| &o.name);
        let logits = masked_logits(&self.manifest, &take_output(&self.manifest.id, &outputs, name)?, 1)?;
        Ok(logits.first().copied().unwrap_or_default())
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}
