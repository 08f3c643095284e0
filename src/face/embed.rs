//! Embedding. In: aligned crops. Out: for each a row of numbers that lie near each other for one person, far apart for
//! two. They stay in memory: nothing that writes records ever gets one.

use std::sync::Arc;
use std::time::Duration;

use ndarray::Array4;

use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Normalise, Runtime, Task, take_output,
};

/// The output's name, for every network of the family.
const OUTPUT: &str = "embedding";

/// A face network with its manifest.
pub struct FaceEmbedder {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    normalise: Normalise,
    template: [[f32; 2]; 5],
}

impl FaceEmbedder {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let model = store.find_for(id, Task::FaceEmbed)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let mut embedder = Self::new(engine, model.manifest.clone())?;
        embedder.check_golden(&model.dir)?;
        Ok(embedder)
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

    /// Embeds crops (R, G and B planes, 0..=255) in one run; the result has their order.
    pub fn embed(&mut self, crops: &[Vec<f32>]) -> Result<Vec<Arc<[f32]>>, InferError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let wrong = |message: String| InferError::Shape { model: self.manifest.id.clone(), message };
        let (width, height) = self.size();
        let mut tensor = Array4::<f32>::zeros((crops.len(), 3, height, width));
        for (mut sample, crop) in tensor.outer_iter_mut().zip(crops) {
            let sample = sample.as_slice_mut().filter(|s| s.len() == crop.len());
            self.normalise.fill(crop, sample.ok_or_else(|| wrong("crop size".into()))?);
        }
        let values = tensor.view().into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        let rows = take_output(&self.manifest.id, &outputs, OUTPUT)?;
        if rows.ndim() != 2 || rows.shape()[0] != crops.len() {
            return Err(wrong(format!("output shape {:?} for {} crops", rows.shape(), crops.len())));
        }
        Ok(rows.outer_iter().map(|row| row.iter().copied().collect()).collect())
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }

    fn check_golden(&mut self, dir: &std::path::Path) -> Result<(), InferError> {
        let golden = self.manifest.golden.clone();
        let (rgb, ..) = infer::read_png(&self.manifest.id, &dir.join(&golden.input))?;
        let found = self.embed(&[rgb])?.pop().unwrap_or_default();
        for (i, expected) in golden.embedding.unwrap_or_default().into_iter().enumerate() {
            infer::compare_golden(&self.manifest, found.get(i).copied().unwrap_or(f32::NAN), expected)?;
        }
        Ok(())
    }
}

/// Distance of two embeddings (Euclidean); infinite when they are not of one length.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>().sqrt()
}
