//! Presentation time. In: nanoseconds from a decoder. Out: a type that is never mistaken for seconds.

use std::time::{SystemTime, UNIX_EPOCH};

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

/// A time of day as RFC 3339, to the second, from seconds since 1970-01-01T00:00:00Z: `2026-11-23T06:36:22Z`. The date
/// is `civil_from_days` of <https://howardhinnant.github.io/date_algorithms.html>.
pub fn utc_text(seconds: i64) -> String {
    format!("{}Z", to_the_second(seconds))
}

/// A time of day as RFC 3339, to the millisecond: `2026-11-23T06:36:22.123Z`.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    format!("{}.{:03}Z", to_the_second(seconds), since.subsec_millis())
}

fn to_the_second(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}")
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
}
