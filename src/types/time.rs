//! Presentation time. In: nanoseconds from a decoder. Out: a type that is never mistaken for seconds.

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
