//! Evidence: what the networks say of one frame or one window of speech.

use std::sync::Arc;
use std::time::SystemTime;

use super::record::Reason;
use super::{BoxPx, Glance, Landmarks, Look, MediaTime, Quality, TimeSpan, TrackId, VoiceProfile};

/// One face in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceEvidence {
    /// Whose face.
    pub track: TrackId,
    /// Where.
    pub bbox: BoxPx,
    /// The five points, in upright source pixels.
    pub landmarks: Landmarks,
    /// The detector's confidence that this is a face, 0..=1.
    pub confidence: f32,
    /// How well it can be judged.
    pub quality: Quality,
    /// How far the mouth is open: how dark it is, as a share of the face's median luma, about 0 to 0.7. `None` when
    /// the crop is black.
    pub mouth_open: Option<f32>,
    /// The aligned face, thumbnail size.
    pub look: Look,
    /// Whose face it is, in numbers, in the frames where it was asked. It lives in memory only: no record has a place
    /// for it.
    pub embedding: Option<Arc<[f32]>>,
    /// Calibrated log-odds of "masked"; `None` when it was not scored.
    pub logit: Option<f32>,
    /// Why it was not scored.
    pub reasons: Vec<Reason>,
}

/// One analysed frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameEvidence {
    /// Number of the frame in decode order.
    pub index: u64,
    /// When.
    pub pts: MediaTime,
    /// When the frame came, for live sources.
    pub utc: Option<SystemTime>,
    /// Every face, by track.
    pub faces: Vec<FaceEvidence>,
    /// The whole picture.
    pub glance: Glance,
}

/// A run of sound, spoken or not.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundEvidence {
    /// When.
    pub span: TimeSpan,
    /// Level between 300 and 3400 Hz of each [`SoundEvidence::STEP`] in decibels of full scale, −100 and above.
    pub level_db: Vec<f32>,
    /// Probability of speech in each [`SoundEvidence::FRAME`], 0..=1.
    pub speech: Vec<f32>,
}

impl SoundEvidence {
    /// What one level covers: 8 ms.
    pub const STEP: MediaTime = MediaTime(8_000_000);
    /// What one probability of speech covers: 32 ms.
    pub const FRAME: MediaTime = MediaTime(32_000_000);
}

/// One window of speech.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceEvidence {
    /// When.
    pub span: TimeSpan,
    /// Part of the span that is speech, 0..=1.
    pub speech_ratio: f32,
    /// Calibrated log-odds of "masked"; `None` when it was not scored.
    pub logit: Option<f32>,
    /// Pitch and vocal tract; `None` when it was not scored or too little of it is voiced.
    pub profile: Option<VoiceProfile>,
    /// Whose voice it is, in numbers, in the windows where it was asked. It lives in memory only.
    pub embedding: Option<Arc<[f32]>>,
    /// Why it was not scored.
    pub reasons: Vec<Reason>,
}
