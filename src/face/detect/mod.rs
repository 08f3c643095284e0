//! Detection. In: frames. Out: boxes with five points, best first.

mod decode;
mod fixed;
mod follow;
mod retinaface;
mod yunet;

use std::path::Path;
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
            let network = Network::new(engine, manifest.clone())?;
            Ok((Box::new(NetworkDetector::checked(network, side, &model.dir)?), Some(manifest)))
        }
    }
}

/// Boxes and points in tensor pixels, before suppression.
type Decode = fn(&[Output], (usize, usize), f32) -> Option<Vec<Detection>>;

/// A detector network with the decoder of its family.
struct Network {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    decode: Decode,
    max_iou: f32,
}

impl Network {
    fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        let (decode, max_iou): (Decode, f32) = match manifest.family {
            Some(Family::Yunet) => (yunet::decode, yunet::MAX_IOU),
            Some(Family::Retinaface) => (retinaface::decode, retinaface::MAX_IOU),
            _ => {
                let message = "its family is no face detector".into();
                return Err(InferError::Shape { model: manifest.id, message });
            }
        };
        Ok(Self { engine, manifest, decode, max_iou })
    }

    fn wrong(&self, message: String) -> InferError {
        InferError::Shape { model: self.manifest.id.clone(), message }
    }

    /// Candidates in tensor pixels.
    fn candidates(
        &mut self,
        tensor: &[f32],
        (width, height): (usize, usize),
        min_score: f32,
    ) -> Result<Vec<Detection>, InferError> {
        let values = ndarray::ArrayView4::from_shape((1, 3, height, width), tensor);
        let values = values.map_err(|e| self.wrong(e.to_string()))?.into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        (self.decode)(&outputs, (width, height), min_score)
            .ok_or_else(|| self.wrong(format!("its outputs do not fit an input of {width}x{height}")))
    }

    /// Faces in upright source pixels.
    fn find(&mut self, input: Prepared<'_>, min_score: f32) -> Result<Vec<Detection>, InferError> {
        let Prepared { tensor, width, height, origin, scale } = input;
        let found = self.candidates(tensor, (width, height), min_score)?;
        Ok(suppress(found, self.max_iou).into_iter().map(|d| to_source(&d, origin, scale)).collect())
    }

    fn check_golden(&mut self, normalise: Normalise, dir: &Path) -> Result<(), InferError> {
        let golden = self.manifest.golden.clone();
        let (rgb, width, height) = infer::read_png(&self.manifest.id, &dir.join(&golden.input))?;
        let mut tensor = vec![0.0; rgb.len()];
        normalise.fill(&rgb, &mut tensor);
        let all = self.candidates(&tensor, (width, height), 0.6)?;
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

/// A network, and what it sees of a picture.
struct NetworkDetector {
    network: Network,
    input: DetectInput,
}

impl NetworkDetector {
    /// A network that gives what its golden says.
    fn checked(mut network: Network, side: u32, dir: &Path) -> Result<Self, InferError> {
        let spec = network.manifest.preprocess.as_ref().ok_or_else(|| network.wrong("no [preprocess]".into()))?;
        let normalise = Normalise::new(spec, network.manifest.input.color);
        network.check_golden(normalise, dir)?;
        Ok(Self { network, input: DetectInput::new(side, normalise) })
    }
}

impl Detector for NetworkDetector {
    fn detect(&mut self, picture: &Picture, min_score: f32) -> Result<Vec<Detection>, InferError> {
        self.network.find(self.input.prepare(picture), min_score)
    }

    fn detect_around(&mut self, picture: &Picture, face: &BoxPx, min_score: f32) -> Result<Vec<Detection>, InferError> {
        self.network.find(self.input.prepare_around(picture, face), min_score)
    }

    fn cpu_time(&self) -> Duration {
        self.network.engine.cpu_time()
    }
}

/// From tensor pixels to upright source pixels.
fn to_source(d: &Detection, (left, top): (f32, f32), (sx, sy): (f32, f32)) -> Detection {
    Detection {
        bbox: BoxPx { x: left + d.bbox.x * sx, y: top + d.bbox.y * sy, w: d.bbox.w * sx, h: d.bbox.h * sy },
        landmarks: d.landmarks.map(|p| Point { x: left + p.x * sx, y: top + p.y * sy }),
        score: d.score,
    }
}
