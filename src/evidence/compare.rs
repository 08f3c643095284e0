//! Two runs side by side. In: the records of each. Out: where they differ by more than machines and versions may.

use std::cmp::Ordering;

use crate::report::{ReportError, Sink};
use crate::types::record::{EventRecord, Finding, Frame, Record, Start, Verdict, Voice, round};
use crate::types::{Prob, TrackId};

/// Largest difference between two P(masked) of one frame, window or finding.
pub const SCORE_TOLERANCE: f64 = 0.02;

/// Largest difference between begins, and between ends, of one event, in seconds.
pub const TIME_TOLERANCE_S: f64 = 0.2;

/// Times that are equal but for rounding, in seconds.
const SAME_TIME_S: f64 = 0.001;

/// What of a run is compared; some 60 bytes a frame.
#[derive(Debug, Default)]
pub struct Found {
    /// The first record.
    pub start: Option<Start>,
    frames: Vec<Seen>,
    voices: Vec<Heard>,
    events: Vec<EventRecord>,
    verdict: Option<Verdict>,
}

#[derive(Debug)]
struct Seen {
    at_s: f64,
    faces: Vec<(TrackId, Option<Prob>)>,
    voice: Option<Prob>,
    fused: Option<Prob>,
}

#[derive(Debug)]
struct Heard {
    start_s: f64,
    p_masked: Option<Prob>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// When in the recording, in seconds; none for the whole of it.
    pub at_s: Option<f64>,
    /// What differs, the first run first.
    pub what: String,
}

impl Sink for Found {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        match record {
            Record::Start(start) => self.start = Some(start.clone()),
            Record::Frame(frame) => self.frames.push(seen(frame)),
            Record::Voice(Voice { start_s, p_masked, .. }) => {
                self.voices.push(Heard { start_s: *start_s, p_masked: *p_masked });
            }
            Record::Event(event) => self.events.push(event.clone()),
            Record::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            Record::Warning(_) | Record::End(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

fn seen(frame: &Frame) -> Seen {
    let mut faces: Vec<_> = frame.faces.iter().map(|face| (face.track, face.p_masked)).collect();
    faces.sort_by_key(|(track, _)| *track);
    Seen { at_s: frame.pts_s, faces, voice: frame.voice.p_masked, fused: frame.fused.map(|fused| fused.p_masked) }
}

/// Every difference beyond the tolerances: findings first, then events, frames and voice windows in order of time.
pub fn compare(first: &Found, second: &Found) -> Vec<Difference> {
    let mut out = Vec::new();
    verdicts(first.verdict.as_ref(), second.verdict.as_ref(), &mut out);
    events(&first.events, &second.events, &mut out);
    frames(&first.frames, &second.frames, &mut out);
    voices(&first.voices, &second.voices, &mut out);
    out
}

fn differ(out: &mut Vec<Difference>, at_s: Option<f64>, what: String) {
    out.push(Difference { at_s, what });
}

fn verdicts(first: Option<&Verdict>, second: Option<&Verdict>, out: &mut Vec<Difference>) {
    let (first, second) = match (first, second) {
        (Some(first), Some(second)) => (first, second),
        (None, None) => return,
        _ => return differ(out, None, "only one of them has a verdict".into()),
    };
    if first.partial != second.partial {
        differ(out, None, "only one of them reached the end of the recording".into());
    }
    let findings = |v: &Verdict| {
        let Verdict { overall, face, voice, sync, background, identity, .. } = v.clone();
        [overall, face, voice, sync.finding, background, identity]
    };
    let names = ["overall", "face", "voice", "sync", "background", "identity"];
    for ((name, one), other) in names.into_iter().zip(findings(first)).zip(findings(second)) {
        finding(name, &one, &other, out);
    }
    if first.tracks.len() != second.tracks.len() {
        differ(out, None, format!("people in view: {}, {}", first.tracks.len(), second.tracks.len()));
    }
}

fn finding(name: &str, first: &Finding, second: &Finding, out: &mut Vec<Difference>) {
    if first.result != second.result {
        differ(out, None, format!("finding {name}: {:?}, {:?}", first.result, second.result));
    }
    score(&format!("finding {name}"), None, first.p_masked, second.p_masked, out);
}

fn score(what: &str, at_s: Option<f64>, first: Option<Prob>, second: Option<Prob>, out: &mut Vec<Difference>) {
    let number = |p: Option<Prob>| p.map(|p| f64::from(p.get()));
    let near = match (number(first), number(second)) {
        // Records carry floats; the last bit of their difference is not meant.
        (Some(first), Some(second)) => (first - second).abs() <= SCORE_TOLERANCE + 1e-6,
        (None, None) => true,
        _ => false,
    };
    if !near {
        let shown = |p| number(p).map_or_else(|| "not scored".into(), |p| round(p, 4).to_string());
        differ(out, at_s, format!("{what}: p_masked {}, {}", shown(first), shown(second)));
    }
}

fn same(first: &EventRecord, second: &EventRecord) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= TIME_TOLERANCE_S + 1e-6;
    (first.kind, first.track) == (second.kind, second.track)
        && near(first.start_s, second.start_s)
        && near(first.end_s, second.end_s)
}

/// Each event has one of the same kind, person and span on the other side.
fn events(first: &[EventRecord], second: &[EventRecord], out: &mut Vec<Difference>) {
    let mut left: Vec<&EventRecord> = second.iter().collect();
    let mut alone: Vec<(&EventRecord, &str)> = Vec::new();
    for event in first {
        match left.iter().position(|other| same(event, other)) {
            Some(i) => {
                left.remove(i);
            }
            None => alone.push((event, "only in the first")),
        }
    }
    alone.extend(left.into_iter().map(|event| (event, "only in the second")));
    alone.sort_by(|(a, _), (b, _)| a.start_s.total_cmp(&b.start_s));
    for (event, whose) in alone {
        let track = event.track.map(|track| format!(", face {}", track.0)).unwrap_or_default();
        let what = format!("event {:?}{track} to {:.3} s: {whose}", event.kind, event.end_s);
        differ(out, Some(event.start_s), what);
    }
}

/// Walks two lists in order of time; `None` stands for what is missing on one side.
fn walk<T>(first: &[T], second: &[T], at: impl Fn(&T) -> f64, mut each: impl FnMut(f64, Option<&T>, Option<&T>)) {
    let (mut i, mut j) = (0, 0);
    loop {
        let order = match (first.get(i), second.get(j)) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) if (at(a) - at(b)).abs() <= SAME_TIME_S => Ordering::Equal,
            (Some(a), Some(b)) => at(a).total_cmp(&at(b)),
        };
        let one = first.get(i).filter(|_| order.is_le());
        let other = second.get(j).filter(|_| order.is_ge());
        let time = one.or(other).map_or(0.0, &at);
        (i, j) = (i + usize::from(one.is_some()), j + usize::from(other.is_some()));
        each(time, one, other);
    }
}

fn frames(first: &[Seen], second: &[Seen], out: &mut Vec<Difference>) {
    walk(
        first,
        second,
        |seen| seen.at_s,
        |at_s, first, second| {
            let (Some(first), Some(second)) = (first, second) else {
                let whose = if first.is_some() { "first" } else { "second" };
                return differ(out, Some(at_s), format!("frame: only in the {whose}"));
            };
            let tracks = |seen: &Seen| seen.faces.iter().map(|(track, _)| track.0).collect::<Vec<_>>();
            if tracks(first) == tracks(second) {
                for ((track, one), (_, other)) in first.faces.iter().zip(&second.faces) {
                    score(&format!("frame, face {}", track.0), Some(at_s), *one, *other, out);
                }
            } else {
                let what = format!("frame: faces {:?}, {:?}", tracks(first), tracks(second));
                differ(out, Some(at_s), what);
            }
            score("frame, voice", Some(at_s), first.voice, second.voice, out);
            score("frame, face and voice", Some(at_s), first.fused, second.fused, out);
        },
    );
}

fn voices(first: &[Heard], second: &[Heard], out: &mut Vec<Difference>) {
    walk(
        first,
        second,
        |heard| heard.start_s,
        |at_s, first, second| match (first, second) {
            (Some(first), Some(second)) => score("voice window", Some(at_s), first.p_masked, second.p_masked, out),
            (first, _) => {
                let whose = if first.is_some() { "first" } else { "second" };
                differ(out, Some(at_s), format!("voice window: only in the {whose}"));
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::records;
    use proptest::prelude::*;

    fn found(records: &[Record]) -> Found {
        let mut found = Found::default();
        for record in records {
            found.write(record).unwrap();
        }
        found
    }

    fn moved(by: f64) -> Vec<Record> {
        let mut records = records(4.0);
        let shift = |p: &mut Option<Prob>| *p = p.map(|p| Prob::new((f64::from(p.get()) + by) as f32).unwrap());
        for record in &mut records {
            match record {
                Record::Frame(frame) => frame.faces.iter_mut().for_each(|face| shift(&mut face.p_masked)),
                Record::Event(event) => event.end_s += by * 10.0,
                _ => {}
            }
        }
        records
    }

    #[test]
    fn what_is_within_tolerance_is_equal() {
        let whole = found(&records(4.0));
        assert!(compare(&whole, &found(&records(4.0))).is_empty());
        assert!(compare(&whole, &found(&moved(0.019))).is_empty());
        let far = compare(&whole, &found(&moved(0.021)));
        assert_eq!(
            far.iter().filter(|d| d.what.starts_with("frame, face 1") || d.what.starts_with("frame, face 0")).count(),
            40,
            "{far:?}"
        );
        assert!(far[0].what.starts_with("event"), "events come before frames: {far:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = records(4.0);
        for (i, record) in whole.iter().enumerate() {
            let mut less = whole.clone();
            less.remove(i);
            let differences = compare(&found(&whole), &found(&less));
            assert_eq!(differences.is_empty(), matches!(record, Record::Start(_)), "{record:?}: {differences:?}");
        }
    }

    proptest! {
        #[test]
        fn order_of_the_runs_only_turns_the_words(by in 0.0f64..0.1, cut in 0usize..50) {
            let (one, mut other) = (records(4.0), moved(by));
            other.truncate(other.len() - cut.min(other.len()));
            let there = compare(&found(&one), &found(&other));
            let back = compare(&found(&other), &found(&one));
            prop_assert_eq!(there.len(), back.len());
        }
    }
}
