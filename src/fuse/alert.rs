//! Alerts. In: smoothed probabilities. Out: stretches that stayed above the threshold.

use crate::types::{Event, EventKind, MediaTime, Prob, TimeSpan, TrackId};

/// Above the threshold for less than this is no event.
const MIN_LENGTH: MediaTime = MediaTime(500_000_000);

/// Below the threshold for less than this does not end an event.
const MAX_PAUSE: MediaTime = MediaTime(1_500_000_000);

/// Watches one subject.
#[derive(Debug, Clone)]
pub struct Alert {
    kind: EventKind,
    track: Option<TrackId>,
    open: Option<(TimeSpan, Prob)>,
}

impl Alert {
    /// Nothing is open yet.
    pub fn new(kind: EventKind, track: Option<TrackId>) -> Self {
        Self { kind, track, open: None }
    }

    /// Adds the probability of a span and that from which it is suspicious; gives the event that ended, if one did.
    pub fn push(&mut self, span: TimeSpan, p: Prob, threshold: f32) -> Option<Event> {
        let ended = match &self.open {
            Some((open, _)) if span.start - open.end > MAX_PAUSE => self.close(),
            _ => None,
        };
        if p.get() >= threshold {
            self.open = Some(match self.open {
                Some((open, best)) => {
                    let end = open.end.max(span.end);
                    (TimeSpan { end, ..open }, if p > best { p } else { best })
                }
                None => (span, p),
            });
        }
        ended
    }

    /// Ends what is open.
    pub fn close(&mut self) -> Option<Event> {
        let (span, score) = self.open.take()?;
        let long = span.end - span.start >= MIN_LENGTH;
        long.then_some(Event { kind: self.kind, span, score, track: self.track, detail: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ps: &[(f64, f32)]) -> Vec<Event> {
        let mut alert = Alert::new(EventKind::FaceSuspicious, Some(TrackId(1)));
        let span = |t: f64| TimeSpan { start: MediaTime::from_secs(t), end: MediaTime::from_secs(t + 0.1) };
        let mut events: Vec<Event> =
            ps.iter().filter_map(|&(t, p)| alert.push(span(t), Prob::new(p).unwrap(), 0.8)).collect();
        events.extend(alert.close());
        events
    }

    #[test]
    fn a_stretch_with_a_short_pause_is_one_event() {
        let ps: Vec<_> = (0..40).map(|i| (f64::from(i) * 0.1, if (15..25).contains(&i) { 0.3 } else { 0.9 })).collect();
        let events = run(&ps);
        assert_eq!(events.len(), 1);
        assert!((events[0].span.secs() - 4.0).abs() < 0.01);
        assert_eq!(events[0].score, Prob::new(0.9).unwrap());
    }

    #[test]
    fn a_blip_is_none_and_a_long_pause_splits() {
        assert!(run(&[(1.0, 0.99)]).is_empty());
        let two: Vec<_> = (0..10).chain(40..50).map(|i| (f64::from(i) * 0.1, 0.9)).collect();
        assert_eq!(run(&two).len(), 2);
    }
}
