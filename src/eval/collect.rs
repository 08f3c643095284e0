//! What a scan said of a clip. In: its records. Out: the findings, each scored frame's probability, the face's size.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::report::{ReportError, Sink};
use crate::types::record::{Finding, Frame, Outcome, Record, Start, Verdict, round};
use crate::types::{EventClass, Prob};

/// What was said of one modality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Said {
    /// The finding.
    pub result: Outcome,
    /// P(masked); null when not assessed.
    pub p_masked: Option<Prob>,
}

impl From<&Finding> for Said {
    fn from(finding: &Finding) -> Self {
        Self { result: finding.result, p_masked: finding.p_masked }
    }
}

/// What a scan said of a clip.
#[derive(Debug, Clone, Serialize)]
pub struct ClipResult {
    /// Of the face.
    pub face: Said,
    /// Of the voice.
    pub voice: Said,
    /// Of both.
    pub overall: Said,
    /// Median shorter side of the scored faces' boxes.
    pub face_px: Option<f64>,
    /// Mean sharpness of the scored faces, as the verdict weighs it.
    pub sharpness: Option<f64>,
    /// Mean exposure of the same.
    pub exposure: Option<f64>,
    /// Length of what was analysed, in seconds.
    pub length_s: f64,
    /// When each event that speaks for masking began, in seconds.
    pub alerts_s: Vec<f64>,
    /// P(masked) of the most suspicious face of each frame.
    pub frames: Vec<Prob>,
    /// P(masked) of each window of speech.
    pub windows: Vec<Prob>,
}

#[derive(Debug, Default)]
struct Collected {
    start: Option<Start>,
    verdict: Option<Verdict>,
    frames: Vec<Prob>,
    windows: Vec<Prob>,
    sizes: Vec<f64>,
    sharpness: Vec<f64>,
    exposure: Vec<f64>,
    alerts_s: Vec<f64>,
}

/// A sink that keeps what an evaluation needs; cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Collector(Arc<Mutex<Collected>>);

impl Collector {
    /// Takes what was collected: the start record and the result, when the scan came to its verdict.
    pub fn take(&self) -> Option<(Start, ClipResult)> {
        let mut collected = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (start, verdict) = (collected.start?, collected.verdict?);
        collected.sizes.sort_by(f64::total_cmp);
        let mean =
            |values: &[f64]| (!values.is_empty()).then(|| round(values.iter().sum::<f64>() / values.len() as f64, 3));
        let result = ClipResult {
            face: (&verdict.face).into(),
            voice: (&verdict.voice).into(),
            overall: (&verdict.overall).into(),
            face_px: collected.sizes.get(collected.sizes.len() / 2).map(|s| round(*s, 1)),
            sharpness: mean(&collected.sharpness),
            exposure: mean(&collected.exposure),
            length_s: verdict.coverage.video_s.max(verdict.coverage.audio_s),
            alerts_s: collected.alerts_s,
            frames: collected.frames,
            windows: collected.windows,
        };
        Some((start, result))
    }
}

impl Collected {
    fn frame(&mut self, frame: &Frame) {
        let scored = frame.faces.iter().filter_map(|f| Some((f.p_masked?, &f.quality)));
        if let Some((p, quality)) = scored.max_by(|a, b| a.0.get().total_cmp(&b.0.get())) {
            self.frames.push(p);
            self.sizes.push(quality.size_px);
            self.sharpness.push(quality.sharpness);
            self.exposure.push(quality.exposure);
        }
    }
}

impl Sink for Collector {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match record {
            Record::Start(start) => collected.start = Some(start.clone()),
            Record::Frame(frame) => collected.frame(frame),
            Record::Voice(voice) => collected.windows.extend(voice.p_masked),
            Record::Verdict(verdict) => collected.verdict = Some(verdict.clone()),
            Record::Event(event) if event.class == EventClass::Sign => collected.alerts_s.push(event.start_s),
            Record::Event(_) | Record::Warning(_) | Record::End(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}
