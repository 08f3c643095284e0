//! Scoring. In: aligned crops of one frame. Out: calibrated log-odds of "masked", one a crop.

use ndarray::ArrayD;

use super::CropNetwork;
use crate::config::FaceConfig;
use crate::infer::{self, Engine, InferError, Manifest, ModelStore, Runtime, Task, masked_logits, take_output};
use crate::types::record::Reason;
use crate::types::{Prob, Quality};

/// Darker or brighter faces than this (mean luma, 0..=1) are not scored.
const EXPOSURE: (f32, f32) = (0.06, 0.96);

/// Name of the output that a scorer may have beside its score: n × 1 × rows × columns, P(masked) of each part.
const MAP: &str = "map";

/// P(masked) of a crop's parts, from one look at each: where to look, not a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct PartMap {
    /// Parts in a row.
    pub columns: usize,
    /// Row by row.
    pub parts: Vec<Prob>,
}

impl PartMap {
    /// `None` when the values are no map of probabilities.
    fn of(values: &ArrayD<f32>) -> Option<Self> {
        let columns = *values.shape().last()?;
        let parts: Option<Vec<Prob>> = values.iter().map(|v| Prob::new(*v)).collect();
        parts.filter(|p| columns > 0 && p.len() % columns == 0).map(|parts| Self { columns, parts })
    }
}

/// A network that says how likely a face is masked.
pub struct FaceScorer {
    network: CropNetwork,
}

impl FaceScorer {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let (network, model) = CropNetwork::load(runtime, store, id, Task::FaceScore)?;
        let mut scorer = Self { network };
        scorer.check_golden(&model.dir)?;
        Ok(scorer)
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        Ok(Self { network: CropNetwork::new(engine, manifest)? })
    }

    /// Which crops it takes, and what it has cost.
    pub fn network(&self) -> &CropNetwork {
        &self.network
    }

    /// Scores crops (R, G and B planes, 0..=255) in one run; the result has their order.
    pub fn score(&mut self, crops: &[&[f32]]) -> Result<Vec<f32>, InferError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let manifest = self.network.manifest();
        let output = manifest.output.as_ref().map_or_else(String::new, |o| o.name.clone());
        let values = self.network.run(crops, &output)?;
        masked_logits(self.network.manifest(), &values, crops.len())
    }

    /// Scores one crop and says which of its parts look masked; no map where the network has no output of that name.
    pub fn score_parts(&mut self, crop: &[f32]) -> Result<(f32, Option<PartMap>), InferError> {
        let manifest = self.network.manifest();
        let name = manifest.output.as_ref().map_or_else(String::new, |o| o.name.clone());
        let outputs = self.network.run_all(&[crop])?;
        let manifest = self.network.manifest();
        let logits = masked_logits(manifest, &take_output(&manifest.id, &outputs, &name)?, 1)?;
        let logit = logits.first().copied().unwrap_or(0.0);
        Ok((logit, outputs.iter().find(|o| o.name == MAP).and_then(|o| PartMap::of(&o.values))))
    }

    /// Runs the network once on the example in its folder `dir`, and fails unless it gives the known answer.
    pub fn check_golden(&mut self, dir: &std::path::Path) -> Result<(), InferError> {
        let manifest = self.network.manifest().clone();
        let (rgb, ..) = infer::read_png(&manifest.id, &dir.join(&manifest.golden.input))?;
        let logit = self.score(&[&rgb])?.first().copied().unwrap_or(f32::NAN);
        infer::check_p_masked(&manifest, Prob::from_logit(logit))
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
