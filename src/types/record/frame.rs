//! What comes while the recording is analysed: frames, windows of speech, events, warnings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{round, secs};
use crate::types::{Event, EventClass, EventKind, Prob, TrackId};

/// One analysed frame.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Number of the frame in decode order, from 0.
    pub index: u64,
    /// Presentation time.
    pub pts_s: f64,
    /// When the frame reached this machine, RFC 3339 with milliseconds; live sources only.
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
    /// More than one face in view: whose voice it is cannot be told.
    SeveralFaces,
    /// Too few frames a second to follow the lips.
    LowFrameRate,
    /// No speech there.
    NoSpeech,
    /// Less speech than the network needs.
    ShortSpeech,
    /// Speech hardly stands out of the noise around it.
    VoiceNoisy,
    /// Much of the sound is steady tones, as in music.
    VoiceMusic,
    /// Several people speak at once.
    VoiceOverlap,
    /// The recording has no video stream.
    NoVideoStream,
    /// The recording has no audio stream.
    NoAudioStream,
    /// Less was scored than a finding needs.
    LowCoverage,
    /// The probability lies too near the threshold for signs.
    NearThreshold,
    /// The probability lies above the threshold for signs.
    AboveThreshold,
    /// The probability lies below the threshold for signs.
    BelowThreshold,
    /// Events that speak for masking cover enough of the call.
    SignsInPart,
    /// The picture never repeated an earlier stretch.
    FeedMoves,
    /// The picture repeated an earlier stretch.
    FeedLooped,
    /// The lips follow the voice, early or late.
    LipsFollowVoice,
    /// How late the sound is jumps again and again.
    LagJumps,
    /// No lag fits lips and voice clearly.
    NoClearLag,
    /// The lips are still while there is speech.
    SpeechWithoutLips,
    /// The same face throughout.
    SameFace,
    /// Another face shows for moments.
    FaceJumps,
    /// The face becomes another's.
    FaceChanges,
    /// Hardly a clear view of the face.
    FaceUnclear,
    /// Only some frames were looked at, and some sound was listened to (`--triage`).
    OnlySampled,
    /// Stopped before the end of the recording.
    Interrupted,
    /// The recording could not be read to its end.
    BrokenOff,
}

/// Voice at one frame.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct VoiceState {
    /// P(masked) of the window whose middle is nearest; null when not scored.
    pub p_masked: Option<Prob>,
    /// Whether there is a score.
    pub state: ScoreState,
}

/// A probability with its range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fused {
    /// P(masked).
    pub p_masked: Prob,
    /// Lower end of the 95 % range.
    pub low: Prob,
    /// Upper end of the 95 % range.
    pub high: Prob,
}

/// One window of speech.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EventRecord {
    /// What happened.
    pub kind: EventKind,
    /// Begin.
    pub start_s: f64,
    /// End.
    pub end_s: f64,
    /// Whether it speaks for masking or only explains the recording.
    pub class: EventClass,
    /// For `face_suspicious` and `voice_suspicious` the highest smoothed P(masked) within; else how clear it was.
    pub score: Prob,
    /// Whose face.
    pub track: Option<TrackId>,
    /// What was measured; each name ends in its unit.
    pub detail: BTreeMap<String, f64>,
    /// Why it matters, in one sentence.
    pub why: String,
}

impl From<&Event> for EventRecord {
    fn from(event: &Event) -> Self {
        Self {
            kind: event.kind,
            start_s: secs(event.span.start),
            end_s: secs(event.span.end),
            class: event.kind.class(),
            score: event.score,
            track: event.track,
            detail: event.detail.iter().map(|(name, value)| ((*name).to_owned(), round(*value, 3))).collect(),
            why: event.kind.why().into(),
        }
    }
}

/// Something about the recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Short name, stable.
    pub code: String,
    /// For people.
    pub message: String,
    /// How often.
    pub count: u64,
}
