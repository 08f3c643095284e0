//! How a live stream is watched.

use serde::{Deserialize, Serialize};

/// How a live stream is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LiveConfig {
    /// Frames a second that are analysed while nothing stands out; `fps` wins over it.
    pub fps: f64,
    /// Frames a second while something is suspicious or a challenge goes on; none: every frame.
    pub full_fps: Option<f64>,
    /// For how long the full rate stays after the last reason for it.
    pub attention_s: f64,
    /// A source that gives nothing for so long is connected anew.
    pub stall_s: f64,
    /// Longest wait between two tries to connect; the first is a quarter of a second, each next twice as long.
    pub max_wait_s: f64,
    /// A source that stays away for so long has ended.
    pub give_up_s: f64,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { fps: 10.0, full_fps: None, attention_s: 3.0, stall_s: 5.0, max_wait_s: 10.0, give_up_s: 120.0 }
    }
}

/// Key, value, lowest, highest, and the bounds in words.
pub(super) type Row = (&'static str, f64, f64, f64, &'static str);

impl LiveConfig {
    /// What each value may be.
    pub(super) fn bounds(&self) -> [Row; 6] {
        let day = 86_400.0;
        [
            ("live.fps", self.fps, 0.001, 1000.0, "0.001 to 1000"),
            ("live.full_fps", self.full_fps.unwrap_or(1.0), 0.001, 1000.0, "0.001 to 1000"),
            ("live.attention_s", self.attention_s, 0.0, day, "0 to 86400"),
            ("live.stall_s", self.stall_s, 0.5, day, "0.5 to 86400"),
            ("live.max_wait_s", self.max_wait_s, 0.25, day, "0.25 to 86400"),
            ("live.give_up_s", self.give_up_s, 0.0, day, "0 to 86400"),
        ]
    }
}
