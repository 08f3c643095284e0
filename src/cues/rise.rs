//! A rise within the call. In: the networks' log-odds of frames and windows. Out: stretches in which they lie far above
//! what the same face, or the same call's voice, gave before.
//!
//! A network's level differs between cameras and people by more than between a face and its mask, so an absolute
//! threshold misses what a comparison within one call shows. A second counts as one observation. The reference is
//! what came before, the last seconds and the stretch itself left out; it begins with the call, so a mask that was
//! on from the start is not seen here.
//!
//! Worked example: a face gives −0.5 ± 0.3 for a minute, then 1.5 for 20 s. The rise is 2.0, more than `min_rise`
//! and `deviations` × 0.3: one event of 20 s with `rise_log_odds` = 2.0.
//!
//! Source of the idea: Page, "Continuous inspection schemes", Biometrika 1954 (detecting a change by cumulative
//! deviation from the process's own mean); the event begins where the smoothed level first left the reference.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Cue, CueEnd};
use crate::types::{Event, EventKind, FrameEvidence, MediaTime, Prob, TimeSpan, TrackId, VoiceEvidence};

/// One observation, nanoseconds.
const BLOCK: i64 = 1_000_000_000;

/// Blocks nearer than this to the present are not yet part of the reference.
const GUARD: usize = 5;

/// Thresholds of the rise cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiseConfig {
    /// Seconds of reference that are needed.
    pub reference_s: f64,
    /// A smaller rise is none, in log-odds.
    pub min_rise: f32,
    /// A rise of fewer standard deviations of the reference's seconds is none.
    pub deviations: f32,
    /// A shorter rise is none.
    pub min_length_s: f64,
}

impl Default for RiseConfig {
    fn default() -> Self {
        Self { reference_s: 15.0, min_rise: 1.2, deviations: 4.0, min_length_s: 3.0 }
    }
}

/// One second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    number: i64,
    sum: f64,
    count: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn span(&self) -> TimeSpan {
        let start = MediaTime(self.number * BLOCK);
        TimeSpan { start, end: start + MediaTime(BLOCK) }
    }
}

/// A rise that lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Open {
    span: TimeSpan,
    sum: f64,
    blocks: f64,
}

/// Mean and spread of what came before (Welford).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Reference {
    blocks: f64,
    mean: f64,
    squares: f64,
}

impl Reference {
    fn push(&mut self, value: f64) {
        self.blocks += 1.0;
        let step = value - self.mean;
        self.mean += step / self.blocks;
        self.squares += step * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.blocks - 1.0).max(1.0)).sqrt()
    }
}

/// Watches one subject.
#[derive(Debug, Clone, Default)]
struct Level {
    block: Option<Block>,
    waiting: VecDeque<Block>,
    reference: Reference,
    open: Option<Open>,
}

impl Level {
    fn push(&mut self, config: &RiseConfig, pts: MediaTime, logit: f32) -> Option<Open> {
        let number = pts.0.div_euclid(BLOCK);
        let mut ended = None;
        if let Some(block) = self.block.filter(|b| b.number != number) {
            ended = self.close_block(config, block);
            self.block = None;
        }
        let block = self.block.get_or_insert(Block { number, sum: 0.0, count: 0.0 });
        block.sum += f64::from(logit);
        block.count += 1.0;
        ended
    }

    /// Judges a whole second; gives the rise that ended with it.
    fn close_block(&mut self, config: &RiseConfig, block: Block) -> Option<Open> {
        let mut ended = None;
        if self.is_high(config, block.mean()) {
            let span = block.span();
            let open = self.open.get_or_insert(Open { span, sum: 0.0, blocks: 0.0 });
            open.span.end = span.end;
            open.sum += block.mean();
            open.blocks += 1.0;
        } else {
            let gap = self.open.map_or(0, |open| block.span().start.0 - open.span.end.0);
            if gap > BLOCK {
                ended = self.open.take();
            }
            self.waiting.push_back(block);
            while self.waiting.len() > GUARD {
                self.waiting.pop_front().into_iter().for_each(|old| self.reference.push(old.mean()));
            }
        }
        ended
    }

    /// A rise that has begun lasts until half of it is gone.
    fn is_high(&self, config: &RiseConfig, value: f64) -> bool {
        let needed = f64::from(config.min_rise).max(f64::from(config.deviations) * self.reference.deviation());
        let needed = if self.open.is_some() { needed / 2.0 } else { needed };
        self.reference.blocks >= config.reference_s && value - self.reference.mean >= needed
    }

    fn event(&self, config: &RiseConfig, kind: EventKind, track: Option<TrackId>, open: Open) -> Option<Event> {
        if open.span.secs() < config.min_length_s {
            return None;
        }
        let mean = open.sum / open.blocks;
        let detail = vec![
            ("rise_log_odds", mean - self.reference.mean),
            ("reference_sd_log_odds", self.reference.deviation()),
            ("reference_s", self.reference.blocks),
        ];
        let score = Prob::from_logit((mean - self.reference.mean) as f32)?;
        Some(Event { kind, span: open.span, score, track, detail })
    }
}

/// Watches every face, and the voice.
pub struct Rise {
    config: RiseConfig,
    faces: BTreeMap<TrackId, Level>,
    voice: Level,
}

impl Rise {
    /// Nothing seen yet.
    pub fn new(config: RiseConfig) -> Self {
        Self { config, faces: BTreeMap::new(), voice: Level::default() }
    }
}

impl Cue for Rise {
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let mut events = Vec::new();
        for face in &frame.faces {
            let Some(logit) = face.logit else { continue };
            let level = self.faces.entry(face.track).or_default();
            if let Some(open) = level.push(&self.config, frame.pts, logit) {
                events.extend(level.event(&self.config, EventKind::FaceChanged, Some(face.track), open));
            }
        }
        events
    }

    fn window(&mut self, window: &VoiceEvidence) -> Vec<Event> {
        let Some(logit) = window.logit else { return Vec::new() };
        let ended = self.voice.push(&self.config, window.span.middle(), logit);
        let event = ended.and_then(|open| self.voice.event(&self.config, EventKind::VoiceChanged, None, open));
        event.into_iter().collect()
    }

    fn finish(&mut self) -> CueEnd {
        let config = &self.config;
        let subjects = self.faces.iter_mut().map(|(track, level)| (EventKind::FaceChanged, Some(*track), level));
        let voice = (EventKind::VoiceChanged, None, &mut self.voice);
        let mut events = Vec::new();
        for (kind, track, level) in subjects.chain([voice]) {
            let last = level.block.take().and_then(|block| level.close_block(config, block));
            let still_open = level.open.take();
            events.extend([last, still_open].into_iter().flatten().filter_map(|o| level.event(config, kind, track, o)));
        }
        CueEnd { events, finding: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::fixtures::{face, frame};
    use proptest::prelude::*;

    fn run(logits: impl Iterator<Item = f32>) -> Vec<Event> {
        let mut rise = Rise::new(RiseConfig::default());
        let mut events: Vec<Event> =
            logits.zip(0..).flat_map(|(logit, i)| rise.frame(&frame(i, 5, vec![face(1, Some(logit))]))).collect();
        events.extend(rise.finish().events);
        events
    }

    #[test]
    fn the_worked_example() {
        let logits = (0..600).map(|i| {
            let wave = 0.3 * ((i / 5) as f32 * 2.1).sin();
            if (300..400).contains(&i) { 1.5 } else { -0.5 + wave }
        });
        let events = run(logits);
        assert_eq!(events.len(), 1, "{events:?}");
        let event = &events[0];
        assert_eq!((event.kind, event.track), (EventKind::FaceChanged, Some(TrackId(1))));
        assert!((event.span.start.as_secs() - 60.0).abs() < 1.1 && (event.span.secs() - 20.0).abs() < 1.1, "{event:?}");
        assert!((event.detail[0].1 - 2.0).abs() < 0.1, "{event:?}");
    }

    #[test]
    fn a_mask_from_the_start_is_no_change() {
        assert!(run((0..600).map(|_| 3.0)).is_empty());
    }

    proptest! {
        #[test]
        fn noise_around_one_level_is_no_change(noise in prop::collection::vec(-0.5f32..0.5, 600), level in -4.0f32..4.0) {
            prop_assert!(run(noise.iter().map(|n| level + n)).is_empty());
        }

        #[test]
        fn a_large_rise_is_found_wherever_it_begins(start in 25i64..60, noise in prop::collection::vec(-0.3f32..0.3, 500)) {
            let logits = (0..500).map(|i| noise[i as usize] + if i / 5 >= start && i / 5 < start + 15 { 3.0 } else { 0.0 });
            let events = run(logits);
            prop_assert_eq!(events.len(), 1);
            prop_assert!((events[0].span.start.as_secs() - start as f64).abs() <= 1.0);
        }
    }
}
