//! Events: moments a reviewer should look at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Prob, TimeSpan, TrackId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
    /// A voice spoke that was not heard before.
    SpeakerChanged,
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
    /// A live stream was away.
    StreamGap,
}

/// What an event means for the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
            | Self::IdentityJump
            | Self::IdentityChange
            | Self::ChallengeBroken
            | Self::LightLag
            | Self::VideoLooped => EventClass::Sign,
            Self::VoiceChanged
            | Self::VoiceShifted
            | Self::SpeakerChanged
            | Self::CameraOff
            | Self::BackgroundBlurred
            | Self::VideoFrozen
            | Self::PictureResized
            | Self::LipSyncLag
            | Self::SpeechWithoutLips
            | Self::LipsWithoutSpeech
            | Self::IdentityDrift
            | Self::PersonChange
            | Self::ProfileTurn
            | Self::FastMotion
            | Self::LightChange
            | Self::FaceCovered
            | Self::StreamGap => EventClass::Context,
        }
    }

    /// As in records: `face_suspicious`.
    pub fn name(self) -> String {
        // A variant without fields always serialises as a string.
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What happened, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::FaceSuspicious => "face looks masked",
            Self::VoiceSuspicious => "voice sounds masked",
            Self::FaceChanged => "face looks masked from here on",
            Self::VoiceChanged => "voice sounds different",
            Self::VoiceShifted => "pitch and formants shift",
            Self::SpeakerChanged => "another voice speaks",
            Self::CameraOff => "camera off",
            Self::BackgroundBlurred => "background has no detail",
            Self::VideoFrozen => "picture stands still",
            Self::VideoLooped => "video plays in a loop",
            Self::PictureResized => "picture size changes",
            Self::LipSyncLag => "sound and lips apart",
            Self::LipSyncJitter => "sound and lips drift to and fro",
            Self::SpeechWithoutLips => "speech, lips still",
            Self::LipsWithoutSpeech => "lips move, no speech",
            Self::IdentityJump => "another face for a moment",
            Self::IdentityChange => "the face becomes another's",
            Self::IdentityDrift => "the face slowly changes",
            Self::PersonChange => "another person comes",
            Self::ProfileTurn => "head turned to the side",
            Self::FastMotion => "head moves fast",
            Self::LightChange => "light changes",
            Self::FaceCovered => "something before the face",
            Self::ChallengeBroken => "the face gives way",
            Self::LightLag => "light comes late to the face",
            Self::StreamGap => "stream away",
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
            Self::SpeakerChanged => {
                "a voice not heard before: the other side, another person, or a changer: listen who speaks"
            }
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
            Self::StreamGap => "nothing was seen or heard until the connection was back",
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
