//! How closely to look and listen. In: reasons to look closely, with their times. Out: which frames and which sound are
//! analysed.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::media::Glimpse;
use crate::types::{MediaTime, TimeSpan};

/// Until when every reason so far asks for the full rate; written where evidence is joined, read where frames are picked.
#[derive(Debug)]
pub struct Attention {
    until: AtomicI64,
    holds: MediaTime,
}

impl Attention {
    /// Nothing stands out; a reason holds for so long.
    pub fn new(holds: MediaTime) -> Self {
        Self { until: AtomicI64::new(i64::MIN), holds }
    }

    /// Something at `pts` is a reason to look closely.
    pub fn call(&self, pts: MediaTime) {
        self.until.fetch_max((pts + self.holds).0, Ordering::Relaxed);
    }

    fn at(&self, pts: MediaTime) -> bool {
        pts.0 < self.until.load(Ordering::Relaxed)
    }
}

/// Picks frames so that so many a second are analysed, by presentation time.
pub struct Sampler<'a> {
    base: Option<MediaTime>,
    full: Option<MediaTime>,
    attention: Option<&'a Attention>,
    closely: Vec<TimeSpan>,
    due: Option<MediaTime>,
}

impl<'a> Sampler<'a> {
    /// `fps` frames a second; none: every frame.
    pub fn new(fps: Option<f64>) -> Self {
        Self { base: interval(fps), full: None, attention: None, closely: Vec::new(), due: None }
    }

    /// `fps` frames a second, and `full` while there is a reason to look closely.
    pub fn adaptive(fps: f64, full: Option<f64>, attention: &'a Attention) -> Self {
        Self {
            base: interval(Some(fps)),
            full: interval(full),
            attention: Some(attention),
            closely: Vec::new(),
            due: None,
        }
    }

    /// `fps` frames a second in the glimpse's stretches, and one in its step elsewhere.
    pub fn glimpse(fps: Option<f64>, glimpse: &Glimpse) -> Self {
        let closely = glimpse.closely.clone();
        Self { base: Some(glimpse.every), full: interval(fps), attention: None, closely, due: None }
    }

    /// Whether the frame at `pts` is analysed; times must not decrease.
    pub fn wants(&mut self, pts: MediaTime) -> bool {
        let asked = self.attention.is_some_and(|attention| attention.at(pts));
        let closely = asked || self.closely.iter().any(|stretch| stretch.contains(pts));
        let Some(interval) = (if closely { self.full } else { self.base }) else {
            self.due = None;
            return true;
        };
        // What was due at a lower rate is not waited for at a higher one.
        let due = self.due.unwrap_or(pts).min(if closely { pts + interval } else { MediaTime(i64::MAX) });
        // A millisecond early is on time: containers round.
        if pts.0 + 1_000_000 < due.0 {
            return false;
        }
        // Keep the rhythm; after a gap begin a new one.
        self.due = Some(if pts.0 - due.0 > interval.0 { pts + interval } else { due + interval });
        true
    }
}

/// Sound is listened to for so long at a time.
const LISTEN: MediaTime = MediaTime(8_000_000_000);

/// Picks the sound that is listened to.
#[derive(Debug, Default)]
pub struct Listening {
    rest: MediaTime,
    closely: Vec<TimeSpan>,
}

impl Listening {
    /// The glimpse's stretches, and elsewhere eight seconds after each `rest`; without a glimpse everything.
    pub fn glimpse(rest: MediaTime, glimpse: Option<&Glimpse>) -> Self {
        glimpse.map_or_else(Self::default, |glimpse| Self { rest, closely: glimpse.closely.clone() })
    }

    /// Whether what begins at `pts` is listened to.
    pub fn wants(&self, pts: MediaTime) -> bool {
        pts.0.rem_euclid(LISTEN.0 + self.rest.0) < LISTEN.0 || self.closely.iter().any(|stretch| stretch.contains(pts))
    }
}

fn interval(fps: Option<f64>) -> Option<MediaTime> {
    fps.map(|f| MediaTime::from_secs(1.0 / f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picked(sampler: &mut Sampler<'_>, frames: std::ops::Range<i64>) -> Vec<i64> {
        frames.filter(|i| sampler.wants(MediaTime::from_samples(*i, 30))).collect()
    }

    #[test]
    fn five_of_thirty_are_every_sixth() {
        assert_eq!(picked(&mut Sampler::new(Some(5.0)), 0..30), [0, 6, 12, 18, 24]);
    }

    #[test]
    fn what_stands_out_is_looked_at_closely_for_a_while() {
        let attention = Attention::new(MediaTime::from_secs(1.0));
        let mut sampler = Sampler::adaptive(5.0, None, &attention);
        assert_eq!(picked(&mut sampler, 0..30).len(), 5);
        attention.call(MediaTime::from_secs(1.0));
        assert_eq!(picked(&mut sampler, 30..60).len(), 30, "every frame");
        assert_eq!(picked(&mut sampler, 60..90).len(), 5, "and then as before");
        let mut sampler = Sampler::adaptive(5.0, Some(15.0), &attention);
        assert_eq!(picked(&mut sampler, 30..60).len(), 15);
    }

    #[test]
    fn a_stretch_is_heard_out_and_the_rest_now_and_then() {
        let secs = MediaTime::from_secs;
        let stretch = TimeSpan { start: secs(20.0), end: secs(22.0) };
        let glimpse = Glimpse { every: secs(2.0), closely: vec![stretch], decode_all: true };
        let heard =
            |listening: &Listening| (0..50).filter(|s| listening.wants(secs(f64::from(*s)))).collect::<Vec<_>>();
        let expected: Vec<i32> = (0..8).chain(20..22).chain(32..40).collect();
        assert_eq!(heard(&Listening::glimpse(secs(24.0), Some(&glimpse))), expected);
        assert_eq!(heard(&Listening::glimpse(secs(24.0), None)).len(), 50);
    }

    #[test]
    fn a_stretch_is_looked_at_closely_and_the_rest_now_and_then() {
        let stretch = TimeSpan { start: MediaTime::from_secs(4.0), end: MediaTime::from_secs(5.0) };
        let glimpse = Glimpse { every: MediaTime::from_secs(2.0), closely: vec![stretch], decode_all: true };
        let picked = picked(&mut Sampler::glimpse(Some(5.0), &glimpse), 0..240);
        assert_eq!(picked, [0, 60, 120, 126, 132, 138, 144, 150, 210]);
    }

    proptest! {
        #[test]
        fn never_more_than_asked_for(fps in 0.5f64..60.0, step_ms in 1i64..500) {
            let mut sampler = Sampler::new(Some(fps));
            let times = (0..200).map(|i| MediaTime(i * step_ms * 1_000_000));
            let picked = times.filter(|t| sampler.wants(*t)).count() as f64;
            let seconds = 200.0 * step_ms as f64 / 1e3;
            prop_assert!(picked <= seconds * fps * 1.02 + 2.0, "{} in {} s", picked, seconds);
        }
    }
}
