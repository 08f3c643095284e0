//! The figures of a run. In: costs. Out: rows and ratios, as `unmask bench --json` prints them.

use std::num::NonZero;

use serde::Serialize;

use super::Cost;
use crate::types::record::round;

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this program.
    pub tool_version: &'static str,
    /// What it ran on.
    pub machine: Machine,
    /// What was analysed.
    pub clip: Clip,
    /// Decoding and networks without anything else over the whole scan, in processor seconds, of the first combination
    /// measured.
    pub efficiency: Option<f64>,
    /// The same of every combination.
    pub efficiencies: Vec<Efficiency>,
    /// A row a combination.
    pub rows: Vec<Row>,
    /// What the networks were asked.
    pub asked: Vec<Asked>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub(super) fn new(clip: Clip) -> Self {
        Self {
            tool_version: env!("CARGO_PKG_VERSION"),
            machine: Machine::here(),
            clip,
            efficiency: None,
            efficiencies: Vec::new(),
            rows: Vec::new(),
            asked: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The machine.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// As the processor calls itself.
    pub processor: String,
    /// Processors this process may use.
    pub processors: usize,
    /// Tasks that wanted a processor in the minute before (`/proc/loadavg`): above zero, figures are not of a quiet machine.
    pub load_before: f64,
}

impl Machine {
    fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = info.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(':'));
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: name.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned()),
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
            load_before: load.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0),
        }
    }
}

/// The clip.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Clip {
    /// Path or address.
    pub name: String,
    /// Declared length.
    pub duration_s: f64,
    /// Codec of the pictures.
    pub codec: Option<String>,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Declared frames a second.
    pub fps: Option<f64>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Loading and checking the networks.
    Load,
    /// Opening the clip and decoding pictures and sound, throwing both away.
    Decode,
    /// The networks' runs of a whole scan once more, without anything else; processor seconds are those inside the runtime.
    Networks,
    /// Decoding, and beside it the networks' runs, as busy as a scan keeps the machine: a processor that shares caches and
    /// clock with another is slower beside it than alone.
    Bare,
    /// The whole scan, its records thrown away.
    Whole,
    /// The clip played by the clock, as `unmask watch` takes it.
    Live,
}

impl Work {
    /// As in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Decode => "decode only",
            Self::Networks => "networks only",
            Self::Bare => "decode + networks",
            Self::Whole => "whole scan",
            Self::Live => "live",
        }
    }
}

/// One combination; of several rounds each figure is the median.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What ran the networks.
    pub provider: String,
    /// Streams at once.
    pub streams: NonZero<usize>,
    /// Frames a second that are analysed; null: every frame.
    pub fps: Option<f64>,
    /// What was done.
    pub work: Work,
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// Processor seconds of all streams.
    pub cpu_s: f64,
    /// Processor seconds for a second of one stream.
    pub cpu_s_per_stream_s: f64,
    /// Frames that were handled, of all streams.
    pub frames: u64,
    /// Frames over wall-clock seconds.
    pub frames_per_s: f64,
    /// Seconds of recording, of all streams, in one second.
    pub realtime_factor: f64,
    /// Largest resident memory of the process meanwhile, MiB.
    pub peak_memory_mib: f64,
    /// Median time from a frame's arrival, decoded, to its record; live only.
    pub delay_p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub delay_p95_ms: Option<f64>,
    /// Frames left out because the analysis could not follow; live only.
    pub frames_dropped: Option<u64>,
}

impl Row {
    /// Of the costs of several rounds; `clip_s` is the clip's length.
    pub(super) fn new(
        provider: &str,
        streams: NonZero<usize>,
        fps: Option<f64>,
        work: Work,
        costs: &[Cost],
        clip_s: f64,
    ) -> Self {
        let of = |value: &dyn Fn(&Cost) -> f64| median(&costs.iter().map(value).collect::<Vec<_>>());
        let (wall_s, cpu_s, all_s) = (of(&|c| c.wall_s), of(&|c| c.cpu_s), clip_s * streams.get() as f64);
        let frames = costs.first().map_or(0, |c| c.frames);
        let per = |value: f64, by: f64| if by > 0.0 { round(value / by, 4) } else { 0.0 };
        let delays = costs.first().and_then(|c| c.delays_ms);
        Self {
            provider: provider.into(),
            streams,
            fps,
            work,
            wall_s: round(wall_s, 3),
            cpu_s: round(cpu_s, 3),
            cpu_s_per_stream_s: per(cpu_s, all_s),
            frames,
            frames_per_s: round(per(frames as f64, wall_s), 1),
            realtime_factor: if work == Work::Load { 0.0 } else { round(per(all_s, wall_s), 2) },
            peak_memory_mib: round(of(&|c| c.peak_memory_mib), 1),
            delay_p50_ms: delays.map(|d| d.0),
            delay_p95_ms: delays.map(|d| d.1),
            frames_dropped: delays.and_then(|_| costs.first().map(|c| c.dropped)),
        }
    }
}

/// What a network was asked in a whole scan, by shape of its input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// What ran it.
    pub provider: String,
    /// Streams at once.
    pub streams: NonZero<usize>,
    /// Frames a second that are analysed; null: every frame.
    pub fps: Option<f64>,
    /// Its id.
    pub network: String,
    /// Shape of its first input, the batch first.
    pub input: Vec<usize>,
    /// Runs, of all streams.
    pub times: u64,
}

/// Decoding and networks over the whole scan, in processor seconds: what could at best be saved is the rest.
#[derive(Debug, Clone, Serialize)]
pub struct Efficiency {
    /// What ran the networks.
    pub provider: String,
    /// Streams at once.
    pub streams: NonZero<usize>,
    /// Frames a second that are analysed; null: every frame.
    pub fps: Option<f64>,
    /// Both at the same time ([`Work::Bare`]); the median over the rounds of the ratio of each.
    pub efficiency: f64,
    /// The sum of each alone ([`Work::Decode`], [`Work::Networks`]), likewise.
    pub apart: f64,
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.as_slice() {
        [] => 0.0,
        all if all.len() % 2 == 1 => all[middle],
        all => (all[middle - 1] + all[middle]) / 2.0,
    }
}

/// In words.
pub(super) fn rate_name(fps: Option<f64>) -> String {
    fps.map_or_else(|| "every frame".into(), |fps| format!("{fps} fps"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_medians_over_rounds_and_sums_over_streams() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0])), (0.0, 2.0, 1.5));
        let cost = |cpu_s: f64| Cost { wall_s: 2.0, cpu_s, frames: 600, ..Cost::default() };
        let two = NonZero::new(2).unwrap();
        let row = Row::new("cpu", two, Some(5.0), Work::Whole, &[cost(4.0), cost(9.0), cost(3.0)], 10.0);
        assert_eq!((row.cpu_s, row.cpu_s_per_stream_s, row.frames_per_s, row.realtime_factor), (4.0, 0.2, 300.0, 10.0));
        assert_eq!(row.delay_p50_ms, None);
    }
}
