//! Detection. In: frames. Out: boxes with five points, best first.

mod decode;
mod fixed;
mod follow;
mod retinaface;
mod yunet;

use std::time::Duration;

pub use fixed::FixedDetector;
pub use follow::Follow;

use decode::suppress;

use super::{DetectInput, Prepared};
use crate::infer::{
    self, Engine, EngineSpec, Family, InferError, Input, Manifest, ModelStore, Normalise, Output, Runtime, Task,
};
use crate::types::{BoxPx, Detection, Picture, Point};

/// Finds faces.
pub trait Detector: Send {
    /// Every face in the picture with a score of at least `min_score`, best first.
    fn detect(&mut self, picture: &Picture, min_score: f32) -> Result<Vec<Detection>, InferError>;

    /// Likewise, in the part of the picture around a face: as much again as its size, at the whole picture's scale or smaller.
    fn detect_around(&mut self, picture: &Picture, face: &BoxPx, min_score: f32) -> Result<Vec<Detection>, InferError>;

    /// Processor time spent inside the network so far.
    fn cpu_time(&self) -> Duration;
}

/// Which detector to build.
pub enum DetectorSpec<'a> {
    /// A network, decoded by its family.
    Network {
        /// What runs it.
        runtime: &'a Runtime,
        /// Where it is.
        store: &'a ModelStore,
        /// Its id.
        id: &'a str,
        /// Longest side of its input in pixels.
        side: u32,
    },
    /// A face that is always there, for tests and benches.
    Fixed(FixedDetector),
}

/// Builds a detector; a network is checked against its golden.
pub fn build(spec: DetectorSpec<'_>) -> Result<(Box<dyn Detector>, Option<Manifest>), InferError> {
    match spec {
        DetectorSpec::Fixed(fixed) => Ok((Box::new(fixed), None)),
        DetectorSpec::Network { runtime, store, id, side } => {
            let model = store.find_for(id, Task::FaceDetect)?;
            let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
            let manifest = model.manifest.clone();
            let mut network = NetworkDetector::new(engine, manifest.clone(), side)?;
            network.check_golden(&model.dir)?;
            Ok((Box::new(network), Some(manifest)))
        }
    }
}

/// Boxes and points in tensor pixels, before suppression.
type Decode = fn(&[Output], (usize, usize), f32) -> Option<Vec<Detection>>;

/// A detector network with the decoder of its family.
struct NetworkDetector {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    input: DetectInput,
    normalise: Normalise,
    decode: Decode,
    max_iou: f32,
}

impl NetworkDetector {
    fn new(engine: Box<dyn Engine>, manifest: Manifest, side: u32) -> Result<Self, InferError> {
        let wrong = |message: &str| InferError::Shape { model: manifest.id.clone(), message: message.into() };
        let (decode, max_iou): (Decode, f32) = match manifest.family {
            Some(Family::Yunet) => (yunet::decode, yunet::MAX_IOU),
            Some(Family::Retinaface) => (retinaface::decode, retinaface::MAX_IOU),
            _ => return Err(wrong("its family is no face detector")),
        };
        let spec = manifest.preprocess.as_ref().ok_or_else(|| wrong("no [preprocess]"))?;
        let normalise = Normalise::new(spec, manifest.input.color);
        let input = DetectInput::new(side, normalise);
        Ok(Self { engine, manifest, input, normalise, decode, max_iou })
    }

    fn check_golden(&mut self, dir: &std::path::Path) -> Result<(), InferError> {
        let golden = self.manifest.golden.clone();
        let (rgb, width, height) = infer::read_png(&self.manifest.id, &dir.join(&golden.input))?;
        let mut tensor = vec![0.0; rgb.len()];
        self.normalise.fill(&rgb, &mut tensor);
        let all = candidates(&mut *self.engine, &self.manifest, self.decode, &tensor, (width, height), 0.6)?;
        let found = all.iter().max_by(|a, b| a.score.total_cmp(&b.score)).map(|d| d.bbox);
        let expected = golden.box_px.unwrap_or_default();
        let near = found
            .is_some_and(|b| [b.x, b.y, b.w, b.h].iter().zip(expected).all(|(f, e)| (f - e).abs() <= golden.tolerance));
        if near {
            return Ok(());
        }
        let found = found.map_or_else(|| "no face".into(), |b| format!("{:?}", [b.x, b.y, b.w, b.h]));
        let expected = format!("{expected:?}");
        Err(InferError::Golden { model: self.manifest.id.clone(), found, expected, tolerance: golden.tolerance })
    }
}

/// Candidates in tensor pixels.
fn candidates(
    engine: &mut dyn Engine,
    manifest: &Manifest,
    decode: Decode,
    tensor: &[f32],
    (width, height): (usize, usize),
    min_score: f32,
) -> Result<Vec<Detection>, InferError> {
    let wrong = |message: String| InferError::Shape { model: manifest.id.clone(), message };
    let values =
        ndarray::ArrayView4::from_shape((1, 3, height, width), tensor).map_err(|e| wrong(e.to_string()))?.into_dyn();
    let outputs = engine.run(&[Input { name: &manifest.input.name, values }])?;
    decode(&outputs, (width, height), min_score)
        .ok_or_else(|| wrong(format!("its outputs do not fit an input of {width}x{height}")))
}

impl Detector for NetworkDetector {
    fn detect(&mut self, picture: &Picture, min_score: f32) -> Result<Vec<Detection>, InferError> {
        let Self { engine, manifest, input, decode, max_iou, .. } = self;
        found_in(input.prepare(picture), &mut **engine, manifest, (*decode, *max_iou), min_score)
    }

    fn detect_around(&mut self, picture: &Picture, face: &BoxPx, min_score: f32) -> Result<Vec<Detection>, InferError> {
        let Self { engine, manifest, input, decode, max_iou, .. } = self;
        found_in(input.prepare_around(picture, face), &mut **engine, manifest, (*decode, *max_iou), min_score)
    }

    fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}

/// Faces in upright source pixels.
fn found_in(
    input: Prepared<'_>,
    engine: &mut dyn Engine,
    manifest: &Manifest,
    (decode, max_iou): (Decode, f32),
    min_score: f32,
) -> Result<Vec<Detection>, InferError> {
    let Prepared { tensor, width, height, origin, scale } = input;
    let found = candidates(engine, manifest, decode, tensor, (width, height), min_score)?;
    Ok(suppress(found, max_iou).into_iter().map(|d| to_source(&d, origin, scale)).collect())
}

/// From tensor pixels to upright source pixels.
fn to_source(d: &Detection, (left, top): (f32, f32), (sx, sy): (f32, f32)) -> Detection {
    Detection {
        bbox: BoxPx { x: left + d.bbox.x * sx, y: top + d.bbox.y * sy, w: d.bbox.w * sx, h: d.bbox.h * sy },
        landmarks: d.landmarks.map(|p| Point { x: left + p.x * sx, y: top + p.y * sy }),
        score: d.score,
    }
}
