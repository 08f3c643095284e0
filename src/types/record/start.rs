//! The first record: the recording, the networks, and what runs them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// First record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub tool_version: String,
    /// The recording.
    pub source: SourceInfo,
    /// Every network that takes part.
    pub models: Vec<ModelInfo>,
    /// What runs them.
    pub runtime: RuntimeInfo,
    /// SHA-256 of the resolved configuration, hex.
    pub config_sha256: String,
}

/// The recording as found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceInfo {
    /// Path or URI, without credentials.
    pub uri: String,
    /// SHA-256 of the file, hex; absent for network sources.
    pub sha256: Option<String>,
    /// Size of the file in bytes; absent for network sources.
    pub bytes: Option<u64>,
    /// Container format as the demuxer names it.
    pub container: Option<String>,
    /// Declared length in seconds.
    pub duration_s: Option<f64>,
    /// The video stream that is analysed.
    pub video: Option<VideoInfo>,
    /// The audio stream that is analysed.
    pub audio: Option<AudioInfo>,
    /// Whether the file carries a C2PA manifest, which is not verified; absent where one has no place. That there is
    /// none is no sign.
    pub c2pa: Option<bool>,
}

/// A video stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoInfo {
    /// `h264`, `vp9`, …
    pub codec: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Declared frames a second; absent when variable.
    pub fps: Option<f64>,
}

/// An audio stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AudioInfo {
    /// `aac`, `opus`, …
    pub codec: String,
    /// Sampling rate before resampling.
    pub rate_hz: u32,
    /// Channels before mixing to one.
    pub channels: u32,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelInfo {
    /// Folder name under `models/`.
    pub id: String,
    /// What it is for, as in `model.toml`: `face_score`, `vad`, …
    pub task: String,
    /// Of the weights, hex.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    /// What it says and where it fails, for people.
    pub about: Option<String>,
}

/// What ran the networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeInfo {
    /// Execution provider that really ran: `cpu`, `cuda`, `tensorrt`, or a plug-in's own name.
    pub provider: String,
    /// Why a better provider was not used; absent when nothing was refused.
    pub provider_note: Option<String>,
    /// Version of ONNX Runtime.
    pub onnxruntime: String,
    /// Version of GStreamer.
    pub gstreamer: String,
}
