//! The last record: what the run cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Last record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// What it cost.
    pub stats: Stats,
}

/// Costs of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// Processor seconds.
    pub cpu_s: CpuSeconds,
    /// Analysed frames over wall-clock seconds.
    pub frames_per_s: f64,
    /// Seconds of recording analysed in one second.
    pub realtime_factor: f64,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Frames dropped because the analysis could not follow (live sources only).
    pub frames_dropped: u64,
    /// How far behind live the records were; live sources only.
    pub live: Option<LiveStats>,
    /// Fullest each queue has been, in items.
    pub queue_high_water: QueueHighWater,
    /// Largest resident memory of the process so far, MiB.
    pub peak_memory_mib: f64,
}

/// How a live stream went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveStats {
    /// Median time from a frame's arrival, decoded, to its record; milliseconds.
    pub delay_p50_ms: f64,
    /// 95th percentile of the same.
    pub delay_p95_ms: f64,
    /// The longest.
    pub delay_max_ms: f64,
    /// How often the stream was away.
    pub gaps: u64,
    /// For how long in all.
    pub gap_s: f64,
}

/// Processor seconds by stage. Decoding is `total` less the others.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct CpuSeconds {
    /// Whole process during this run.
    pub total: f64,
    /// Inside ONNX Runtime.
    pub networks: f64,
    /// Sampling pictures, tracking, alignment, quality.
    pub face: f64,
    /// Windows and speech detection outside ONNX Runtime.
    pub voice: f64,
    /// Fusing and writing records.
    pub fuse: f64,
    /// Of all these, what only the cues need: embedding faces, thumbnails, lips, levels, pitch, and the cues themselves.
    pub cues: f64,
}

/// Fullest each queue has been.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueueHighWater {
    /// Detected frames that wait for scoring.
    pub detected: usize,
    /// Scored frames that wait for the voice branch.
    pub observed: usize,
    /// Voice windows that wait for frames.
    pub windows: usize,
}
