//! What some work cost. In: the work. Out: wall and processor seconds, and the most memory it held.

use std::time::{Duration, Instant};

use crate::infer::process_cpu_time;
use crate::pipeline::peak_memory_mib;

/// One measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// Processor seconds of all threads.
    pub cpu_s: f64,
    /// Largest resident memory of the process meanwhile, MiB.
    pub peak_memory_mib: f64,
    /// Frames that were handled, of all streams.
    pub frames: u64,
    /// Median and 95th percentile of the delay to a record in milliseconds; live only.
    pub delays_ms: Option<(f64, f64)>,
    /// Frames left out because the analysis could not follow; live only.
    pub dropped: u64,
}

impl Cost {
    /// Does the work and counts.
    pub fn of<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(Self, T), E> {
        forget_peak();
        let (wall, cpu) = (Instant::now(), process_cpu_time());
        let done = work()?;
        let spent: Duration = process_cpu_time().saturating_sub(cpu);
        let cost = Self {
            wall_s: wall.elapsed().as_secs_f64(),
            cpu_s: spent.as_secs_f64(),
            peak_memory_mib: peak_memory_mib(),
            ..Self::default()
        };
        Ok((cost, done))
    }
}

/// Linux forgets the largest resident memory so far when asked (proc(5), `clear_refs`); elsewhere the peak is that of the
/// process so far.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_its_error_handed_on() {
        let (cost, sum) = Cost::of(|| Ok::<_, ()>((0..3_000_000u64).map(std::hint::black_box).sum::<u64>())).unwrap();
        assert_eq!(sum, 2_999_999 * 3_000_000 / 2);
        assert!(cost.cpu_s > 0.0 && cost.wall_s > 0.0 && cost.peak_memory_mib > 1.0, "{cost:?}");
        assert_eq!(Cost::of(|| Err::<(), _>("no")).unwrap_err(), "no");
    }
}
