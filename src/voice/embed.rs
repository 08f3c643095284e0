//! Embedding. In: windows of speech. Out: numbers that lie near each other for one speaker. They stay in memory: no
//! record has a place for them.

use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView2;

use crate::infer::{self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Runtime, Task, take_output};

/// The output's name, for every network of the family.
const OUTPUT: &str = "embedding";

/// Length of a row.
pub fn length(a: &[f32]) -> f32 {
    a.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// Cosine of the angle between two embeddings; zero when one has no length or they are not of one length.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let lengths = length(a) * length(b);
    let dot: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    if a.len() == b.len() && lengths > 1e-9 { dot / lengths } else { 0.0 }
}

/// A network that tells voices apart.
pub struct VoiceEmbedder {
    engine: Box<dyn Engine>,
    manifest: Manifest,
}

impl VoiceEmbedder {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let model = store.find_for(id, Task::VoiceEmbed)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let mut embedder = Self::new(engine, model.manifest.clone());
        let samples = infer::read_wav(&model.manifest.id, &model.dir.join(&model.manifest.golden.input))?;
        let found = embedder.embed(&samples)?.unwrap_or_default();
        for (i, expected) in embedder.manifest.golden.embedding.iter().flatten().enumerate() {
            infer::compare_golden(&embedder.manifest, found.get(i).copied().unwrap_or(f32::NAN), *expected)?;
        }
        Ok(embedder)
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Self {
        Self { engine, manifest }
    }

    /// The model's description.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Embeds the middle of a window; `None` when it is shorter than what the network takes.
    pub fn embed(&mut self, samples: &[f32]) -> Result<Option<Arc<[f32]>>, InferError> {
        let length = self.manifest.input.size.first().copied().unwrap_or(0);
        let from = samples.len().saturating_sub(length) / 2;
        let Some(middle) = samples.get(from..from + length) else { return Ok(None) };
        let wrong =
            |e: ndarray::ShapeError| InferError::Shape { model: self.manifest.id.clone(), message: e.to_string() };
        let values = ArrayView2::from_shape((1, length), middle).map_err(wrong)?.into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        Ok(Some(take_output(&self.manifest.id, &outputs, OUTPUT)?.iter().copied().collect()))
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}
