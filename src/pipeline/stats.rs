//! What a run cost. In: counters that stages share. Out: the `end` record.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::infer::{process_cpu_time, thread_cpu_time};
use crate::media::LiveState;
use crate::types::record::{Coverage, CpuSeconds, LiveStats, QueueHighWater, Stats, round};

/// Delays are counted by the millisecond up to this many; 40 kB.
const DELAYS_MS: usize = 10_000;

/// How long frames took from their arrival to their record.
#[derive(Debug, Default)]
pub struct Delays {
    counts: Vec<u32>,
    total: u64,
    longest_ms: f64,
}

impl Delays {
    /// Adds one.
    pub fn push(&mut self, delay: Duration) {
        self.counts.resize(DELAYS_MS, 0);
        let ms = delay.as_secs_f64() * 1e3;
        if let Some(count) = self.counts.get_mut((ms as usize).min(DELAYS_MS - 1)) {
            *count = count.saturating_add(1);
        }
        self.total += 1;
        self.longest_ms = self.longest_ms.max(ms);
    }

    /// The delay in milliseconds below which `share` of all lie, to the next full one.
    fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (share * self.total as f64).ceil() as u64;
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += u64::from(*count);
            below >= wanted
        });
        found.map_or(0.0, |ms| (ms + 1) as f64)
    }

    /// What records say of them.
    pub fn stats(&self, live: &LiveState) -> LiveStats {
        let (gaps, gap_s) = live.gaps();
        LiveStats {
            delay_p50_ms: self.quantile_ms(0.5),
            delay_p95_ms: self.quantile_ms(0.95),
            delay_max_ms: round(self.longest_ms, 1),
            gaps,
            gap_s: round(gap_s, 3),
        }
    }
}

/// Counters of one run.
pub struct Meter {
    started: Instant,
    process: Duration,
    networks: Duration,
    pub frames_decoded: AtomicU64,
    pub face_cpu_ns: AtomicU64,
    pub voice_cpu_ns: AtomicU64,
    pub cues_cpu_ns: AtomicU64,
    pub detected: AtomicUsize,
    pub observed: AtomicUsize,
    pub windows: AtomicUsize,
}

impl Meter {
    /// Starts counting; `networks` is the engines' time so far.
    pub fn start(networks: Duration) -> Self {
        Self {
            started: Instant::now(),
            process: process_cpu_time(),
            networks,
            frames_decoded: AtomicU64::new(0),
            face_cpu_ns: AtomicU64::new(0),
            voice_cpu_ns: AtomicU64::new(0),
            cues_cpu_ns: AtomicU64::new(0),
            detected: AtomicUsize::new(0),
            observed: AtomicUsize::new(0),
            windows: AtomicUsize::new(0),
        }
    }

    /// Adds a stage's processor time outside networks.
    pub fn add(counter: &AtomicU64, time: Duration) {
        counter.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Does work that only the cues need, and counts its processor time.
    pub fn for_cues<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = thread_cpu_time();
        let done = work();
        Self::add(&self.cues_cpu_ns, thread_cpu_time().saturating_sub(started));
        done
    }

    /// Notes how many frames and windows wait in the joiner.
    pub fn waiting(&self, (frames, windows): (usize, usize)) {
        self.observed.fetch_max(frames, Ordering::Relaxed);
        self.windows.fetch_max(windows, Ordering::Relaxed);
    }

    /// `networks` is the engines' time now, `fuse` the joining thread's.
    pub fn stats(&self, networks: Duration, fuse: Duration, coverage: &Coverage) -> Stats {
        let wall = self.started.elapsed().as_secs_f64();
        let seconds = |counter: &AtomicU64| round(counter.load(Ordering::Relaxed) as f64 / 1e9, 4);
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let spent = |now: Duration, then: Duration| round(now.saturating_sub(then).as_secs_f64(), 4);
        let per_wall = |x: f64| if wall > 0.0 { round(x / wall, 2) } else { 0.0 };
        Stats {
            wall_s: round(wall, 4),
            cpu_s: CpuSeconds {
                total: spent(process_cpu_time(), self.process),
                networks: spent(networks, self.networks),
                face: seconds(&self.face_cpu_ns),
                voice: seconds(&self.voice_cpu_ns),
                fuse: round(fuse.as_secs_f64(), 4),
                cues: seconds(&self.cues_cpu_ns),
            },
            frames_per_s: per_wall(coverage.frames_seen as f64),
            realtime_factor: per_wall(coverage.video_s.max(coverage.audio_s)),
            frames_decoded: self.frames_decoded.load(Ordering::Relaxed),
            frames_dropped: 0,
            live: None,
            queue_high_water: QueueHighWater {
                detected: count(&self.detected),
                observed: count(&self.observed),
                windows: count(&self.windows),
            },
            peak_memory_mib: peak_memory_mib(),
        }
    }
}

/// Largest resident memory so far, from the kernel; 0 where it does not say.
pub fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    round(kib / 1024.0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_told_by_their_share() {
        let mut delays = Delays::default();
        assert_eq!(delays.quantile_ms(0.95), 0.0, "none yet");
        (1..=100).for_each(|ms| delays.push(Duration::from_millis(ms)));
        delays.push(Duration::from_secs(60));
        let stats = delays.stats(&LiveState::default());
        assert_eq!((stats.delay_p50_ms, stats.delay_p95_ms, stats.delay_max_ms), (52.0, 97.0, 60_000.0));
    }
}
