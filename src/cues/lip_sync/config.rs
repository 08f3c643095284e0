//! When lips and voice are compared, and what is told. In: nothing, or a TOML table. Out: thresholds and their bounds.

use serde::{Deserialize, Serialize};

/// Thresholds of the lip-sync cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LipSyncConfig {
    /// Faces with a shorter side below this are not measured.
    pub min_size_px: f32,
    /// Faces turned further are not measured.
    pub max_yaw_deg: f32,
    /// Length of a window.
    pub window_s: f64,
    /// Windows with less speech are not measured.
    pub min_speech_s: f64,
    /// The opening of still lips spreads less within a second (standard deviation, share of the face's luma).
    pub still: f32,
    /// The opening of moving lips spreads more.
    pub moving: f32,
    /// A shorter stretch of speech without lips, or of lips without speech, is none.
    pub apart_s: f64,
    /// Sound that comes later, or earlier, by so much is told.
    pub late_ms: f64,
    /// Lags of neighbouring windows that differ more have jumped.
    pub jump_ms: f64,
    /// So many jumps within a minute are jitter.
    pub jumps: u32,
    /// Lags with a lower confidence are not relied on.
    pub sure: f64,
}

impl Default for LipSyncConfig {
    fn default() -> Self {
        Self {
            min_size_px: 64.0,
            max_yaw_deg: 40.0,
            window_s: 8.0,
            min_speech_s: 1.0,
            still: 0.0015,
            moving: 0.006,
            apart_s: 5.0,
            late_ms: 125.0,
            jump_ms: 150.0,
            jumps: 3,
            sure: 0.95,
        }
    }
}

impl LipSyncConfig {
    /// Key, value, least, most and the bounds in words.
    pub(crate) fn bounds(&self) -> [(&'static str, f64, f64, f64, &'static str); 11] {
        [
            ("cues.lip_sync.min_size_px", self.min_size_px.into(), 0.0, 1e5, "0 to 100000"),
            ("cues.lip_sync.max_yaw_deg", self.max_yaw_deg.into(), 0.0, 90.0, "0 to 90"),
            ("cues.lip_sync.window_s", self.window_s, 3.0, 20.0, "3 to 20"),
            ("cues.lip_sync.min_speech_s", self.min_speech_s, 0.1, self.window_s, "0.1 to cues.lip_sync.window_s"),
            ("cues.lip_sync.still", self.still.into(), 0.0, self.moving.into(), "0 to cues.lip_sync.moving"),
            ("cues.lip_sync.moving", self.moving.into(), 0.0, 1.0, "0 to 1"),
            ("cues.lip_sync.apart_s", self.apart_s, 1.0, 3600.0, "1 to 3600"),
            ("cues.lip_sync.late_ms", self.late_ms, 0.0, 700.0, "0 to 700"),
            ("cues.lip_sync.jump_ms", self.jump_ms, 10.0, 1400.0, "10 to 1400"),
            ("cues.lip_sync.jumps", self.jumps.into(), 1.0, 100.0, "1 to 100"),
            ("cues.lip_sync.sure", self.sure, 0.5, 1.0, "0.5 to 1"),
        ]
    }
}
