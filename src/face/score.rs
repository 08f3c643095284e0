//! Scoring. In: aligned crops of one frame. Out: calibrated log-odds of "masked", one a crop.

use std::time::Duration;

use ndarray::Array4;

use crate::config::FaceConfig;
use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Normalise, Runtime, Task, masked_logits,
    take_output,
};
use crate::types::record::Reason;
use crate::types::{Prob, Quality};

/// Darker or brighter faces than this (mean luma, 0..=1) are not scored.
const EXPOSURE: (f32, f32) = (0.06, 0.96);

/// A face network with its manifest.
pub struct FaceScorer {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    normalise: Normalise,
    template: [[f32; 2]; 5],
}

impl FaceScorer {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let model = store.find_for(id, Task::FaceScore)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let mut scorer = Self::new(engine, model.manifest.clone())?;
        scorer.check_golden(&model.dir)?;
        Ok(scorer)
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

    /// Scores crops (R, G and B planes, 0..=255) in one run; the result has their order.
    pub fn score(&mut self, crops: &[&[f32]]) -> Result<Vec<f32>, InferError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let (width, height) = self.size();
        let mut tensor = Array4::<f32>::zeros((crops.len(), 3, height, width));
        for (mut sample, crop) in tensor.outer_iter_mut().zip(crops) {
            let wrong = || InferError::Shape { model: self.manifest.id.clone(), message: "crop size".into() };
            let sample = sample.as_slice_mut().filter(|s| s.len() == crop.len()).ok_or_else(wrong)?;
            self.normalise.fill(crop, sample);
        }
        let values = tensor.view().into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        let name = self.manifest.output.as_ref().map_or("", |o| &o.name);
        masked_logits(&self.manifest, &take_output(&self.manifest.id, &outputs, name)?, crops.len())
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }

    fn check_golden(&mut self, dir: &std::path::Path) -> Result<(), InferError> {
        let golden = self.manifest.golden.clone();
        let (rgb, ..) = infer::read_png(&self.manifest.id, &dir.join(&golden.input))?;
        let logit = self.score(&[&rgb])?.first().copied().unwrap_or(f32::NAN);
        infer::check_p_masked(&self.manifest, Prob::from_logit(logit))
    }
}

/// Why a face is not fit to be judged; empty when it is.
pub fn fit_to_score(quality: &Quality, config: &FaceConfig) -> Vec<Reason> {
    let rules = [
        (quality.size_px < config.min_size_px, Reason::FaceTooSmall),
        (quality.cut_off > config.max_cut_off, Reason::FaceCutOff),
        (quality.yaw_deg.abs() > config.max_yaw_deg, Reason::FaceProfile),
        (quality.exposure < EXPOSURE.0 || quality.exposure > EXPOSURE.1, Reason::FaceExposure),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, reason)| reason).collect()
}
