//! The feed. In: frames. Out: stretches in which the camera was off, the picture stood still, repeated an earlier
//! stretch, or changed its size.
//!
//! A video played in a loop into a virtual camera shows the same moving pictures again; a camera never does, for its
//! noise and the person's motion differ each time. Still pictures and a camera that is off are context: they happen
//! to honest people, too.
//!
//! Worked example: 10 s of motion played three times at 5 frames a second. From second 10 on each picture is within
//! `same_codes` of the one 50 pictures before, and after `loop_s` the stretch 10–30 s is one event with
//! `period_s` = 10.
//!
//! Source of the idea: replay attacks by looped video, ISO/IEC 30107-1 (artefact presented electronically).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::stretch::Stretch;
use super::{Aspect, Cue, CueEnd};
use crate::types::record::{Finding, Outcome, Reason};
use crate::types::{Event, EventKind, FrameEvidence, Glance, Measure, MediaTime, Prob, TimeSpan};

/// Pictures are kept for comparing at this distance.
const KEEP_EVERY: MediaTime = MediaTime(200_000_000);

/// Pictures that are kept: two minutes, 600 bytes each.
const KEPT: usize = 600;

/// Thresholds of the feed cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedConfig {
    /// Pictures whose cells differ less on average are the same, in luma codes.
    pub same_codes: f32,
    /// A picture whose cells spread less is plain, in luma codes.
    pub plain_codes: f32,
    /// A shorter standstill is none.
    pub frozen_s: f64,
    /// A shorter plain picture is none.
    pub off_s: f64,
    /// A shorter repetition is none.
    pub loop_s: f64,
    /// Pictures must change so much within a repetition, or it only stands still.
    pub loop_motion_codes: f32,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { same_codes: 0.25, plain_codes: 4.0, frozen_s: 2.0, off_s: 2.0, loop_s: 4.0, loop_motion_codes: 1.5 }
    }
}

/// How the present may repeat the past.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Repeat {
    period: MediaTime,
    span: TimeSpan,
    motion: f32,
}

/// Watches the feed.
pub struct Feed {
    config: FeedConfig,
    previous: Option<(MediaTime, Glance)>,
    off: Stretch,
    frozen: Stretch,
    kept: VecDeque<(MediaTime, Glance)>,
    repeat: Option<Repeat>,
    loops: usize,
}

impl Feed {
    /// Nothing seen yet.
    pub fn new(config: FeedConfig) -> Self {
        let (off, frozen, kept) = Default::default();
        Self { config, previous: None, off, frozen, kept, repeat: None, loops: 0 }
    }

    /// `None` without a picture: the verdict then says that nothing was looked at.
    fn finding(&self) -> Option<(Aspect, Finding)> {
        self.previous.as_ref()?;
        let (result, reason) = match self.loops {
            0 => (Outcome::NoSignsFound, Reason::FeedMoves),
            _ => (Outcome::SignsFound, Reason::FeedLooped),
        };
        Some((Aspect::Background, Finding { result, p_masked: None, low: None, high: None, reasons: vec![reason] }))
    }

    fn event(kind: EventKind, span: TimeSpan, detail: Vec<Measure>) -> Event {
        Event { kind, span, score: Prob::ONE, track: None, detail }
    }

    fn off(&self, ended: Option<TimeSpan>) -> Option<Event> {
        let span = ended.filter(|s| s.secs() >= self.config.off_s)?;
        Some(Self::event(EventKind::CameraOff, span, vec![("length_s", span.secs())]))
    }

    fn frozen(&self, ended: Option<TimeSpan>) -> Option<Event> {
        let span = ended.filter(|s| s.secs() >= self.config.frozen_s)?;
        Some(Self::event(EventKind::VideoFrozen, span, vec![("length_s", span.secs())]))
    }

    fn looped(&self, ended: Option<Repeat>) -> Option<Event> {
        let long = |r: &Repeat| r.span.secs() >= self.config.loop_s && r.motion >= self.config.loop_motion_codes;
        let repeat = ended.filter(long)?;
        let detail = vec![("period_s", repeat.period.as_secs()), ("length_s", repeat.span.secs())];
        Some(Self::event(EventKind::VideoLooped, repeat.span, detail))
    }

    /// Compares with what was kept; gives the repetition that ended.
    fn compare(&mut self, pts: MediaTime, glance: &Glance) -> Option<Repeat> {
        if self.kept.back().is_some_and(|(at, _)| pts - *at < KEEP_EVERY) {
            return None;
        }
        let same = |g: &Glance| g.difference(glance) < self.config.same_codes;
        let moved = self.kept.back().map_or(0.0, |(_, g)| g.difference(glance));
        let mut ended = None;
        match self.repeat {
            Some(repeat) => {
                let past = nearest(&self.kept, pts - repeat.period);
                if past.is_some_and(same) {
                    let span = TimeSpan { end: pts, ..repeat.span };
                    self.repeat = Some(Repeat { span, motion: repeat.motion + moved, ..repeat });
                } else {
                    ended = self.repeat.take();
                }
            }
            None if moved >= self.config.same_codes => {
                let found = self.kept.iter().rev().skip(2).find(|(_, g)| same(g));
                let span = TimeSpan { start: pts, end: pts };
                self.repeat = found.map(|(at, _)| Repeat { period: pts - *at, span, motion: 0.0 });
            }
            None => {}
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((pts, glance.clone()));
        ended
    }
}

/// What was kept nearest to `pts`, if it is near at all.
fn nearest(kept: &VecDeque<(MediaTime, Glance)>, pts: MediaTime) -> Option<&Glance> {
    let behind = kept.partition_point(|(at, _)| *at < pts);
    let near = [behind.checked_sub(1), Some(behind)].into_iter().flatten().filter_map(|i| kept.get(i));
    let best = near.min_by_key(|(at, _)| (*at - pts).0.abs())?;
    ((best.0 - pts).0.abs() <= KEEP_EVERY.0 / 2).then_some(&best.1)
}

impl Cue for Feed {
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let (pts, glance) = (frame.pts, &frame.glance);
        let (before, last) = self.previous.take().unwrap_or_else(|| (pts, Glance::default()));
        let span = TimeSpan { start: before, end: pts };
        let plain = glance.contrast() < self.config.plain_codes && frame.faces.is_empty();
        let still = glance.difference(&last) < self.config.same_codes / 10.0;
        let off = self.off.push(span, plain);
        let frozen = self.frozen.push(span, still && !plain);
        let looped = if plain || still { None } else { self.compare(pts, glance) };
        let mut events: Vec<Event> =
            [self.off(off), self.frozen(frozen), self.looped(looped)].into_iter().flatten().collect();
        if !last.cells.is_empty() && last.size != glance.size {
            let (width, height) = glance.size;
            let detail = vec![("width_px", width.into()), ("height_px", height.into())];
            events.push(Self::event(EventKind::PictureResized, span, detail));
        }
        self.loops += events.iter().filter(|e| e.kind == EventKind::VideoLooped).count();
        self.previous = Some((pts, glance.clone()));
        events
    }

    fn finish(&mut self) -> CueEnd {
        let (off, frozen, repeat) = (self.off.end(), self.frozen.end(), self.repeat.take());
        let events: Vec<Event> =
            [self.off(off), self.frozen(frozen), self.looped(repeat)].into_iter().flatten().collect();
        self.loops += events.iter().filter(|e| e.kind == EventKind::VideoLooped).count();
        CueEnd { events, finding: self.finding() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::fixtures;
    use proptest::prelude::*;

    fn frame(i: i64, cells: impl Fn(usize) -> u8) -> FrameEvidence {
        let cells = (0..Glance::COLUMNS * Glance::ROWS).map(cells).collect();
        let glance = Glance { size: (64, 36), cells, edges: vec![] };
        FrameEvidence { glance, ..fixtures::frame(i, 5, vec![]) }
    }

    /// A picture that is never the same at two times below the prime 997.
    fn moving(i: i64, t: i64) -> FrameEvidence {
        frame(i, |c| ((c as i64 * 37 + t * t * 13 + t * 71) % 251) as u8)
    }

    fn run(frames: impl Iterator<Item = FrameEvidence>) -> Vec<Event> {
        let mut feed = Feed::new(FeedConfig::default());
        let mut events: Vec<Event> = frames.flat_map(|f| feed.frame(&f)).collect();
        events.extend(feed.finish().events);
        events
    }

    #[test]
    fn the_worked_example() {
        let events = run((0..150).map(|i| moving(i, i % 50)));
        assert_eq!(events.len(), 1, "{events:?}");
        let event = &events[0];
        assert_eq!((event.kind, event.detail[0]), (EventKind::VideoLooped, ("period_s", 10.0)));
        assert!((event.span.start.as_secs() - 10.0).abs() < 0.5 && event.span.end.as_secs() > 29.0, "{event:?}");
    }

    #[test]
    fn a_still_picture_is_frozen_and_a_plain_one_is_off() {
        let still = run((0..100).map(|i| moving(i, if i < 50 { i } else { 50 })));
        assert_eq!(still.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::VideoFrozen]);
        let off = run((0..100).map(|i| if (40..60).contains(&i) { frame(i, |_| 16) } else { moving(i, i) }));
        assert_eq!(off.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::CameraOff]);
        assert!((off[0].span.start.as_secs() - 8.0).abs() < 0.3 && (off[0].span.secs() - 4.0).abs() < 0.5);
    }

    #[test]
    fn a_new_size_is_told_once() {
        let frames = (0..10).map(|i| {
            let mut f = moving(i, i);
            f.glance.size = if i < 5 { (64, 36) } else { (32, 18) };
            f
        });
        assert_eq!(run(frames).iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::PictureResized]);
    }

    proptest! {
        #[test]
        fn pictures_that_never_repeat_give_no_event(seed in 0u64..1000) {
            let frames = (0..100).map(|i| {
                let noise = move |c: usize| {
                    let mixed = (seed * 7919 + i as u64 * 104_729 + c as u64 * 1_299_709).wrapping_mul(6_364_136_223_846_793_005);
                    (mixed >> 56) as u8
                };
                frame(i, noise)
            });
            prop_assert!(run(frames).is_empty());
        }
    }
}
