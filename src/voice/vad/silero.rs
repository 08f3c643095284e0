//! Silero VAD v6, 16 kHz sequence form. In: frames of 512 samples behind 64 samples of context. Out: probabilities.

use std::time::Duration;

use ndarray::{Array2, Array3};

use super::{FRAME, Vad};
use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Runtime, Task, compare_golden, take_output,
};

/// Samples before each frame that the network sees again.
const CONTEXT: usize = 64;

/// Width of the recurrent state.
const STATE: usize = 128;

/// The network with its memory.
pub struct Silero {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    context: Vec<f32>,
    hidden: Array3<f32>,
    cell: Array3<f32>,
}

impl Silero {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<(Self, Manifest), InferError> {
        let model = store.find_for(id, Task::Vad)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let manifest = model.manifest.clone();
        let mut vad = Self {
            engine,
            manifest: manifest.clone(),
            context: vec![0.0; CONTEXT],
            hidden: Array3::zeros((1, 1, STATE)),
            cell: Array3::zeros((1, 1, STATE)),
        };
        let samples = infer::read_wav(&manifest.id, &model.dir.join(&manifest.golden.input))?;
        let probabilities = vad.speech(&samples)?;
        vad.reset();
        let mean = probabilities.iter().sum::<f32>() / probabilities.len().max(1) as f32;
        compare_golden(&manifest, mean, manifest.golden.speech.unwrap_or(f32::NAN))?;
        Ok((vad, manifest))
    }

    fn state(&self, outputs: &[infer::Output], name: &str) -> Result<Array3<f32>, InferError> {
        let wrong = |message: String| InferError::Shape { model: self.manifest.id.clone(), message };
        let values = take_output(&self.manifest.id, outputs, name)?;
        values.into_shape_with_order((1, 1, STATE)).map_err(|e| wrong(e.to_string()))
    }
}

impl Vad for Silero {
    fn speech(&mut self, samples: &[f32]) -> Result<Vec<f32>, InferError> {
        let frames = samples.len() / FRAME;
        if frames == 0 {
            return Ok(Vec::new());
        }
        let samples = &samples[..frames * FRAME];
        let mut rows = Array2::<f32>::zeros((frames, CONTEXT + FRAME));
        let joined = [self.context.as_slice(), samples].concat();
        for (i, mut row) in rows.outer_iter_mut().enumerate() {
            let start = i * FRAME;
            row.iter_mut().zip(&joined[start..start + CONTEXT + FRAME]).for_each(|(to, from)| *to = *from);
        }
        let outputs = self.engine.run(&[
            Input { name: &self.manifest.input.name, values: rows.view().into_dyn() },
            Input { name: "h", values: self.hidden.view().into_dyn() },
            Input { name: "c", values: self.cell.view().into_dyn() },
        ])?;
        self.hidden = self.state(&outputs, "hn")?;
        self.cell = self.state(&outputs, "cn")?;
        self.context = samples[samples.len() - CONTEXT..].to_vec();
        let probabilities = take_output(&self.manifest.id, &outputs, "speech_probs")?;
        Ok(probabilities.iter().map(|p| p.clamp(0.0, 1.0)).take(frames).collect())
    }

    fn reset(&mut self) {
        self.context.fill(0.0);
        self.hidden.fill(0.0);
        self.cell.fill(0.0);
    }

    fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}
