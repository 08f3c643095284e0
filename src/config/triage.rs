//! How a recording is looked at in haste (`--triage`).

use serde::{Deserialize, Serialize};

use super::live::Row;

/// Key frames first, then the most doubtful stretches closely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TriageConfig {
    /// Key frames are looked at no nearer to each other, in seconds.
    pub every_s: f64,
    /// With key frames further apart than this, in seconds, everything is decoded.
    pub sparse_s: f64,
    /// Share of the recording that is then looked at closely, most doubtful first.
    pub share: f64,
    /// But at least so many seconds.
    pub least_s: f64,
    /// Frames a second there, unless `fps` says.
    pub fps: f64,
    /// Elsewhere, after each eight seconds of sound, so many are not listened to.
    pub rest_s: f64,
    /// `voice.hop_s` meanwhile: windows that hardly share their sound.
    pub hop_s: f64,
    /// `face.embed_hz` meanwhile.
    pub embed_hz: f64,
    /// `voice.embed_every_s` meanwhile.
    pub embed_every_s: f64,
}

impl Default for TriageConfig {
    fn default() -> Self {
        Self {
            every_s: 4.0,
            sparse_s: 15.0,
            share: 0.1,
            least_s: 30.0,
            fps: 5.0,
            rest_s: 32.0,
            hop_s: 4.0,
            embed_hz: 0.2,
            embed_every_s: 16.0,
        }
    }
}

impl TriageConfig {
    /// What each value may be.
    pub(super) fn bounds(&self) -> [Row; 9] {
        let day = 86_400.0;
        [
            ("triage.every_s", self.every_s, 0.1, 60.0, "0.1 to 60"),
            ("triage.sparse_s", self.sparse_s, 1.0, day, "1 to 86400"),
            ("triage.share", self.share, 0.0, 1.0, "0 to 1"),
            ("triage.least_s", self.least_s, 0.0, day, "0 to 86400"),
            ("triage.fps", self.fps, 0.001, 1000.0, "0.001 to 1000"),
            ("triage.rest_s", self.rest_s, 0.0, day, "0 to 86400"),
            ("triage.hop_s", self.hop_s, 0.1, 4.0, "0.1 to 4"),
            ("triage.embed_hz", self.embed_hz, 0.1, 60.0, "0.1 to 60"),
            ("triage.embed_every_s", self.embed_every_s, 0.0, day, "0 to 86400"),
        ]
    }
}
