//! How the voice branch listens.

use serde::{Deserialize, Serialize};

use super::live::Row;

/// Voice branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoiceConfig {
    /// Model id of the voice activity detector.
    pub vad: String,
    /// Model id of the scorer.
    pub scorer: String,
    /// Model id of the embedder.
    pub embedder: String,
    /// Model id of the network that hears several speakers at once.
    pub segmenter: String,
    /// It listens to a window that begins so long after the last one it heard; windows between share its answer.
    pub segment_every_s: f64,
    /// Windows in which several people speak at once for longer, in seconds, are not scored.
    pub max_overlap_s: f32,
    /// A scored window is embedded when the last one that was began so long before.
    pub embed_every_s: f64,
    /// Time between the starts of windows within one stretch of speech.
    pub hop_s: f64,
    /// Windows with less speech are not scored.
    pub min_speech_s: f64,
    /// Voice activity at or above this is speech.
    pub vad_threshold: f32,
    /// Windows whose levels (95th over 10th percentile) span less, in decibels, are too noisy to be scored.
    pub min_level_range_db: f32,
    /// Windows with a larger share of power in steady tones are music and not scored.
    pub max_tonal_share: f32,
}

impl Default for VoiceConfig {
    fn default() -> Self {
        Self {
            vad: "silero-vad".into(),
            scorer: "voice-spectrum".into(),
            embedder: "voice-embed".into(),
            segmenter: "speaker-segmentation".into(),
            segment_every_s: 2.0,
            max_overlap_s: 0.5,
            embed_every_s: 4.0,
            hop_s: 1.0,
            min_speech_s: 1.5,
            vad_threshold: 0.5,
            min_level_range_db: 12.0,
            max_tonal_share: 0.15,
        }
    }
}

impl VoiceConfig {
    /// What each value may be.
    pub(super) fn bounds(&self) -> [Row; 8] {
        let day = 86_400.0;
        [
            ("voice.hop_s", self.hop_s, 0.1, 4.0, "0.1 to 4"),
            ("voice.segment_every_s", self.segment_every_s, 0.0, 4.0, "0 to 4"),
            ("voice.max_overlap_s", self.max_overlap_s.into(), 0.0, 4.0, "0 to 4"),
            ("voice.embed_every_s", self.embed_every_s, 0.0, day, "0 to 86400"),
            ("voice.min_speech_s", self.min_speech_s, 0.0, 4.0, "0 to 4"),
            ("voice.vad_threshold", self.vad_threshold.into(), 0.0, 1.0, "0 to 1"),
            ("voice.min_level_range_db", self.min_level_range_db.into(), 0.0, 100.0, "0 to 100"),
            ("voice.max_tonal_share", self.max_tonal_share.into(), 0.0, 1.0, "0 to 1"),
        ]
    }
}
