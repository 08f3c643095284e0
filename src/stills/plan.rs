//! Which pictures a reviewer needs. In: a call's events. Out: times, in order, before, during and after each event.

use crate::report::{Moment, Timeline};
use crate::types::record::EventRecord;
use crate::types::{EventClass, EventKind, MediaTime};

/// Events with pictures: at three pictures of some 25 kB each, 1.5 MB a call.
const EVENTS: usize = 20;

/// Events that only explain the recording, of one kind.
const CONTEXT_OF_A_KIND: usize = 2;

/// How far before and after an event a picture is taken, in seconds.
const AROUND_S: f64 = 0.7;

/// A picture to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shot {
    /// Which of the timeline's events.
    pub event: usize,
    /// Where in the event.
    pub moment: Moment,
    /// When.
    pub time: MediaTime,
}

/// The pictures of a call, by time. Signs come first, the clearer the earlier; then some of each kind of context.
pub fn plan(timeline: &Timeline) -> Vec<Shot> {
    let mut order: Vec<usize> = (0..timeline.events.len()).filter(|i| shows(timeline.events[*i].kind)).collect();
    let sign = |i: usize| timeline.events[i].class == EventClass::Sign;
    order.sort_by(|a, b| {
        let score = |i: usize| timeline.events[i].score.get();
        sign(*b).cmp(&sign(*a)).then(score(*b).total_cmp(&score(*a))).then(a.cmp(b))
    });
    let mut chosen: Vec<usize> = Vec::new();
    for i in order {
        let kind = timeline.events[i].kind;
        let alike = chosen.iter().filter(|c| timeline.events[**c].kind == kind).count();
        if chosen.len() < EVENTS && (sign(i) || alike < CONTEXT_OF_A_KIND) {
            chosen.push(i);
        }
    }
    let length_s = timeline.length_s();
    let mut shots: Vec<Shot> = chosen.into_iter().flat_map(|i| of_event(timeline, i, length_s)).collect();
    shots.sort_by_key(|s| (s.time, s.event, s.moment));
    shots
}

fn of_event(timeline: &Timeline, event: usize, length_s: f64) -> impl Iterator<Item = Shot> {
    let record = &timeline.events[event];
    let last_s = (length_s - 0.05).max(0.0);
    let at = |moment, seconds: f64| Shot { event, moment, time: MediaTime::from_secs(seconds.clamp(0.0, last_s)) };
    let before = (record.start_s > 0.1).then(|| at(Moment::Before, record.start_s - AROUND_S));
    let after = (record.end_s < last_s).then(|| at(Moment::After, record.end_s + AROUND_S));
    let during = at(Moment::During, telling(timeline, record));
    before.into_iter().chain([during]).chain(after)
}

/// The time within an event that shows most: the middle of the second in which its face scored highest, the middle
/// of the event when it is short or not about a score.
fn telling(timeline: &Timeline, event: &EventRecord) -> f64 {
    let middle = f64::midpoint(event.start_s, event.end_s);
    let (first, end) = (event.start_s.max(0.0).ceil() as usize, event.end_s.max(0.0) as usize);
    if !matches!(event.kind, EventKind::FaceSuspicious | EventKind::FaceChanged) || end <= first {
        return middle;
    }
    let mean = |second: usize| {
        let faces = timeline.seconds.get(second).map(|s| s.faces.as_slice()).unwrap_or_default();
        let of_track = faces.iter().filter(|f| event.track.is_none_or(|t| t == f.track));
        of_track.filter_map(|f| f.mean).map(|p| p.get()).fold(-1.0, f32::max)
    };
    let best = (first..end).max_by(|a, b| mean(*a).total_cmp(&mean(*b)).then(b.cmp(a)));
    best.map_or(middle, |second| second as f64 + 0.5)
}

/// Whether a picture says something of an event of this kind.
fn shows(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::VoiceSuspicious
            | EventKind::VoiceChanged
            | EventKind::VoiceShifted
            | EventKind::SpeakerChanged
            | EventKind::LipSyncLag
            | EventKind::StreamGap
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;
    use proptest::prelude::*;

    #[test]
    fn each_event_has_its_three_moments() {
        let shots = plan(&call(20.0));
        assert_eq!(shots.len(), 6);
        let first: Vec<Moment> = shots.iter().filter(|s| s.event == 0).map(|s| s.moment).collect();
        assert_eq!(first, [Moment::Before, Moment::During, Moment::After]);
        assert!(shots.is_sorted_by_key(|s| s.time));
    }

    proptest! {
        #[test]
        fn pictures_are_few_and_within_the_call(times in prop::collection::vec((0.0f64..100.0, 0.0f64..50.0), 0..80)) {
            let mut timeline = call(60.0);
            let event = timeline.events[1].clone();
            timeline.events = times
                .iter()
                .map(|(start_s, length)| EventRecord { start_s: *start_s, end_s: start_s + length, ..event.clone() })
                .collect();
            let shots = plan(&timeline);
            prop_assert!(shots.len() <= EVENTS * 3);
            prop_assert!(shots.iter().all(|s| s.time.0 >= 0 && s.time.as_secs() <= 60.0));
        }
    }
}
