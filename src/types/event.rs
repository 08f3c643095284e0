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
    /// The camera gave a plain picture, or none was to be seen.
    CameraOff,
    /// The picture stood still.
    VideoFrozen,
    /// The picture repeated an earlier stretch.
    VideoLooped,
    /// The picture changed its size.
    PictureResized,
    /// Another face showed for a moment.
    IdentityJump,
    /// The face became another's and stayed so.
    IdentityChange,
    /// The face moved slowly away from what it was.
    IdentityDrift,
    /// Another person came, behind a cut or a pause.
    PersonChange,
    /// The head turned to the side.
    ProfileTurn,
    /// The head moved fast.
    FastMotion,
    /// The light on the face changed.
    LightChange,
    /// Something was before the face.
    FaceCovered,
    /// The face gave way at a turn, a motion, a cover or a change of light.
    ChallengeBroken,
    /// The light on the face changed later than the light around it.
    LightLag,
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
            Self::FaceSuspicious | Self::VoiceSuspicious | Self::VideoLooped => EventClass::Sign,
            Self::IdentityJump | Self::IdentityChange => EventClass::Sign,
            Self::ChallengeBroken | Self::LightLag => EventClass::Sign,
            Self::CameraOff | Self::VideoFrozen | Self::PictureResized => EventClass::Context,
            Self::IdentityDrift | Self::PersonChange => EventClass::Context,
            Self::ProfileTurn | Self::FastMotion | Self::LightChange | Self::FaceCovered => EventClass::Context,
        }
    }

    /// Why a reviewer should look, in one sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::FaceSuspicious => "the face looks put on by a tool, to a network that was shown such faces",
            Self::VoiceSuspicious => "the voice sounds made by a machine, to a network that heard such voices",
            Self::CameraOff => "nothing can be said of the face while the camera is off",
            Self::VideoFrozen => "a still picture hides what happens; connections that stall do the same",
            Self::VideoLooped => {
                "a camera never gives the same moving pictures twice; a recording played in a loop does"
            }
            Self::PictureResized => "the sender or the connection changed the picture's size",
            Self::IdentityJump => "for a moment another face shows in the same place, as when a mask slips",
            Self::IdentityChange => "from here on the face is another's, though the camera did not cut",
            Self::IdentityDrift => "the face slowly looks less like it did at first; light and pose do that, too",
            Self::PersonChange => "behind a cut or a pause another person is in view",
            Self::ProfileTurn => "masks often tear when the head turns to the side: compare before, during and after",
            Self::FastMotion => "masks often lag behind a fast head: compare before, during and after",
            Self::LightChange => "masks often keep the old light: compare the face with the neck and the room",
            Self::FaceCovered => "masks often tear or show through when something is before the face",
            Self::ChallengeBroken => "the face held before and after, but gave way at this moment, as a mask does",
            Self::LightLag => "the face took the new light later than the room; a mask is computed late, skin is not",
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
