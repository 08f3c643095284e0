//! What a run cost. In: counters that stages share. Out: the `end` record.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::infer::{process_cpu_time, thread_cpu_time};
use crate::types::record::{Coverage, CpuSeconds, QueueHighWater, Stats, round};

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
fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    round(kib / 1024.0, 1)
}
