//! The verdict: what can be said of the whole recording, and on how much it rests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Reason, secs};
use crate::types::{Prob, TimeSpan, TrackId};

/// The finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Signs anywhere are signs of the call; the probability is the face's unless the voice shows signs.
    pub overall: Finding,
    /// The face that shows most signs among those with enough coverage.
    pub face: Finding,
    /// The voice.
    pub voice: Finding,
    /// Lip movement against sound.
    pub sync: SyncFinding,
    /// The pictures come from a camera and not from a loop; what is behind the person is context.
    pub background: Finding,
    /// Same face throughout.
    pub identity: Finding,
    /// Every person in view.
    pub tracks: Vec<TrackFinding>,
    /// How much was judged.
    pub coverage: Coverage,
    /// True when the run was stopped, or the recording broke off, before its end.
    pub partial: bool,
    /// [`super::SCOPE`].
    pub scope: String,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl Outcome {
    /// As in records: `signs_found`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignsFound => "signs_found",
            Self::NoSignsFound => "no_signs_found",
            Self::Inconclusive => "inconclusive",
            Self::NotAssessed => "not_assessed",
        }
    }
}

/// A finding about one modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// What can be said of lips and voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncFinding {
    /// What can be said.
    #[serde(flatten)]
    pub finding: Finding,
    /// How late the sound is; null when lips and voice were not compared.
    pub lag: Option<SyncLag>,
}

/// How late the sound is against the lips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncLag {
    /// Milliseconds, positive when the sound comes late.
    pub lag_ms: f64,
    /// How often unrelated lips and voice would fit worse, 0..=1: with a low one the lag means little.
    pub confidence: f64,
    /// Standard deviation of the lag over the call; null with fewer than two sure windows.
    pub jitter_ms: Option<f64>,
}

/// A finding about one person in view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// A stretch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Closely {
    /// Begin.
    pub start_s: f64,
    /// End.
    pub end_s: f64,
}

impl From<&TimeSpan> for Closely {
    fn from(span: &TimeSpan) -> Self {
        Self { start_s: secs(span.start), end_s: secs(span.end) }
    }
}

/// How much was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Only with `--triage`: the stretches whose pictures were looked at closely, most doubtful first. Of the rest key
    /// frames were seen, each of which counts for at most a second of `video_s`; the sound was heard throughout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closely: Option<Vec<Closely>>,
}
