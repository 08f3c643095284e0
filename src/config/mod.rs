//! Configuration. In: a TOML file, or nothing. Out: values that are complete and within their bounds.

mod live;
mod triage;
mod user;
mod verdict;
mod voice;

pub use live::LiveConfig;
pub use triage::TriageConfig;
pub use user::{secret, seed, user_file};
pub use verdict::{OperatingPoint, PoorPoint, VerdictConfig};
pub use voice::VoiceConfig;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cues::{
    BackgroundConfig, ChallengeConfig, FeedConfig, IdentityConfig, LipSyncConfig, RiseConfig, SpeakerConfig,
    VoiceShiftConfig,
};
use crate::link::LinkConfig;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {message}", path = path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Line and reason.
        message: String,
    },
    /// A value is out of bounds.
    #[error("{key} = {value} is out of bounds: give {bounds}")]
    OutOfBounds {
        /// Dotted key.
        key: String,
        /// What was given.
        value: String,
        /// What is allowed.
        bounds: &'static str,
    },
}

/// Where networks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The plug-in of --ep-lib if it works, else CUDA, else the processor, saying why.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA or an error.
    Cuda,
    /// TensorRT or an error; each start builds engines, which takes minutes: for long calls, not for a service.
    Tensorrt,
    /// The plug-in of --ep-lib (WebGPU, TensorRT-RTX) or an error.
    Plugin,
}

/// Everything that shapes a run. Two equal configurations give equal records on equal input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Frames a second to analyse; none: every frame.
    pub fps: Option<f64>,
    /// Face branch.
    pub face: FaceConfig,
    /// Voice branch.
    pub voice: VoiceConfig,
    /// Physical cues.
    pub cues: CuesConfig,
    /// From evidence to a finding.
    pub verdict: VerdictConfig,
    /// How live streams are watched.
    pub live: LiveConfig,
    /// How recordings are looked at in haste; none: they are looked at whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triage: Option<TriageConfig>,
    /// What is refused.
    pub limits: Limits,
    /// What runs the networks.
    pub runtime: RuntimeConfig,
    /// When calls show one person; changes no record.
    #[serde(skip_serializing)]
    pub link: LinkConfig,
}

/// Face branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaceConfig {
    /// Model id of the detector.
    pub detector: String,
    /// Model id of the scorer.
    pub scorer: String,
    /// Model id of the embedder.
    pub embedder: String,
    /// How often a second a calm face is embedded; doubtful moments at most as often again.
    pub embed_hz: f64,
    /// Longest side of the detector's input in pixels; a multiple of 32.
    pub detect_side_px: u32,
    /// The whole picture is searched so often at least; in between faces are looked for where they were. 0: every time.
    pub whole_every_s: f64,
    /// Lowest detector score that starts a track.
    pub min_score: f32,
    /// Faces with a shorter side below this are not scored.
    pub min_size_px: f32,
    /// Faces turned further are not scored.
    pub max_yaw_deg: f32,
    /// Faces with more of the box outside the picture are not scored.
    pub max_cut_off: f32,
}

/// Physical cues, a table each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CuesConfig {
    /// Blurred or replaced background.
    pub background: BackgroundConfig,
    /// Camera off, frozen, looped or resized pictures.
    pub feed: FeedConfig,
    /// Scores that rise within the call.
    pub rise: RiseConfig,
    /// A voice that becomes another.
    pub voice_shift: VoiceShiftConfig,
    /// A voice that was not heard before.
    pub speaker: SpeakerConfig,
    /// Lips against the voice.
    pub lip_sync: LipSyncConfig,
    /// The same face throughout.
    pub identity: IdentityConfig,
    /// Moments at which masks fail.
    pub challenge: ChallengeConfig,
}

/// What is refused, checked before memory is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest recording.
    pub max_duration_s: f64,
    /// Most pixels in a frame.
    pub max_pixels: u64,
    /// Largest file, and most that is read from standard input.
    pub max_bytes: u64,
    /// Most streams in a container.
    pub max_tracks: u32,
    /// A source that gives nothing for so long is given up.
    pub stall_s: f64,
}

/// What runs the networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// Where.
    pub device: Device,
    /// Fail when the networks do not run on a GPU.
    pub require_gpu: bool,
    /// ONNX Runtime's shared library; none: looked for.
    #[serde(skip_serializing)]
    pub ort_lib: Option<PathBuf>,
    /// Shared library of a plug-in execution provider; none: no plug-in.
    #[serde(skip_serializing)]
    pub ep_lib: Option<PathBuf>,
    /// Folder of the models; none: looked for.
    #[serde(skip_serializing)]
    pub models_dir: Option<PathBuf>,
    /// Load models whose licence forbids commercial use.
    pub allow_noncommercial: bool,
}

/// Where this machine has what runs the networks, which records and bundles do not tell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Places {
    ort_lib: Option<PathBuf>,
    ep_lib: Option<PathBuf>,
    models_dir: Option<PathBuf>,
}

impl RuntimeConfig {
    /// For another process on this machine, which reads a configuration without them.
    pub fn places(&self) -> Places {
        Places { ort_lib: self.ort_lib.clone(), ep_lib: self.ep_lib.clone(), models_dir: self.models_dir.clone() }
    }

    /// What another process has told.
    pub fn set_places(&mut self, places: Places) {
        Places { ort_lib: self.ort_lib, ep_lib: self.ep_lib, models_dir: self.models_dir } = places;
    }
}

impl Default for FaceConfig {
    fn default() -> Self {
        Self {
            detector: "yunet".into(),
            scorer: "face-lite160".into(),
            embedder: "face-embed".into(),
            embed_hz: 2.0,
            detect_side_px: 640,
            whole_every_s: 1.0,
            min_score: 0.6,
            min_size_px: 48.0,
            max_yaw_deg: 60.0,
            max_cut_off: 0.3,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_duration_s: 12.0 * 3600.0,
            max_pixels: 8192 * 4608,
            max_bytes: 64 << 30,
            max_tracks: 64,
            stall_s: 30.0,
        }
    }
}

impl CuesConfig {
    /// Every threshold of a cue is a length, a distance, a rate or a share: a number, and none is negative.
    fn validate(&self) -> Result<(), ConfigError> {
        // A struct of plain values always serialises; what is not a number becomes null.
        let cues = serde_json::to_value(self).unwrap_or_default();
        for (cue, fields) in cues.as_object().into_iter().flatten() {
            for (field, value) in fields.as_object().into_iter().flatten() {
                if !value.as_f64().is_some_and(|number| number >= 0.0) && !value.is_boolean() {
                    let (key, value) = (format!("cues.{cue}.{field}"), value.to_string());
                    return Err(ConfigError::OutOfBounds { key, value, bounds: "a number of 0 or more" });
                }
            }
        }
        Ok(())
    }
}

impl Config {
    /// Reads `path`; keys it does not name keep their defaults, keys it should not have are errors.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|e| ConfigError::Malformed { path: path.to_owned(), message: one_line(&e, &text) })?;
        config.validate()?;
        Ok(if config.triage.is_some() { config.in_haste() } else { config })
    }

    /// Refuses values out of bounds, and what is not a number.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (face, verdict, limits) = (&self.face, &self.verdict, &self.limits);
        let side = if face.detect_side_px.is_multiple_of(32) { f64::from(face.detect_side_px) } else { 0.0 };
        let day = 86_400.0;
        let rows = [
            ("fps", self.fps.unwrap_or(1.0), 0.001, 1000.0, "0.001 to 1000"),
            ("face.detect_side_px", side, 64.0, 2048.0, "a multiple of 32 from 64 to 2048"),
            ("face.whole_every_s", face.whole_every_s, 0.0, 60.0, "0 to 60"),
            ("face.embed_hz", face.embed_hz, 0.1, 60.0, "0.1 to 60"),
            ("face.min_score", face.min_score.into(), 0.0, 1.0, "0 to 1"),
            ("face.max_cut_off", face.max_cut_off.into(), 0.0, 1.0, "0 to 1"),
            ("face.min_size_px", face.min_size_px.into(), 0.0, 1e5, "0 to 100000"),
            ("face.max_yaw_deg", face.max_yaw_deg.into(), 0.0, 90.0, "0 to 90"),
            ("verdict.face.seen_share", verdict.face.seen_share.into(), 0.01, 1.0, "0.01 to 1"),
            ("verdict.voice.seen_share", verdict.voice.seen_share.into(), 0.01, 1.0, "0.01 to 1"),
            ("verdict.face.signs_at", verdict.face.signs_at.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.face.alarm_at", verdict.face.alarm_at.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.face.false_alarms", verdict.face.false_alarms.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.voice.signs_at", verdict.voice.signs_at.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.voice.alarm_at", verdict.voice.alarm_at.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.voice.false_alarms", verdict.voice.false_alarms.into(), 0.0, 1.0, "0 to 1"),
            ("verdict.min_face_s", verdict.min_face_s, 0.0, day, "0 to 86400"),
            ("verdict.min_voice_s", verdict.min_voice_s, 0.0, day, "0 to 86400"),
            ("verdict.min_signs_s", verdict.min_signs_s, 0.1, day, "0.1 to 86400"),
            ("link.same_face_at", self.link.same_face_at.into(), 0.0, 2.0, "0 to 2"),
            ("link.different_face_at", self.link.different_face_at.into(), 0.0, 2.0, "0 to 2"),
            ("link.same_voice_at", self.link.same_voice_at.into(), 0.0, 2.0, "0 to 2"),
            ("link.different_voice_at", self.link.different_voice_at.into(), 0.0, 2.0, "0 to 2"),
            ("limits.max_duration_s", limits.max_duration_s, 0.1, 30.0 * day, "0.1 to 2592000"),
            ("limits.stall_s", limits.stall_s, 0.1, day, "0.1 to 86400"),
        ];
        let all =
            rows.into_iter().chain(self.voice.bounds()).chain(self.cues.lip_sync.bounds()).chain(self.live.bounds());
        let mut all = all.chain(self.triage.iter().flat_map(TriageConfig::bounds));
        let outside = all.find(|(_, value, low, high, _)| !(low..=high).contains(&value));
        match outside {
            Some((key, value, _, _, bounds)) => {
                Err(ConfigError::OutOfBounds { key: key.into(), value: value.to_string(), bounds })
            }
            None => self.verdict.validate().and_then(|()| self.cues.validate()),
        }
    }

    /// Looks in haste from now on: rates of the face and voice branches become those of `triage`.
    #[must_use]
    pub fn in_haste(mut self) -> Self {
        let triage = self.triage.take().unwrap_or_default();
        self.fps = self.fps.or(Some(triage.fps));
        self.voice.hop_s = self.voice.hop_s.max(triage.hop_s);
        self.voice.embed_every_s = self.voice.embed_every_s.max(triage.embed_every_s);
        self.face.embed_hz = self.face.embed_hz.min(triage.embed_hz);
        Self { triage: Some(triage), ..self }
    }

    /// Everything that can change a record, on one line; [`Config::sha256`] is of these bytes.
    pub fn json(&self) -> String {
        // A struct of plain values always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of everything that can change a record, hex.
    pub fn sha256(&self) -> String {
        crate::infer::hex(&Sha256::digest(self.json().as_bytes()))
    }
}

/// A TOML error as one line: where, and what.
pub(crate) fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|s| text.get(..s.start).unwrap_or_default().lines().count().max(1));
    let place = line.map(|n| format!("line {n}: ")).unwrap_or_default();
    format!("{place}{}", error.message().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_has_a_stable_hash() {
        let config = Config::default();
        config.validate().unwrap();
        assert_eq!(config.sha256(), Config::default().sha256());
        let other = Config { fps: Some(5.0), ..Config::default() };
        assert_ne!(config.sha256(), other.sha256());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, "[face]\nscorre = \"x\"\n").unwrap();
        let message = Config::load(&path).unwrap_err().to_string();
        assert!(message.contains("scorre") && message.contains("c.toml"), "{message}");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        let mut config = Config::default();
        config.face.max_yaw_deg = f32::NAN;
        assert!(config.validate().unwrap_err().to_string().starts_with("face.max_yaw_deg = NaN"));
        let mut config = Config::default();
        config.cues.rise.min_rise = -1.0;
        assert!(config.validate().unwrap_err().to_string().starts_with("cues.rise.min_rise = -1"));
        config.cues.rise.min_rise = f32::NAN;
        assert!(config.validate().is_err());
        let mut config = Config::default();
        config.verdict.min_face_s = f64::NAN;
        assert!(config.validate().is_err());
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_the_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, "fps = -1.0\n").unwrap();
        let message = Config::load(&path).unwrap_err().to_string();
        assert!(message.starts_with("fps = -1 is out of bounds"), "{message}");
    }
}
