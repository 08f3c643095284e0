//! Networks on aligned crops. In: a manifest, crops. Out: the raw output of one run. What the numbers mean is for
//! whoever asks: the scorer, the embedder.

use std::time::Duration;

use ndarray::{ArrayD, ArrayView4};

use super::{Affine, assess, crop, crop_map};
use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Normalise, Output, Runtime, StoredModel, Task,
    take_output,
};
use crate::types::{Detection, Landmarks, Picture, Quality};

/// A face brought to where a network wants it.
pub struct Aligned {
    /// From the crop to the picture.
    pub map: Affine,
    /// The crop's R, G and B planes, 0..=255.
    pub rgb: Vec<f32>,
    /// What decides whether it can be judged.
    pub quality: Quality,
}

/// A network that takes aligned crops, with its manifest.
pub struct CropNetwork {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    normalise: Normalise,
    template: [[f32; 2]; 5],
    /// Kept, so that a steady stream does not ask for it anew.
    tensor: Vec<f32>,
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
        Ok(Self { engine, normalise, template, manifest, tensor: Vec::new() })
    }

    /// Where the landmarks go, in units of the crop.
    pub fn template(&self) -> &[[f32; 2]; 5] {
        &self.template
    }

    /// Width and height of the crop in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.manifest.input.size[0], self.manifest.input.size[1])
    }

    /// The crop of these landmarks, and the map from it to the picture; `None` when the landmarks are degenerate.
    pub fn crop_of(&self, picture: &Picture, landmarks: &Landmarks) -> Option<(Affine, Vec<f32>)> {
        let (width, height) = self.size();
        let map = crop_map(landmarks, &self.template, (width, height), picture.upright_pixel_aspect())?;
        Some((map, crop(picture, &map, width, height)))
    }

    /// The same of a face that the detector found, with its quality.
    pub fn aligned(&self, picture: &Picture, face: &Detection) -> Option<Aligned> {
        let (map, rgb) = self.crop_of(picture, &face.landmarks)?;
        let quality = assess(face, &rgb, self.size().0, picture.upright_size(), picture.upright_pixel_aspect());
        Some(Aligned { map, rgb, quality })
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
        let size = 3 * height * width;
        let wrong = |message: String| InferError::Shape { model: self.manifest.id.clone(), message };
        self.tensor.resize(crops.len() * size, 0.0);
        for (sample, crop) in self.tensor.chunks_exact_mut(size.max(1)).zip(crops) {
            let crop = Some(crop.as_ref()).filter(|c| c.len() == size).ok_or_else(|| wrong("crop size".into()))?;
            self.normalise.fill(crop, sample);
        }
        let values = ArrayView4::from_shape((crops.len(), 3, height, width), self.tensor.as_slice());
        let values = values.map_err(|e| wrong(e.to_string()))?.into_dyn();
        self.engine.run(&[Input { name: &self.manifest.input.name, values }])
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}
