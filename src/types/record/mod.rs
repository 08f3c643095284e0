//! The record stream `unmask/1`, the product's contract. In: fused evidence. Out: one JSON object a line.
//! Times are seconds in fields ending `_s`; boxes are `[x, y, w, h]` in upright source pixels.

mod finding;
mod frame;
mod start;
mod stats;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use finding::{Closely, Coverage, Finding, Outcome, SyncFinding, SyncLag, TrackFinding, Verdict};
pub use frame::{EventRecord, Face, FaceQuality, Frame, Fused, Reason, ScoreState, Voice, VoiceState, Warning};
pub use start::{AudioInfo, ModelInfo, RuntimeInfo, SourceInfo, Start, VideoInfo};
pub use stats::{CpuSeconds, End, LiveStats, QueueHighWater, Stats};

use super::MediaTime;

/// Name and version of the schema, in every `start` record.
pub const SCHEMA: &str = "unmask/1";

/// The sentence every verdict carries.
pub const SCOPE: &str = "Finding no signs does not show that a person is who they say they are; \
    signs are a reason to ask and to look, never to reject.";

/// Any record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)]
pub enum Record {
    /// First line: what is analysed, by what.
    Start(Start),
    /// One analysed frame, with or without a face.
    Frame(Frame),
    /// One window of speech.
    Voice(Voice),
    /// A moment to look at.
    Event(EventRecord),
    /// Something about the recording that a reader should know.
    Warning(Warning),
    /// The finding.
    Verdict(Verdict),
    /// Last line: what it cost. The only record that differs between equal runs.
    End(End),
}

/// Seconds with six decimals, as records carry them.
pub fn secs(time: MediaTime) -> f64 {
    round(time.as_secs(), 6)
}

/// `value` rounded to `decimals` decimals; zero when not finite.
pub fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { 0.0 }
}
