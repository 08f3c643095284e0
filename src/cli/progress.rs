//! Progress. In: how far the analysis is. Out: a bar with the time left, on standard error, for people only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unmask::types::MediaTime;

/// Redraws a second; more costs processor time.
const REFRESH_HZ: u8 = 4;

/// Steps of a bar over many calls.
const PARTS: u64 = 10_000;

/// A bar, or nothing where nobody watches.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of one recording; `duration_s` is the declared length, if known.
    pub fn of_recording(name: &str, duration_s: Option<f64>) -> Self {
        Self::new(name, duration_s.map(|seconds| (seconds * 1e3) as u64))
    }

    /// Of many clips.
    pub fn of_clips(clips: usize) -> Self {
        Self::new("clips", Some(clips as u64))
    }

    /// Of many calls.
    pub fn of_calls() -> Self {
        Self::new("calls", Some(PARTS))
    }

    fn new(name: &str, length: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let target = ProgressDrawTarget::stderr_with_hz(REFRESH_HZ);
        let template = match length {
            Some(_) => "{msg} {wide_bar} {percent}% {eta} left",
            None => "{msg} {spinner} {elapsed}",
        };
        let bar = ProgressBar::with_draw_target(length, target).with_message(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// The analysis has reached this time.
    pub fn reached(&self, pts: MediaTime) {
        self.bar.set_position((pts.0 / 1_000_000).unsigned_abs());
    }

    /// This part of all calls is done, 0..=1.
    pub fn part(&self, part: f64, ended: usize, of: usize) {
        self.bar.set_position((part.clamp(0.0, 1.0) * PARTS as f64) as u64);
        self.bar.set_message(format!("{ended} of {of} calls"));
    }

    /// Prints a line on standard error, above the bar if there is one.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// One more clip is done.
    pub fn one_more(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
