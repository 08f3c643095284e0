//! A call as its drawing needs it. In: a timeline of any length. Out: at most [`MAX_STEPS`] steps of equal length, with
//! means, the highest and lowest values, and what was not scored.

use std::collections::BTreeSet;

use crate::report::Timeline;
use crate::report::timeline::Second;
use crate::types::record::{Outcome, Reason, ScoreState};
use crate::types::{Prob, TrackId};

/// Steps of a drawing: two hours a second each, longer calls coarser.
const MAX_STEPS: usize = 7200;

/// Faces with a lane of their own.
const MAX_LANES: usize = 6;

/// A face with a lane was in view for at least this part of the analysed frames.
const MIN_SHARE: f64 = 0.01;

/// Whether something was scored in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Nothing was there.
    Nothing,
    /// There, but not scored.
    Seen,
    /// Scored.
    Scored,
}

/// P(masked) in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    /// Mean.
    pub mean: f32,
    /// Lowest of a face's or the range's lower end.
    pub low: f32,
    /// Highest of a frame, or the range's upper end.
    pub high: f32,
}

/// A call in steps.
#[derive(Debug)]
pub(super) struct Series {
    /// Seconds a step.
    pub step_s: usize,
    /// Length of the drawing in seconds.
    pub length_s: f64,
    /// Face and voice together.
    pub fused: Vec<Option<Level>>,
    /// Each face with a lane.
    pub faces: Vec<(TrackId, Vec<Option<Level>>)>,
    /// The voice.
    pub voice: Vec<Option<Level>>,
    /// Whether a face was scored.
    pub picture: Vec<Cover>,
    /// Whether speech was scored.
    pub sound: Vec<Cover>,
    /// Why something was not scored.
    pub reasons: Vec<BTreeSet<Reason>>,
}

impl Series {
    /// The series of a call.
    pub fn of(timeline: &Timeline) -> Self {
        let seconds = &timeline.seconds;
        let step_s = seconds.len().div_ceil(MAX_STEPS).max(1);
        let steps: Vec<&[Second]> = seconds.chunks(step_s).collect();
        let length_s = timeline.length_s().max(seconds.len() as f64 - 1.0).max(1.0);
        let each = |level: &dyn Fn(&Second) -> Option<Level>| -> Vec<Option<Level>> {
            steps.iter().map(|s| join(s.iter().filter_map(level))).collect()
        };
        let get = |p: Option<Prob>| p.map(Prob::get);
        let faces = lanes(timeline).into_iter().map(|track| {
            let level = |second: &Second| {
                let face = second.faces.iter().find(|f| f.track == track)?;
                let mean = get(face.mean)?;
                Some(Level { mean, low: mean, high: get(face.highest).unwrap_or(mean) })
            };
            (track, each(&level))
        });
        Self {
            step_s,
            length_s,
            fused: each(&|s| {
                let f = s.fused?;
                Some(Level { mean: f.p_masked.get(), low: f.low.get(), high: f.high.get() })
            }),
            faces: faces.collect(),
            voice: each(&|s| get(s.voice).map(|mean| Level { mean, low: mean, high: mean })),
            picture: steps.iter().map(|s| most(s.iter().map(picture))).collect(),
            sound: steps.iter().map(|s| most(s.iter().map(sound))).collect(),
            reasons: steps.iter().map(|s| s.iter().flat_map(|x| x.reasons.iter().copied()).collect()).collect(),
        }
    }
}

/// The faces with lanes, by number: those in view longest, and those with signs.
pub(super) fn lanes(timeline: &Timeline) -> Vec<TrackId> {
    let verdict = &timeline.verdict;
    let least = verdict.coverage.frames_seen as f64 * MIN_SHARE;
    let mut tracks: Vec<_> = verdict.tracks.iter().collect();
    tracks.sort_by_key(|t| (t.finding.result != Outcome::SignsFound, std::cmp::Reverse(t.frames_seen)));
    let kept = tracks
        .into_iter()
        .filter(|t| t.finding.result == Outcome::SignsFound || (t.frames_seen as f64 >= least && t.frames_scored > 0));
    let mut kept: Vec<TrackId> = kept.map(|t| t.track).take(MAX_LANES).collect();
    kept.sort();
    kept
}

fn join(levels: impl Iterator<Item = Level>) -> Option<Level> {
    let (mut sum, mut n, mut low, mut high) = (0.0f64, 0u32, 1.0f32, 0.0f32);
    for level in levels {
        sum += f64::from(level.mean);
        n += 1;
        low = low.min(level.low);
        high = high.max(level.high);
    }
    (n > 0).then(|| Level { mean: (sum / f64::from(n)) as f32, low, high })
}

fn most(states: impl Iterator<Item = Cover>) -> Cover {
    states.fold(Cover::Nothing, |a, b| if (b as u8) > (a as u8) { b } else { a })
}

fn picture(second: &Second) -> Cover {
    match second.faces.iter().map(|f| f.scored).max() {
        None => Cover::Nothing,
        Some(0) => Cover::Seen,
        Some(_) => Cover::Scored,
    }
}

fn sound(second: &Second) -> Cover {
    match second.voice_state {
        Some(ScoreState::Scored) => Cover::Scored,
        Some(ScoreState::NotScored) => Cover::Seen,
        Some(ScoreState::Absent) | None => Cover::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;

    #[test]
    fn a_long_call_is_drawn_coarser() {
        let mut timeline = call(10.0);
        let second = timeline.seconds[4].clone();
        timeline.seconds.resize(3 * 3600, second);
        let series = Series::of(&timeline);
        assert_eq!((series.step_s, series.fused.len()), (2, 5400));
        assert_eq!(series.faces.len(), 1);
        assert!(series.fused.iter().all(Option::is_some));
    }

    #[test]
    fn an_empty_call_has_a_length() {
        let mut timeline = call(1.0);
        timeline.seconds.clear();
        timeline.verdict.coverage = crate::types::record::Coverage::default();
        let series = Series::of(&timeline);
        assert_eq!((series.fused.len(), series.length_s), (0, 1.0));
    }
}
