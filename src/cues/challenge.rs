//! Challenge moments. In: faces. Out: moments at which masks tend to fail, found in the footage itself: a head turned
//! to the side, a fast motion, a change of light, something before the face; for each the score before, during and
//! after. `unmask challenges` prints how an interviewer brings them about.
//!
//! A moment is context: honest people turn their heads. It is a sign (`challenge_broken`) only when the face held
//! before and after and gave way within: another face shows in two clear views, or the score rises by `rise_logit` to
//! `broken_p` or more. `light_lag` is a sign when the face follows a clear change of light later than `lag_ms`.
//!
//! Something before the face is told by the detector, which is less sure of a covered face, together with the aligned
//! face, of which a part must look otherwise. A hand that covers so much that the face is lost is not seen here.
//!
//! Worked example: a face scored 0.05 for two seconds, turned to 60° from 2.0 to 3.0 s and scored 0.95 while it turns,
//! then 0.05 again. That is one `profile_turn` from 2.0 to 3.0 s with `before_p` = 0.05, `during_p` = 0.95, and one
//! `challenge_broken`.
//!
//! Source of the idea: challenges against real-time deepfakes (G. Mittal et al., "GOTCHA: Real-Time Video Deepfake
//! Detection via Challenge-Response", EuroS&P 2024); light as a challenge (C. Gerstner, H. Farid, "Detecting Real-Time
//! Deep-Fake Videos Using Active Illumination", CVPRW 2022).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::moment::{AROUND, Recent, average};
use super::reference::{Reference, is_clear, shows_well};
use super::{Cue, CueEnd, IdentityConfig};
use crate::types::{Event, EventKind, FaceEvidence, FrameEvidence, MediaTime, Prob, TimeSpan, TrackId};

/// Sights of one condition nearer than this are one moment.
const JOIN: MediaTime = MediaTime(400_000_000);

/// A moment that lasts longer is told in parts.
const LONGEST: MediaTime = MediaTime(10_000_000_000);

/// A face unseen for so long has left.
const LEFT: MediaTime = MediaTime(3_000_000_000);

/// The kinds of moments, in the order of [`Face::open`].
const KINDS: [EventKind; 4] =
    [EventKind::ProfileTurn, EventKind::FastMotion, EventKind::LightChange, EventKind::FaceCovered];

/// Thresholds of the challenge cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChallengeConfig {
    /// A head turned further is a moment.
    pub turn_deg: f32,
    /// A head that moves faster, in its own widths a second, is a moment.
    pub fast_widths_per_s: f32,
    /// A face that gets so much brighter or darker within a second is a moment, in luma codes.
    pub light_codes: f32,
    /// A detector that is so much less sure than usual ...
    pub covered_confidence: f32,
    /// ... of an aligned face that looks so much different from usual, in luma codes, has something before it.
    pub covered_codes: f32,
    /// A shorter moment is none (changes of light apart).
    pub min_s: f64,
    /// Log-odds that the score must rise within a moment, above before and after, to be a sign.
    pub rise_logit: f32,
    /// P(masked) that it must reach.
    pub broken_p: f32,
    /// Light that comes so much later to the face is a sign.
    pub lag_ms: f64,
    /// The changes of light must correlate so well for a lag to be told.
    pub lag_clear: f32,
}

impl Default for ChallengeConfig {
    fn default() -> Self {
        Self {
            turn_deg: 50.0,
            fast_widths_per_s: 2.0,
            light_codes: 20.0,
            covered_confidence: 0.08,
            covered_codes: 12.0,
            min_s: 0.15,
            rise_logit: 3.0,
            broken_p: 0.8,
            lag_ms: 150.0,
            lag_clear: 0.9,
        }
    }
}

/// What is known of a face.
#[derive(Default)]
struct Face {
    recent: Recent,
    reference: Reference,
    /// Usual confidence of the detector, and usual luma of each cell.
    usual: Option<(f32, Vec<f32>)>,
    /// Moments that go on, one a kind.
    open: [Option<TimeSpan>; 4],
    /// Moments that wait for what comes after them.
    ended: Vec<(EventKind, TimeSpan)>,
}

/// Finds challenge moments and scores them.
pub struct Challenge {
    config: ChallengeConfig,
    limits: IdentityConfig,
    faces: BTreeMap<TrackId, Face>,
}

impl Challenge {
    /// Nothing seen yet. `limits` says which embeddings can be trusted, and what far is.
    pub fn new(config: ChallengeConfig, limits: IdentityConfig) -> Self {
        Self { config, limits, faces: BTreeMap::new() }
    }

    fn sight(&self, face: &mut Face, frame: &FrameEvidence, seen: &FaceEvidence) {
        let embedding = seen.embedding.as_ref().filter(|_| shows_well(seen, &self.limits));
        let distance = embedding.and_then(|e| face.reference.distance(e));
        if let Some(embedding) = embedding.filter(|_| distance.is_none_or(|d| d <= self.limits.near)) {
            face.reference.add(embedding, self.limits.near);
        }
        face.recent.push(frame, seen, distance);
        let holds = [
            seen.quality.yaw_deg.abs() > self.config.turn_deg,
            face.recent.speed().is_some_and(|v| v > self.config.fast_widths_per_s),
            face.recent.light_step().is_some_and(|step| step.abs() > self.config.light_codes),
            self.covered(face, seen),
        ];
        for ((open, holds), kind) in face.open.iter_mut().zip(holds).zip(KINDS) {
            let over = |o: &TimeSpan| frame.pts - o.end > JOIN || o.end - o.start > LONGEST;
            if let Some(span) = open.take_if(|o| over(o)) {
                face.ended.push((kind, span));
            }
            if holds {
                let start = open.map_or(frame.pts, |o| o.start);
                *open = Some(TimeSpan { start, end: frame.pts });
            }
        }
    }

    /// Whether something is before the face; learns what it usually looks like where it shows well.
    fn covered(&self, face: &mut Face, seen: &FaceEvidence) -> bool {
        let mean = seen.look.mean();
        let cells: Vec<f32> = seen.look.luma().iter().map(|l| f32::from(*l) - mean).collect();
        if cells.is_empty() || !is_clear(&seen.quality, &self.limits) {
            return false;
        }
        let Some((confidence, usual)) = &mut face.usual else {
            face.usual = Some((seen.confidence, cells));
            return false;
        };
        let otherwise = average(cells.iter().zip(&*usual).map(|(a, b)| (a - b).abs())).unwrap_or(0.0);
        let unsure = *confidence - seen.confidence > self.config.covered_confidence;
        if !unsure {
            *confidence += (seen.confidence - *confidence) * 0.02;
            usual.iter_mut().zip(cells).for_each(|(u, c)| *u += (c - *u) * 0.05);
        }
        unsure && otherwise > self.config.covered_codes
    }

    /// Tells the moments whose aftermath has been seen, or all of them.
    fn told(&self, track: TrackId, face: &mut Face, now: Option<MediaTime>) -> Vec<Event> {
        if now.is_none() {
            let open = face.open.iter_mut().zip(KINDS).filter_map(|(o, kind)| Some((kind, o.take()?)));
            face.ended.extend(open);
        }
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut face.ended).into_iter().partition(|(_, s)| now.is_none_or(|now| now - s.end > AROUND));
        face.ended = waiting;
        due.into_iter().flat_map(|(kind, span)| self.tell(track, face, kind, span)).collect()
    }

    fn tell(&self, track: TrackId, face: &Face, kind: EventKind, span: TimeSpan) -> Vec<Event> {
        let light = kind == EventKind::LightChange;
        if span.secs() < self.config.min_s && !light {
            return Vec::new();
        }
        let mut detail = face.recent.measures(span);
        let sights = || face.recent.within(span);
        let largest = |value: fn(&super::moment::Sight) -> f32| sights().map(value).reduce(f32::max).map(f64::from);
        match kind {
            EventKind::ProfileTurn => detail.extend(largest(|s| s.yaw_deg.abs()).map(|v| ("yaw_deg", v))),
            EventKind::FaceCovered => detail.extend(largest(|s| -s.confidence).map(|v| ("confidence_ratio", -v))),
            _ => {}
        }
        let event = |kind, score: f64, detail| {
            let score = Prob::new((score as f32).clamp(0.0, 1.0)).unwrap_or(Prob::ONE);
            Event { kind, span, score, track: Some(track), detail }
        };
        let mut signs = Vec::new();
        let lag = if light { face.recent.light_lag(span) } else { None };
        if let Some((lag_s, clear)) = lag.filter(|(_, clear)| *clear >= self.config.lag_clear) {
            detail.push(("lag_ms", lag_s * 1e3));
            if lag_s * 1e3 > self.config.lag_ms {
                signs.push(event(EventKind::LightLag, clear.into(), detail.clone()));
            }
        }
        if let Some(score) = self.broken(face, span) {
            signs.push(event(EventKind::ChallengeBroken, score, detail.clone()));
        }
        signs.insert(0, event(kind, 1.0, detail));
        signs
    }

    /// How clearly the face gave way: it held before and after, and within another face or a mask showed.
    fn broken(&self, face: &Face, span: TimeSpan) -> Option<f64> {
        let parts = Recent::parts(span);
        let far = |part: TimeSpan| {
            face.recent.within(part).filter(|s| s.distance.is_some_and(|d| d >= self.limits.far)).count()
        };
        if far(parts[1]) >= self.limits.jump_views && far(parts[0]) + far(parts[2]) == 0 {
            return Some(1.0);
        }
        let [before, during, after] = parts.map(|part| face.recent.logit(part));
        let (during, around) = (during?, before?.max(after?));
        let reached = Prob::from_logit(during).is_some_and(|p| p.get() >= self.config.broken_p);
        let held = Prob::from_logit(around).is_some_and(|p| p.get() < 0.5);
        (reached && held && during - around >= self.config.rise_logit)
            .then(|| f64::from(Prob::from_logit(during).map_or(0.0, Prob::get)))
    }
}

impl Cue for Challenge {
    fn wants_every_frame(&self) -> bool {
        self.faces.values().any(|face| face.open.iter().any(Option::is_some))
    }

    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let mut events = Vec::new();
        for seen in &frame.faces {
            let mut face = self.faces.remove(&seen.track).unwrap_or_default();
            self.sight(&mut face, frame, seen);
            events.extend(self.told(seen.track, &mut face, Some(frame.pts)));
            self.faces.insert(seen.track, face);
        }
        let gone = |f: &Face| f.recent.last().is_none_or(|s| frame.pts - s.pts > LEFT);
        let left: Vec<TrackId> = self.faces.iter().filter(|(_, f)| gone(f)).map(|(t, _)| *t).collect();
        for track in left {
            let mut face = self.faces.remove(&track).unwrap_or_default();
            events.extend(self.told(track, &mut face, None));
        }
        events
    }

    fn finish(&mut self) -> CueEnd {
        let mut faces = std::mem::take(&mut self.faces);
        let events = faces.iter_mut().flat_map(|(track, face)| self.told(*track, face, None)).collect();
        CueEnd { events, finding: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cues::scene::{Scene, glance, look};
    use proptest::prelude::*;

    fn run(scenes: impl Iterator<Item = Scene>) -> Vec<Event> {
        let mut cue = Challenge::new(ChallengeConfig::default(), IdentityConfig::default());
        let mut events: Vec<Event> = scenes.flat_map(|s| cue.frame(&s.frame())).collect();
        events.extend(cue.finish().events);
        events
    }

    fn kinds(events: &[Event]) -> Vec<EventKind> {
        events.iter().map(|e| e.kind).collect()
    }

    fn turn(i: i64, during: f32) -> Scene {
        let turned = (50..=75).contains(&i);
        let (yaw_deg, logit) = if turned { (60.0, during) } else { (0.0, -2.944) };
        Scene { yaw_deg, logit: Some(logit), ..Scene::at(i, 25) }
    }

    #[test]
    fn the_worked_example() {
        let events = run((0..150).map(|i| turn(i, 2.944)));
        assert_eq!(kinds(&events), [EventKind::ProfileTurn, EventKind::ChallengeBroken]);
        let turn = &events[0];
        assert_eq!((turn.span.start.as_secs(), turn.span.end.as_secs()), (2.0, 3.0));
        let p = |name| turn.detail.iter().find(|(n, _)| *n == name).unwrap().1;
        assert!((p("before_p") - 0.05).abs() < 0.001 && (p("during_p") - 0.95).abs() < 0.001, "{turn:?}");
        assert!((p("after_p") - 0.05).abs() < 0.001 && p("yaw_deg") == 60.0, "{turn:?}");
    }

    #[test]
    fn a_turn_without_a_rise_is_context() {
        let events = run((0..150).map(|i| turn(i, -2.5)));
        assert_eq!(kinds(&events), [EventKind::ProfileTurn]);
    }

    #[test]
    fn fast_motion_is_found() {
        let x = |i: i64| if (50..75).contains(&i) { 300.0 + 100.0 * (i as f32 * 0.8).sin() } else { 300.0 };
        let events = run((0..150).map(|i| Scene { centre: (x(i), 180.0), ..Scene::at(i, 25) }));
        assert_eq!(kinds(&events), [EventKind::FastMotion]);
    }

    #[test]
    fn light_that_comes_late_to_the_face_is_a_sign() {
        let scene = |i: i64, late: f64| {
            let ramp = |at: f64| ((i as f64 / 25.0 - at) / 0.2).clamp(0.0, 1.0) as f32 * 50.0;
            Scene {
                look: look(|_| 100.0 + ramp(2.0 + late)),
                glance: glance((100.0 + ramp(2.0)) as u8),
                ..Scene::at(i, 25)
            }
        };
        assert_eq!(kinds(&run((0..150).map(|i| scene(i, 0.0)))), [EventKind::LightChange]);
        let late = run((0..150).map(|i| scene(i, 0.3)));
        assert_eq!(kinds(&late), [EventKind::LightChange, EventKind::LightLag]);
        let lag = late[0].detail.iter().find(|(n, _)| *n == "lag_ms").unwrap().1;
        assert!((lag - 300.0).abs() <= 40.0, "{late:?}");
    }

    #[test]
    fn something_before_the_face_needs_both_marks() {
        let covered = |p: usize| if p / 64 > 32 { 220.0 } else { 60.0 };
        let scene = |i: i64, confidence: f32, hidden: bool| {
            let now = (50..75).contains(&i);
            let look = look(|p| if now && hidden { covered(p) } else { 120.0 });
            Scene { look, confidence: if now { confidence } else { 0.92 }, ..Scene::at(i, 25) }
        };
        let covered = |events: Vec<Event>| kinds(&events).contains(&EventKind::FaceCovered);
        assert!(covered(run((0..150).map(|i| scene(i, 0.7, true)))));
        assert!(!covered(run((0..150).map(|i| scene(i, 0.92, true)))));
        assert!(!covered(run((0..150).map(|i| scene(i, 0.7, false)))));
    }

    proptest! {
        #[test]
        fn a_calm_face_gives_nothing(shake in 0.0f32..4.0, logits in prop::collection::vec(-6.0f32..6.0, 150)) {
            let scenes = logits.iter().zip(0..).map(|(logit, i)| {
                let x = 320.0 + shake * (i as f32).sin();
                Scene { centre: (x, 180.0), logit: Some(*logit), ..Scene::at(i, 25) }
            });
            prop_assert!(run(scenes).is_empty());
        }
    }
}
