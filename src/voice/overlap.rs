//! Overlapping speech. In: windows of speech. Out: for how long two or more people speak at once in each.
//!
//! A speaker segmentation network (A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker
//! diarization", Interspeech 2023) says of every 17 ms who of up to three speakers speaks: nobody, one of them, or two.
//! It hears a whole window at once and costs as much as a score, so windows that share their sound share its answer.

use std::time::Duration;

use ndarray::ArrayView3;

use super::WINDOW;
use crate::infer::{
    self, Engine, EngineSpec, InferError, Input, Manifest, ModelStore, Runtime, Task, compare_golden, take_output,
};
use crate::types::{AudioChunk, MediaTime, SpeechWindow};

/// The output's name: rows of natural logarithms.
const OUTPUT: &str = "output";

/// What the network tells apart: nobody, each of three speakers, each pair of them.
const CLASSES: usize = 7;

/// The first class with two speakers.
const PAIRS: usize = 4;

/// Samples between the middles of two frames.
const STEP: i64 = 270;

/// Sample in the middle of the first frame.
const FIRST: i64 = 495;

/// What one run of the network heard.
struct Heard {
    start: MediaTime,
    /// Times at which several spoke at once, one [`STEP`] each.
    overlaps: Vec<MediaTime>,
}

/// Finds overlapping speech in a stream of windows.
pub struct OverlapFinder {
    engine: Box<dyn Engine>,
    manifest: Manifest,
    last: Option<Heard>,
}

impl OverlapFinder {
    /// Loads a network and checks it against its golden.
    pub fn load(runtime: &Runtime, store: &ModelStore, id: &str) -> Result<Self, InferError> {
        let model = store.find_for(id, Task::SpeakerSegment)?;
        let engine = infer::build(EngineSpec::Onnx(runtime), &model)?;
        let mut finder = Self::new(engine, model.manifest.clone())?;
        let samples = infer::read_wav(&model.manifest.id, &model.dir.join(&model.manifest.golden.input))?;
        let several = finder.several(&samples)?;
        let mean = several.iter().sum::<f32>() / several.len().max(1) as f32;
        compare_golden(&finder.manifest, mean, finder.manifest.golden.overlap.unwrap_or(f32::NAN))?;
        Ok(finder)
    }

    /// From an engine and the manifest it answers to.
    pub fn new(engine: Box<dyn Engine>, manifest: Manifest) -> Result<Self, InferError> {
        if manifest.input.size != [WINDOW] {
            let message = format!("input.size must be [{WINDOW}]");
            return Err(InferError::Shape { model: manifest.id.clone(), message });
        }
        Ok(Self { engine, manifest, last: None })
    }

    /// The model's description.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Forgets what was heard: the next window begins a new stream.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// Seconds of this window in which several people speak at once. The network listens when the window begins
    /// `every_s` or more after the last one that it heard; of any other only the part heard then is known.
    pub fn overlap_s(&mut self, window: &SpeechWindow, every_s: f64) -> Result<f32, InferError> {
        let rests = |last: &Heard| (window.span.start - last.start).as_secs() + 1e-6 < every_s;
        let heard = match self.last.take().filter(rests) {
            Some(heard) => heard,
            None => self.hear(window)?,
        };
        let within = heard.overlaps.iter().filter(|at| (window.span.start..window.span.end).contains(*at)).count();
        self.last = Some(heard);
        Ok(within as f32 * STEP as f32 / AudioChunk::RATE_HZ as f32)
    }

    fn hear(&mut self, window: &SpeechWindow) -> Result<Heard, InferError> {
        let several = self.several(&window.samples)?;
        let time = |frame: usize| {
            window.span.start + MediaTime::from_samples(FIRST + STEP * frame as i64, AudioChunk::RATE_HZ)
        };
        let overlaps = several.iter().enumerate().filter(|(_, p)| **p > 0.5).map(|(frame, _)| time(frame)).collect();
        Ok(Heard { start: window.span.start, overlaps })
    }

    /// P(two or more speakers at once) of each frame of [`WINDOW`] samples.
    fn several(&mut self, samples: &[f32]) -> Result<Vec<f32>, InferError> {
        let wrong = |message: String| InferError::Shape { model: self.manifest.id.clone(), message };
        let values = ArrayView3::from_shape((1, 1, WINDOW), samples).map_err(|e| wrong(e.to_string()))?.into_dyn();
        let outputs = self.engine.run(&[Input { name: &self.manifest.input.name, values }])?;
        let logs = take_output(&self.manifest.id, &outputs, OUTPUT)?;
        let frames = logs.len() / CLASSES;
        let logs = logs.into_shape_with_order((frames, CLASSES)).map_err(|e| wrong(e.to_string()))?;
        Ok(logs.outer_iter().map(|frame| frame.iter().skip(PAIRS).map(|log| log.exp()).sum()).collect())
    }

    /// Processor time spent inside the network so far.
    pub fn cpu_time(&self) -> Duration {
        self.engine.cpu_time()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::ArrayD;
    use proptest::prelude::*;

    use super::*;
    use crate::infer::FakeEngine;
    use crate::types::TimeSpan;

    /// Hears two people where a sample is above one half; counts its runs.
    fn finder() -> (OverlapFinder, Arc<AtomicUsize>) {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let engine = FakeEngine::new(OUTPUT, move |input| {
            counted.fetch_add(1, Ordering::Relaxed);
            let frames = (WINDOW as i64 - 2 * FIRST) / STEP + 1;
            ArrayD::from_shape_fn(vec![1, frames as usize, CLASSES], |at| {
                let loud = input.values[[0, 0, (FIRST + STEP * at[1] as i64) as usize]] > 0.5;
                if at[2] == if loud { PAIRS } else { 1 } { 0.0 } else { -30.0 }
            })
        });
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/speaker-segmentation");
        (OverlapFinder::new(Box::new(engine), Manifest::read(&dir).unwrap()).unwrap(), runs)
    }

    /// The window from `start` on of a call in which two people speak from `from` to `to`, all in seconds.
    fn window(start: f64, (from, to): (f64, f64)) -> SpeechWindow {
        let time = |sample: usize| start + sample as f64 / 16_000.0;
        let samples = (0..WINDOW).map(|i| if (from..to).contains(&time(i)) { 1.0 } else { 0.0 }).collect();
        let span = TimeSpan { start: MediaTime::from_secs(start), end: MediaTime::from_secs(start + 4.0) };
        SpeechWindow { span, samples, speech_ratio: 1.0, speech_s: 4.0 }
    }

    #[test]
    fn windows_share_an_answer_and_the_next_stream_has_its_own() {
        let (mut finder, runs) = finder();
        for start in [0.0, 1.0, 2.0, 3.0, 4.0] {
            finder.overlap_s(&window(start, (0.0, 0.0)), 2.0).unwrap();
        }
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        finder.reset();
        assert!(finder.overlap_s(&window(5.0, (5.0, 6.0)), 2.0).unwrap() > 0.9);
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn of_a_window_that_was_not_heard_the_shared_part_is_known() {
        let (mut finder, _) = finder();
        let both = (2.0, 4.5);
        assert!((finder.overlap_s(&window(0.0, both), 2.0).unwrap() - 2.0).abs() < 0.1);
        assert!((finder.overlap_s(&window(1.0, both), 2.0).unwrap() - 2.0).abs() < 0.1, "not what comes after 4 s");
        assert!((finder.overlap_s(&window(2.0, both), 2.0).unwrap() - 2.5).abs() < 0.1);
    }

    #[test]
    fn what_fills_a_short_window_up_does_not_count() {
        let (mut finder, _) = finder();
        let mut short = window(0.0, (0.0, 4.0));
        short.span.end = MediaTime::from_secs(1.6);
        assert!((finder.overlap_s(&short, 2.0).unwrap() - 1.6).abs() < 0.1);
    }

    #[test]
    fn another_shape_is_an_error() {
        let (finder, _) = finder();
        let engine = FakeEngine::new(OUTPUT, |_| ArrayD::zeros(vec![1, 10, 3]));
        let mut other = OverlapFinder::new(Box::new(engine), finder.manifest).unwrap();
        assert!(matches!(other.overlap_s(&window(0.0, (0.0, 0.0)), 2.0), Err(InferError::Shape { .. })));
    }

    proptest! {
        #[test]
        fn an_overlap_is_measured_wherever_it_lies(from in 0.1f64..3.0, length in 0.1f64..2.0) {
            let (mut finder, _) = finder();
            let inside = (from + length).min(3.9) - from;
            let found = finder.overlap_s(&window(10.0, (10.0 + from, 10.0 + from + inside)), 2.0).unwrap();
            prop_assert!((f64::from(found) - inside).abs() < 0.04);
        }
    }
}
