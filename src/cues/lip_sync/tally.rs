//! What the windows add up to. In: the lag of each window. Out: stretches of late sound, jitter, the call's lag.

use std::collections::VecDeque;

use super::LipSyncConfig;
use super::lag::{Fit, Lag, peak};
use crate::types::record::{SyncLag, round};
use crate::types::{Event, EventKind, Measure, MediaTime, Prob, TimeSpan};

/// Jumps are counted within a minute.
const MINUTE: MediaTime = MediaTime(60_000_000_000);

/// Sound that stays late.
#[derive(Debug, Clone, Copy)]
struct Late {
    span: TimeSpan,
    windows: u32,
    lag_s: f64,
    drift: f64,
    confidence: f64,
}

/// Adds windows up; constant memory.
pub struct Tally {
    late_s: f64,
    jump_s: f64,
    jumps_wanted: usize,
    sure: f64,
    /// Fits of all windows, weighted by their seconds, and the seconds.
    sum: Vec<Fit>,
    weight: f64,
    /// Seconds that were measured, overlaps once; until when.
    measured_s: f64,
    until: MediaTime,
    /// Lags of the sure windows: number, mean, sum of squared deviations (Welford).
    lags: (u32, f64, f64),
    last: Option<f64>,
    jumps: VecDeque<TimeSpan>,
    jittered: bool,
    late: Option<Late>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(config: &LipSyncConfig) -> Self {
        Self {
            late_s: config.late_ms / 1e3,
            jump_s: config.jump_ms / 1e3,
            jumps_wanted: config.jumps as usize,
            sure: config.sure,
            sum: Vec::new(),
            weight: 0.0,
            measured_s: 0.0,
            until: MediaTime(i64::MIN),
            lags: (0, 0.0, 0.0),
            last: None,
            jumps: VecDeque::new(),
            jittered: false,
            late: None,
        }
    }

    /// Adds a window in which `seconds` were measured; gives what has ended or was noticed with it.
    pub fn add(&mut self, span: TimeSpan, fits: &[Fit], lag: Lag, seconds: f64) -> Vec<Event> {
        self.sum.resize(fits.len(), Fit { value: 0.0, drift: lag.drift });
        for (sum, fit) in self.sum.iter_mut().zip(fits) {
            sum.value += fit.value * seconds;
        }
        self.weight += seconds;
        let fresh = (span.end - span.start.max(self.until)).as_secs() / span.secs().max(1e-9);
        self.measured_s += seconds * fresh.clamp(0.0, 1.0);
        self.until = span.end;
        if lag.confidence < self.sure {
            return Vec::new();
        }
        let (n, mean, squares) = self.lags;
        let off = lag.lag_s - mean;
        let moved = mean + off / f64::from(n + 1);
        self.lags = (n + 1, moved, squares + off * (lag.lag_s - moved));
        [self.stretch(span, lag), self.jump(span, lag)].into_iter().flatten().collect()
    }

    /// Sound that stays late is one event.
    fn stretch(&mut self, span: TimeSpan, lag: Lag) -> Option<Event> {
        let late = lag.lag_s.abs() >= self.late_s;
        let goes_on =
            self.late.is_some_and(|l| late && (l.lag_s / f64::from(l.windows) - lag.lag_s).abs() < self.jump_s);
        let ended = if goes_on { None } else { self.end() };
        if late {
            let open = self.late.unwrap_or(Late { span, windows: 0, lag_s: 0.0, drift: 0.0, confidence: 0.0 });
            self.late = Some(Late {
                span: TimeSpan { start: open.span.start, end: span.end },
                windows: open.windows + 1,
                lag_s: open.lag_s + lag.lag_s,
                drift: open.drift + lag.drift,
                confidence: open.confidence.max(lag.confidence),
            });
        }
        ended
    }

    /// Many jumps within a minute are jitter.
    fn jump(&mut self, span: TimeSpan, lag: Lag) -> Option<Event> {
        let jumped = self.last.replace(lag.lag_s).is_some_and(|last| (lag.lag_s - last).abs() > self.jump_s);
        self.jumps.retain(|j| span.end - j.start <= MINUTE);
        if jumped {
            self.jumps.push_back(span);
        }
        if self.jumps.len() < self.jumps_wanted {
            return None;
        }
        let start = self.jumps.front().map_or(span.start, |j| j.start);
        let detail = vec![("jumps", self.jumps.len() as f64), ("jitter_ms", self.jitter_ms().unwrap_or_default())];
        self.jumps.clear();
        self.jittered = true;
        Some(event(EventKind::LipSyncJitter, TimeSpan { start, end: span.end }, lag.confidence, detail))
    }

    /// Ends the stretch of late sound.
    pub fn end(&mut self) -> Option<Event> {
        let late = self.late.take()?;
        let mean = 1e3 / f64::from(late.windows);
        let detail =
            vec![("lag_ms", late.lag_s * mean), ("drift_ms_per_s", late.drift * mean), ("confidence", late.confidence)];
        Some(event(EventKind::LipSyncLag, late.span, late.confidence, detail))
    }

    /// The lag of the whole call.
    pub fn lag(&self) -> Option<Lag> {
        let mean: Vec<Fit> = self.sum.iter().map(|f| Fit { value: f.value / self.weight, ..*f }).collect();
        peak(&mean, self.measured_s)
    }

    /// The lag has jumped again and again.
    pub fn jittered(&self) -> bool {
        self.jittered
    }

    /// For the record of the finding.
    pub fn record(&self) -> Option<SyncLag> {
        self.lag().map(|lag| SyncLag {
            lag_ms: round(lag.lag_s * 1e3, 0),
            confidence: round(lag.confidence, 3),
            jitter_ms: self.jitter_ms().map(|j| round(j, 0)),
        })
    }

    /// Standard deviation of the sure windows' lags.
    fn jitter_ms(&self) -> Option<f64> {
        let (n, _, squares) = self.lags;
        (n >= 2).then(|| (squares / f64::from(n - 1)).sqrt() * 1e3)
    }
}

fn event(kind: EventKind, span: TimeSpan, confidence: f64, detail: Vec<Measure>) -> Event {
    Event { kind, span, score: Prob::new(confidence as f32).unwrap_or(Prob::ONE), track: None, detail }
}
