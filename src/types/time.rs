//! Presentation time. In: nanoseconds from a decoder. Out: a type that is never mistaken for seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Presentation time since the start of the stream, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MediaTime(pub i64);

impl MediaTime {
    /// The start of the stream.
    pub const ZERO: Self = Self(0);

    /// From seconds; fractions below a nanosecond are rounded, non-finite input gives zero.
    pub fn from_secs(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// From a count of samples at `rate_hz` samples a second.
    pub fn from_samples(samples: i64, rate_hz: u32) -> Self {
        Self((i128::from(samples) * 1_000_000_000 / i128::from(rate_hz.max(1))) as i64)
    }

    /// Seconds.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The number of samples at `rate_hz` that begin before this time.
    pub fn as_samples(self, rate_hz: u32) -> i64 {
        (i128::from(self.0) * i128::from(rate_hz) / 1_000_000_000) as i64
    }
}

impl std::ops::Add for MediaTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for MediaTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// The last second of the year 9999, the last that RFC 3339 has.
const LAST_S: u64 = 253_402_300_799;

/// A time of day as RFC 3339, to the second: `2026-11-23T06:36:22Z`. Times before 1970 are shown as its begin.
pub fn utc_text(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(showable(time)).to_string()
}

/// The same to the millisecond: `2026-11-23T06:36:22.123Z`.
pub fn utc_text_ms(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(showable(time)).to_string()
}

fn showable(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + since.min(Duration::from_secs(LAST_S))
}

/// The half-open stretch of time `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    /// First instant inside.
    pub start: MediaTime,
    /// First instant behind.
    pub end: MediaTime,
}

impl TimeSpan {
    /// True when `time` lies in the span.
    pub fn contains(&self, time: MediaTime) -> bool {
        self.start <= time && time < self.end
    }

    /// Length in seconds.
    pub fn secs(&self) -> f64 {
        (self.end - self.start).as_secs()
    }

    /// The instant in the middle.
    pub fn middle(&self) -> MediaTime {
        MediaTime(self.start.0 + (self.end.0 - self.start.0) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_seconds_agree() {
        assert_eq!(MediaTime::from_samples(16_000, 16_000), MediaTime::from_secs(1.0));
        assert_eq!(MediaTime::from_secs(2.5).as_samples(16_000), 40_000);
        assert_eq!(MediaTime::from_samples(1, 3).as_samples(3), 0, "a sample begins after its floored time");
    }

    #[test]
    fn a_span_is_half_open() {
        let span = TimeSpan { start: MediaTime(10), end: MediaTime(20) };
        assert!(span.contains(MediaTime(10)));
        assert!(!span.contains(MediaTime(20)));
        assert_eq!(span.middle(), MediaTime(15));
    }

    #[test]
    fn known_times() {
        let at = |seconds| utc_text(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_000_000_000), "2001-09-09T01:46:40Z");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(at(u64::MAX >> 2), "9999-12-31T23:59:59Z");
        assert_eq!(utc_text(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
        assert_eq!(utc_text_ms(UNIX_EPOCH + Duration::from_millis(1234)), "1970-01-01T00:00:01.234Z");
    }
}
