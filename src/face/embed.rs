//! Embedding. In: aligned crops. Out: for each a row of numbers that lie near each other for one person, far apart for
//! two. They stay in memory: nothing that writes records ever gets one.

use std::sync::Arc;

use super::CropNetwork;
use crate::infer::{self, Engine, InferError, Manifest, ModelStore, Runtime, Task};

/// The output's name, for every network of the family.
const OUTPUT: &str = "embedding";

/// A network that tells faces apart.
pub struct FaceEmbedder {
    network: CropNetwork,
}

impl FaceEmbedder {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let (network, model) = CropNetwork::load(runtime, store, id, Task::FaceEmbed)?;
        let mut embedder = Self { network };
        embedder.check_golden(&model.dir)?;
        Ok(embedder)
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        Ok(Self { network: CropNetwork::new(engine, manifest)? })
    }

    /// Which crops it takes, and what it has cost.
    pub fn network(&self) -> &CropNetwork {
        &self.network
    }

    /// Embeds crops (R, G and B planes, 0..=255) in one run; the result has their order.
    pub fn embed(&mut self, crops: &[Vec<f32>]) -> Result<Vec<Arc<[f32]>>, InferError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.network.run(crops, OUTPUT)?;
        if rows.ndim() != 2 || rows.shape()[0] != crops.len() {
            let message = format!("output shape {:?} for {} crops", rows.shape(), crops.len());
            return Err(InferError::Shape { model: self.network.manifest().id.clone(), message });
        }
        Ok(rows.outer_iter().map(|row| row.iter().copied().collect()).collect())
    }

    fn check_golden(&mut self, dir: &std::path::Path) -> Result<(), InferError> {
        let manifest = self.network.manifest().clone();
        let (rgb, ..) = infer::read_png(&manifest.id, &dir.join(&manifest.golden.input))?;
        let found = self.embed(&[rgb])?.pop().unwrap_or_default();
        for (i, expected) in manifest.golden.embedding.iter().flatten().enumerate() {
            infer::compare_golden(&manifest, found.get(i).copied().unwrap_or(f32::NAN), *expected)?;
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
