//! The record stream `unmask/1`, the product's contract. In: fused evidence. Out: one JSON object a line.
//! Times are seconds in fields ending `_s`; boxes are `[x, y, w, h]` in upright source pixels.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EventKind, MediaTime, Prob, TrackId};

/// Name and version of the schema, in every `start` record.
pub const SCHEMA: &str = "unmask/1";

/// The sentence every verdict carries.
pub const SCOPE: &str = "Finding no signs does not show that a person is who they say they are; \
    signs are a reason to ask and to look, never to reject.";

/// Any record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)]
pub enum Record {
    /// First line: what is analysed, by what.
    Start(Start),
    /// One analysed frame, with or without a face.
    Frame(Frame),
    /// One window of speech.
    Voice(Voice),
    /// A moment to look at.
    Event(EventRecord),
    /// Something about the recording that a reader should know.
    Warning(Warning),
    /// The finding.
    Verdict(Verdict),
    /// Last line: what it cost. The only record that differs between equal runs.
    End(End),
}

/// First record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Start {
    /// [`SCHEMA`].
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
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
}

/// A video stream.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AudioInfo {
    /// `aac`, `opus`, …
    pub codec: String,
    /// Sampling rate before resampling.
    pub rate_hz: u32,
    /// Channels before mixing to one.
    pub channels: u32,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelInfo {
    /// Folder name under `models/`.
    pub id: String,
    /// `face_detect`, `face_score`, `vad`, `voice_score`.
    pub task: String,
    /// Of the weights, hex.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
}

/// What ran the networks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuntimeInfo {
    /// Execution provider that really ran: `cpu` or `cuda`.
    pub provider: String,
    /// Why a better provider was not used; absent when nothing was refused.
    pub provider_note: Option<String>,
    /// Version of ONNX Runtime.
    pub onnxruntime: String,
    /// Version of GStreamer.
    pub gstreamer: String,
}

/// One analysed frame.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Frame {
    /// Number of the frame in decode order, from 0.
    pub index: u64,
    /// Presentation time.
    pub pts_s: f64,
    /// Wall-clock time, RFC 3339, where the source knows it.
    pub utc: Option<String>,
    /// Every face found, by track.
    pub faces: Vec<Face>,
    /// The voice score that covers this frame.
    pub voice: VoiceState,
    /// Either modality masked; null when neither was assessed here.
    pub fused: Option<Fused>,
    /// Why something is missing.
    pub reasons: Vec<Reason>,
}

/// One face in one frame.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Face {
    /// Stable number of the person in view.
    pub track: TrackId,
    /// `[x, y, w, h]` in upright source pixels.
    pub box_px: [f64; 4],
    /// P(masked) of this frame alone; null when not scored.
    pub p_masked: Option<Prob>,
    /// Whether it was scored.
    pub state: ScoreState,
    /// How well it can be judged.
    pub quality: FaceQuality,
    /// Why it was not scored.
    pub reasons: Vec<Reason>,
}

/// See [`crate::types::Quality`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FaceQuality {
    /// Shorter side of the box in pixels.
    pub size_px: f64,
    /// About 0.1 blurred, 0.3 crisp.
    pub sharpness: f64,
    /// Turn to the side.
    pub yaw_deg: f64,
    /// Nod.
    pub pitch_deg: f64,
    /// Tilt.
    pub roll_deg: f64,
    /// Mean luma, 0..=1.
    pub exposure: f64,
    /// Part of the box outside the picture, 0..=1.
    pub cut_off: f64,
}

/// Whether a score was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreState {
    /// Scored.
    Scored,
    /// There, but not fit to be judged; see `reasons`.
    NotScored,
    /// Nothing there to score.
    Absent,
}

/// Why something was not assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No face in the frame.
    NoFace,
    /// Fewer pixels than the network was trained on.
    FaceTooSmall,
    /// Partly outside the picture.
    FaceCutOff,
    /// Turned too far to the side.
    FaceProfile,
    /// Too dark or too bright.
    FaceExposure,
    /// No speech there.
    NoSpeech,
    /// Less speech than the network needs.
    ShortSpeech,
    /// The recording has no video stream.
    NoVideoStream,
    /// The recording has no audio stream.
    NoAudioStream,
    /// Less was scored than a finding needs.
    LowCoverage,
    /// The probability lies between the thresholds.
    BetweenThresholds,
    /// The probability's range spans a threshold.
    WideRange,
    /// The probability lies above the threshold for signs.
    AboveThreshold,
    /// The probability lies below the threshold for no signs.
    BelowThreshold,
    /// Not part of this version.
    NotImplemented,
    /// Stopped before the end of the recording.
    Interrupted,
}

/// Voice at one frame.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VoiceState {
    /// P(masked) of the window whose middle is nearest; null when not scored.
    pub p_masked: Option<Prob>,
    /// Whether there is a score.
    pub state: ScoreState,
}

/// A probability with its range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Fused {
    /// P(masked).
    pub p_masked: Prob,
    /// Lower end of the 95 % range.
    pub low: Prob,
    /// Upper end of the 95 % range.
    pub high: Prob,
}

/// One window of speech.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Voice {
    /// Begin.
    pub start_s: f64,
    /// End.
    pub end_s: f64,
    /// P(masked); null when not scored.
    pub p_masked: Option<Prob>,
    /// Part of the window that is speech, 0..=1.
    pub speech_ratio: f64,
    /// Whether it was scored.
    pub state: ScoreState,
    /// Why not.
    pub reasons: Vec<Reason>,
}

/// A moment to look at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventRecord {
    /// What happened.
    pub kind: EventKind,
    /// Begin.
    pub start_s: f64,
    /// End.
    pub end_s: f64,
    /// Highest smoothed P(masked) within.
    pub score: Prob,
    /// Whose face.
    pub track: Option<TrackId>,
}

/// Something about the recording.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Warning {
    /// Short name, stable.
    pub code: String,
    /// For people.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// The finding.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Verdict {
    /// Face or voice, whichever is higher.
    pub overall: Finding,
    /// The face that shows most signs among those with enough coverage.
    pub face: Finding,
    /// The voice.
    pub voice: Finding,
    /// Lip movement against sound.
    pub sync: Finding,
    /// Virtual background and feed.
    pub background: Finding,
    /// Same face throughout.
    pub identity: Finding,
    /// Every person in view.
    pub tracks: Vec<TrackFinding>,
    /// How much was judged.
    pub coverage: Coverage,
    /// True when the run was stopped before the end of the recording.
    pub partial: bool,
    /// [`SCOPE`].
    pub scope: String,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Signs of masking.
    SignsFound,
    /// None found, with enough looked at.
    NoSignsFound,
    /// Looked at, but it does not carry a finding.
    Inconclusive,
    /// Not looked at.
    NotAssessed,
}

/// A finding about one modality.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// What can be said.
    pub result: Outcome,
    /// P(masked); null when not assessed.
    pub p_masked: Option<Prob>,
    /// Lower end of the 95 % range.
    pub low: Option<Prob>,
    /// Upper end of the 95 % range.
    pub high: Option<Prob>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A finding about one person in view.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrackFinding {
    /// Who.
    pub track: TrackId,
    /// First seen.
    pub start_s: f64,
    /// Last seen.
    pub end_s: f64,
    /// Frames with this face.
    pub frames_seen: u64,
    /// Of those, scored.
    pub frames_scored: u64,
    /// What can be said.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How much was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Length of the analysed video.
    pub video_s: f64,
    /// Length of the analysed sound.
    pub audio_s: f64,
    /// Length of the sound that is covered by scored speech windows.
    pub speech_s: f64,
    /// Analysed frames.
    pub frames_seen: u64,
    /// Of those, with a scored face.
    pub frames_scored: u64,
}

/// Last record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct End {
    /// What it cost.
    pub stats: Stats,
}

/// Costs of a run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Stats {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// Processor seconds.
    pub cpu_s: CpuSeconds,
    /// Analysed frames over wall-clock seconds.
    pub frames_per_s: f64,
    /// Seconds of recording analysed in one second.
    pub realtime_factor: f64,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Frames dropped because the analysis could not follow (live sources only).
    pub frames_dropped: u64,
    /// Fullest each queue has been, in items.
    pub queue_high_water: QueueHighWater,
    /// Largest resident memory of the process so far, MiB.
    pub peak_memory_mib: f64,
}

/// Processor seconds by stage. Decoding is `total` less the others.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct CpuSeconds {
    /// Whole process during this run.
    pub total: f64,
    /// Inside ONNX Runtime.
    pub networks: f64,
    /// Sampling pictures, tracking, alignment, quality.
    pub face: f64,
    /// Windows and speech detection outside ONNX Runtime.
    pub voice: f64,
    /// Fusing and writing records.
    pub fuse: f64,
}

/// Fullest each queue has been.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct QueueHighWater {
    /// Detected frames that wait for scoring.
    pub detected: usize,
    /// Scored frames that wait for the voice branch.
    pub observed: usize,
    /// Voice windows that wait for frames.
    pub windows: usize,
}

/// Seconds with six decimals, as records carry them.
pub fn secs(time: MediaTime) -> f64 {
    round(time.as_secs(), 6)
}

/// `value` rounded to `decimals` decimals; zero when not finite.
pub fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { 0.0 }
}
