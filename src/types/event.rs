//! Events: moments a reviewer should look at.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Prob, TimeSpan, TrackId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The face network's smoothed score stayed above the alert threshold.
    FaceSuspicious,
    /// The voice network's score stayed above the alert threshold.
    VoiceSuspicious,
    /// The face network's score rose far above what the same face gave before.
    FaceChanged,
    /// The voice network's score rose far above what was heard before.
    VoiceChanged,
    /// Pitch and formants moved together against the speech before.
    VoiceShifted,
    /// The camera gave a plain picture, or none was to be seen.
    CameraOff,
    /// The background has hardly any detail beside a sharp face.
    BackgroundBlurred,
    /// The picture stood still.
    VideoFrozen,
    /// The picture repeated an earlier stretch.
    VideoLooped,
    /// The picture changed its size.
    PictureResized,
    /// The sound came early or late against the lips, and stayed so.
    LipSyncLag,
    /// How late the sound came jumped again and again.
    LipSyncJitter,
    /// There was speech while the only face's lips were still.
    SpeechWithoutLips,
    /// The lips moved without speech.
    LipsWithoutSpeech,
}

/// What an event means for the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventClass {
    /// Speaks for masking.
    Sign,
    /// Explains the recording; honest calls have it, too.
    Context,
}

impl EventKind {
    /// What it means.
    pub fn class(self) -> EventClass {
        match self {
            Self::FaceSuspicious
            | Self::VoiceSuspicious
            | Self::FaceChanged
            | Self::LipSyncJitter
            | Self::VideoLooped => EventClass::Sign,
            Self::VoiceChanged
            | Self::VoiceShifted
            | Self::CameraOff
            | Self::BackgroundBlurred
            | Self::VideoFrozen
            | Self::PictureResized => EventClass::Context,
            Self::LipSyncLag | Self::SpeechWithoutLips | Self::LipsWithoutSpeech => EventClass::Context,
        }
    }

    /// Why a reviewer should look, in one sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::FaceSuspicious => "the face looks put on by a tool, to a network that was shown such faces",
            Self::VoiceSuspicious => "the voice sounds made by a machine, to a network that heard such voices",
            Self::FaceChanged => "the same face looked more like a true one earlier in the call",
            Self::VoiceChanged => "another voice, or the same through something new: compare who speaks",
            Self::VoiceShifted => "a changer moves pitch and formants; another speaker does, too: listen who speaks",
            Self::CameraOff => "nothing can be said of the face while the camera is off",
            Self::BackgroundBlurred => {
                "a blurred or virtual background, or a plain wall, hides the room; many honest people have one"
            }
            Self::VideoFrozen => "a still picture hides what happens; connections that stall do the same",
            Self::VideoLooped => {
                "a camera never gives the same moving pictures twice; a recording played in a loop does"
            }
            Self::PictureResized => "the sender or the connection changed the picture's size",
            Self::LipSyncLag => "the sound and the lips are apart by a constant time; connections do that",
            Self::LipSyncJitter => "lips and voice of one camera and microphone keep their distance; here it jumps",
            Self::SpeechWithoutLips => {
                "somebody speaks, but not these lips: the other side of the call, or a voice from elsewhere"
            }
            Self::LipsWithoutSpeech => "the lips move and nothing is heard; a muted microphone does the same",
        }
    }
}

/// A measured value: its name with the unit as last part, such as `lag_ms`, and the value.
pub type Measure = (&'static str, f64);

/// One moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub span: TimeSpan,
    /// For scores the highest smoothed P(masked) within; for cues how clear it was, 0..=1.
    pub score: Prob,
    /// Whose face, for face events.
    pub track: Option<TrackId>,
    /// What was measured.
    pub detail: Vec<Measure>,
}
