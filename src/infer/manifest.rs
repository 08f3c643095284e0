//! `model.toml`. In: the file beside the weights. Out: a checked description; see `models/README.md`.

use std::path::Path;

use serde::Deserialize;

use super::InferError;
use crate::config::one_line;
use crate::types::record::ModelInfo;

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Finds faces and their five points.
    FaceDetect,
    /// Says how likely a face is masked.
    FaceScore,
    /// Turns a face into numbers that are near each other for one person.
    FaceEmbed,
    /// Finds speech.
    Vad,
    /// Says how likely a voice is masked.
    VoiceScore,
    /// Turns a voice into numbers that are near each other for one speaker.
    VoiceEmbed,
    /// Says when each of several speakers speaks.
    SpeakerSegment,
}

impl Task {
    /// Whether its networks take any number of samples in one run; the others are given one at a time.
    pub fn takes_batches(self) -> bool {
        matches!(self, Self::FaceScore | Self::FaceEmbed)
    }

    /// As in `model.toml` and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::FaceDetect => "face_detect",
            Self::FaceScore => "face_score",
            Self::FaceEmbed => "face_embed",
            Self::Vad => "vad",
            Self::VoiceScore => "voice_score",
            Self::VoiceEmbed => "voice_embed",
            Self::SpeakerSegment => "speaker_segment",
        }
    }
}

/// Output form of networks that are not scorers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// YuNet.
    Yunet,
    /// RetinaFace with a MobileNet-0.25 trunk.
    Retinaface,
    /// Silero VAD, 16 kHz sequence form.
    Silero,
    /// One row a face or voice, in an output named `embedding`.
    Embedding,
    /// pyannote's segmentation 3.0: nobody, one of three speakers, or two of them, every 270 samples.
    Powerset,
}

/// Order of the channels a network expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// Red first.
    #[default]
    Rgb,
    /// Blue first.
    Bgr,
}

/// Layout of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, sample.
    Nt,
}

/// From outputs to a probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// One logit a sample.
    Sigmoid,
    /// Two logits a sample.
    Softmax,
}

/// The input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Name in the graph.
    pub name: String,
    /// Layout.
    pub layout: Layout,
    /// Width and height, or samples.
    pub size: Vec<usize>,
    /// Pictures: order of channels.
    #[serde(default)]
    pub color: Color,
    /// Sound: sampling rate.
    pub rate_hz: Option<u32>,
}

/// From 0..=255 to the network's numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessSpec {
    /// Aligned faces: where the five landmarks go, in units of the crop.
    pub template: Option<[[f32; 2]; 5]>,
    /// Subtracted from `value / 255`, by channel.
    pub mean: [f32; 3],
    /// Divides the rest, by channel.
    pub std: [f32; 3],
}

/// The output of a scorer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Name in the graph.
    pub name: String,
    /// What to apply.
    pub activation: Activation,
    /// Which column means masked.
    #[serde(default)]
    pub masked_index: usize,
}

/// Platt scaling: p = sigmoid(scale · logit + offset).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationSpec {
    /// Factor.
    pub scale: f32,
    /// Summand.
    pub offset: f32,
    /// On what it was fitted.
    pub fitted_on: String,
}

/// The network's answer to a committed input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenSpec {
    /// File beside `model.toml`.
    pub input: String,
    /// Scorers: calibrated P(masked).
    pub p_masked: Option<f32>,
    /// Detectors: the best face.
    pub box_px: Option<[f32; 4]>,
    /// VAD: mean probability.
    pub speech: Option<f32>,
    /// Embedders: the first values.
    pub embedding: Option<Vec<f32>>,
    /// Speaker segmentation: mean probability that several speak at once.
    pub overlap: Option<f32>,
    /// Largest difference.
    pub tolerance: f32,
}

/// A whole `model.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The folder's name.
    pub id: String,
    /// What it is for.
    pub task: Task,
    /// Output form, for networks that are not scorers.
    pub family: Option<Family>,
    /// The weights' file name.
    pub file: String,
    /// SHA-256 of the weights, hex.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    /// False: loads only with an explicit flag.
    pub commercial_use: bool,
    /// Where it comes from.
    pub origin: String,
    /// What it says and where it fails, in two lines, for whoever reads a report.
    pub about: Option<String>,
    /// The input.
    pub input: InputSpec,
    /// Pictures only.
    pub preprocess: Option<PreprocessSpec>,
    /// Scorers only.
    pub output: Option<OutputSpec>,
    /// Scorers only; absent: uncalibrated.
    pub calibration: Option<CalibrationSpec>,
    /// The committed example.
    pub golden: GoldenSpec,
}

impl Manifest {
    /// Reads and checks `dir/model.toml`.
    pub fn read(dir: &Path) -> Result<Self, InferError> {
        let path = dir.join("model.toml");
        let bad = |message: String| InferError::Manifest { path: path.clone(), message };
        let text = std::fs::read_to_string(&path).map_err(|e| bad(e.to_string()))?;
        let manifest: Self = toml::from_str(&text).map_err(|e| bad(one_line(&e, &text)))?;
        let folder = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if manifest.id != folder {
            return Err(bad(format!("id is {}, but the folder is named {folder}", manifest.id)));
        }
        manifest.check().map_err(bad)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let scorer = matches!(self.task, Task::FaceScore | Task::VoiceScore);
        let aligned = matches!(self.task, Task::FaceScore | Task::FaceEmbed);
        let picture = aligned || self.task == Task::FaceDetect;
        let sides = if picture { 2 } else { 1 };
        let layout = if picture { Layout::Nchw } else { Layout::Nt };
        let golden = &self.golden;
        let embedding = golden.embedding.as_ref().is_some_and(|e| !e.is_empty());
        let (speech, overlap) = (golden.speech.is_some(), golden.overlap.is_some());
        let answers = [golden.p_masked.is_some(), golden.box_px.is_some(), speech, embedding, overlap];
        let embeds = matches!(self.task, Task::FaceEmbed | Task::VoiceEmbed);
        let is = |task| self.task == task;
        let wanted = [scorer, is(Task::FaceDetect), is(Task::Vad), embeds, is(Task::SpeakerSegment)];
        let rules = [
            (self.file.contains(['/', '\\']) || golden.input.contains(['/', '\\']), "files lie beside model.toml"),
            (self.input.size.len() != sides || self.input.size.contains(&0), "input.size does not fit the task"),
            (self.input.layout != layout, "input.layout does not fit the task"),
            (!picture && self.input.rate_hz != Some(16_000), "input.rate_hz must be 16000"),
            (scorer != self.output.is_some(), "[output] is for scorers, and they need it"),
            (scorer == self.family.is_some(), "family is for networks that are not scorers, and they need it"),
            (picture != self.preprocess.is_some(), "[preprocess] is for pictures, and they need it"),
            (aligned && self.template().is_none(), "preprocess.template is missing"),
            (
                answers != wanted,
                "[golden] needs p_masked (scorers), box_px (detectors), speech (VAD), embedding (embedders) or overlap \
                 (speaker segmentation)",
            ),
        ];
        match rules.into_iter().find(|(broken, _)| *broken) {
            Some((_, message)) => Err(message.into()),
            None => Ok(()),
        }
    }

    /// Where the landmarks go, for networks that take aligned faces.
    pub fn template(&self) -> Option<[[f32; 2]; 5]> {
        self.preprocess.as_ref().and_then(|p| p.template)
    }

    /// What records say of the model.
    pub fn info(&self) -> ModelInfo {
        ModelInfo {
            id: self.id.clone(),
            task: self.task.name().into(),
            sha256: self.sha256.clone(),
            licence: self.licence.clone(),
            about: self.about.clone(),
        }
    }
}
