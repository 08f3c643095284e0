//! Identity within a call. In: faces, some with an embedding. Out: moments in which another face shows, stretches from
//! which on the face is another, and a finding. Nothing is compared with anything outside the recording.
//!
//! A mask that is put on in real time slips for single frames, at turned heads, hands before the face, fast motion:
//! then another face shows, or the true one. A face that is the same person's throughout keeps near its mean.
//!
//! Distances are Euclidean, between an embedding and the track's running mean. `far` is the distance at which the
//! network's author tells people apart (0.6), `near` lies three quarters on the way there; what lies between says
//! nothing. One view beyond `far` is no sign, two that are alike are. `scripts/eval/identity.py` counts how often honest
//! clips alarm.
//!
//! A camera cut changes the whole picture; a new face behind a cut is context, not a sign.
//!
//! Worked example: a face at distance 0.2 in a rhythm of 0.4 s; at 10.0 s and 10.1 s two embeddings at 0.8 that are
//! 0.2 apart from each other; at 10.4 s it is back at 0.2. That is one `identity_jump` from 10.0 to 10.1 s with
//! `distance_l2` = 0.8. If it stays at 0.8 for two seconds it is one `identity_change`.
//!
//! Source of the idea: the identity of a swapped face drifts and jumps where a real one's does not (S. Agarwal et al.,
//! "Detecting Deep-Fake Videos from Appearance and Behavior", WIFS 2020; X. Dong et al., "Protecting Celebrities from
//! DeepFake with Identity Consistency Transformer", CVPR 2022). Source of the network and of its threshold of 0.6:
//! D. King, "High Quality Face Recognition with Deep Metric Learning", 2017.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reference::{Reference, mean, shows_well};
use super::{Aspect, Cue, CueEnd};
use crate::face::distance;
use crate::types::record::{Finding, Outcome, Reason};
use crate::types::{Event, EventKind, FaceEvidence, FrameEvidence, Glance, MediaTime, Prob, TimeSpan, TrackId};

/// A face unseen for so long has left.
const LEFT: MediaTime = MediaTime(5_000_000_000);

/// A clear view stands for the time to the next, but never for more.
const VIEW: MediaTime = MediaTime(1_000_000_000);

/// Mean distance of two people.
const DIFFERENT: f32 = 0.8;

/// Most views beyond `far` that are kept.
const KEPT: usize = 64;

/// Thresholds of the identity cue. Distances are those of `face.embedder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// An embedding within this distance of the mean is the same face.
    pub near: f32,
    /// An embedding beyond this distance of the mean is another.
    pub far: f32,
    /// So many alike beyond `far`, and a return, are a jump.
    pub jump_views: usize,
    /// Beyond `far` for so long without a return is a change.
    pub change_s: f64,
    /// So many alike beyond `far` are needed for a change.
    pub change_views: usize,
    /// A mean that moves further from where it began has drifted.
    pub drift: f32,
    /// Pictures whose cells differ more, in luma codes, are behind a cut.
    pub cut_codes: f32,
    /// A finding needs clear views over so long.
    pub min_face_s: f64,
    /// A finding of no signs needs at most this part of the views between `near` and `far` or unresolved.
    pub max_unclear: f32,
    /// Faces turned further are not compared.
    pub max_yaw_deg: f32,
    /// Faces nodding further are not compared.
    pub max_pitch_deg: f32,
    /// Faces tilted further are not compared.
    pub max_roll_deg: f32,
    /// Smaller faces are not compared.
    pub min_size_px: f32,
    /// More blurred faces are not compared.
    pub min_sharpness: f32,
    /// Darker faces, and as much brighter ones, are not compared.
    pub min_exposure: f32,
    /// Faces with more of the box outside the picture are not compared.
    pub max_cut_off: f32,
    /// Faces of which the detector is less sure, such as covered ones, are not compared.
    pub min_confidence: f32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            near: 0.45,
            far: 0.6,
            jump_views: 2,
            change_s: 2.0,
            change_views: 4,
            drift: 0.35,
            cut_codes: 20.0,
            min_face_s: 5.0,
            max_unclear: 0.3,
            max_yaw_deg: 30.0,
            max_pitch_deg: 35.0,
            max_roll_deg: 40.0,
            min_size_px: 60.0,
            min_sharpness: 0.03,
            min_exposure: 0.12,
            max_cut_off: 0.1,
            min_confidence: 0.85,
        }
    }
}

/// A view beyond `far`.
struct Far {
    pts: MediaTime,
    distance: f32,
    embedding: Arc<[f32]>,
}

/// A face in view.
struct Person {
    reference: Reference,
    first: MediaTime,
    /// Last sight.
    seen: MediaTime,
    /// Last clear view.
    viewed: MediaTime,
    /// Last view that was near.
    near: MediaTime,
    /// Views beyond `far` since then.
    far: Vec<Far>,
    covered_s: f64,
    views: usize,
    unclear: usize,
}

impl Person {
    fn new(pts: MediaTime) -> Self {
        let reference = Reference::default();
        let (seen, viewed, near) = (pts, pts, pts);
        Self { reference, first: pts, seen, viewed, near, far: Vec::new(), covered_s: 0.0, views: 0, unclear: 0 }
    }
}

/// Watches that a face stays the same.
pub struct Identity {
    config: IdentityConfig,
    people: BTreeMap<TrackId, Person>,
    /// The face that left last.
    left: Option<Person>,
    previous: Option<(MediaTime, Glance)>,
    cut: MediaTime,
    faces: u64,
    /// Longest cover, and the part of it that was unclear.
    best: (f64, f32),
    jumps: usize,
    changes: usize,
}

impl Identity {
    /// Nobody seen yet.
    pub fn new(config: IdentityConfig) -> Self {
        let (people, left, previous) = Default::default();
        let cut = MediaTime(i64::MIN);
        Self { config, people, left, previous, cut, faces: 0, best: (0.0, 0.0), jumps: 0, changes: 0 }
    }

    fn event(&self, kind: EventKind, track: TrackId, span: TimeSpan, far: f32, views: usize) -> Event {
        // Half-way at `far`, certain at the mean distance of two people.
        let clear = (0.5 + (far - self.config.far) / (2.0 * (DIFFERENT - self.config.far).max(0.01))).clamp(0.0, 1.0);
        let detail =
            vec![("distance_l2", far.into()), ("threshold_l2", self.config.far.into()), ("views", views as f64)];
        Event { kind, span, score: Prob::new(clear).unwrap_or(Prob::ONE), track: Some(track), detail }
    }

    fn view(&mut self, pts: MediaTime, face: &FaceEvidence, embedding: &Arc<[f32]>) -> Option<Event> {
        let track = face.track;
        let mut person = self.people.remove(&track).unwrap_or_else(|| Person::new(pts));
        person.covered_s += (pts - person.viewed).min(VIEW).as_secs();
        person.views += 1;
        person.viewed = pts;
        let event = match person.reference.distance(embedding) {
            None => {
                person.reference.add(embedding, self.config.near);
                person.near = pts;
                self.newcomer(track, &person)
            }
            Some(d) if d <= self.config.near => {
                let event = self.back(track, &mut person);
                person.reference.add(embedding, self.config.near);
                person.near = pts;
                event
            }
            Some(d) if d >= self.config.far => {
                person.unclear += 1;
                person.far.push(Far { pts, distance: d, embedding: Arc::clone(embedding) });
                self.stays(track, &mut person)
            }
            Some(_) => {
                person.unclear += 1;
                None
            }
        };
        let unclear = person.unclear as f32 / person.views as f32;
        if person.covered_s > self.best.0 {
            self.best = (person.covered_s, unclear);
        }
        self.people.insert(track, person);
        event
    }

    /// Whether the views beyond `far` are one face; with the largest distance.
    fn alike(&self, far: &[Far]) -> Option<f32> {
        let centre = mean(far.iter().map(|f| &f.embedding[..]));
        let alike = far.iter().all(|f| distance(&centre, &f.embedding) <= self.config.near);
        let largest = far.iter().map(|f| f.distance).fold(0.0, f32::max);
        alike.then_some(largest)
    }

    /// The face is back at its mean.
    fn back(&mut self, track: TrackId, person: &mut Person) -> Option<Event> {
        let far = std::mem::take(&mut person.far);
        let (first, last) = (far.first()?.pts, far.last()?.pts);
        if far.len() < self.config.jump_views || self.cut > person.near {
            return None;
        }
        let largest = self.alike(&far)?;
        self.jumps += 1;
        let span = TimeSpan { start: first, end: last };
        Some(self.event(EventKind::IdentityJump, track, span, largest, far.len()))
    }

    /// The face is not back yet.
    fn stays(&mut self, track: TrackId, person: &mut Person) -> Option<Event> {
        let (first, last) = (person.far.first()?.pts, person.far.last()?.pts);
        let span = TimeSpan { start: first, end: last };
        if span.secs() < self.config.change_s || person.far.len() < self.config.change_views {
            return None;
        }
        let Some(largest) = self.alike(&person.far) else {
            // No face at all, or several: what is oldest goes.
            let surplus = person.far.len().saturating_sub(KEPT).max(1);
            person.far.drain(..surplus);
            return None;
        };
        let far = std::mem::take(&mut person.far);
        person.reference = Reference::of(far.iter().map(|f| &f.embedding), self.config.near);
        let behind_cut = self.cut > person.near;
        person.near = last;
        let kind = if behind_cut { EventKind::PersonChange } else { EventKind::IdentityChange };
        self.changes += usize::from(!behind_cut);
        Some(self.event(kind, track, span, largest, far.len()))
    }

    /// A track whose reference has just become ready: is it the face that left before it came?
    fn newcomer(&self, track: TrackId, person: &Person) -> Option<Event> {
        let gone = |p: &&Person| p.seen < person.first;
        let before = self.people.values().chain(&self.left).filter(gone).max_by_key(|p| p.seen)?;
        let apart = person.reference.apart(&before.reference).filter(|d| *d >= self.config.far)?;
        let span = TimeSpan { start: before.seen, end: person.first };
        Some(self.event(EventKind::PersonChange, track, span, apart, person.views))
    }

    /// A face that left long ago makes room.
    fn forget(&mut self, pts: MediaTime) -> Vec<Event> {
        let left: Vec<TrackId> = self.people.iter().filter(|(_, p)| pts - p.seen > LEFT).map(|(t, _)| *t).collect();
        let mut events = Vec::new();
        for track in left {
            let person = self.people.remove(&track);
            events.extend(person.as_ref().and_then(|p| self.drift(track, p)));
            self.left = person;
        }
        events
    }

    fn drift(&self, track: TrackId, person: &Person) -> Option<Event> {
        let drift = person.reference.drift();
        let span = TimeSpan { start: person.first, end: person.seen };
        let event = || Event {
            detail: vec![("drift_l2", drift.into()), ("views", person.reference.count() as f64)],
            ..self.event(EventKind::IdentityDrift, track, span, drift, 0)
        };
        (drift >= self.config.drift).then(event)
    }

    fn finding(&self) -> Finding {
        let (covered_s, unclear) = self.best;
        let (result, reason) = if self.previous.is_none() {
            (Outcome::NotAssessed, Reason::NoVideoStream)
        } else if self.faces == 0 {
            (Outcome::NotAssessed, Reason::NoFace)
        } else if self.changes > 0 {
            (Outcome::SignsFound, Reason::FaceChanges)
        } else if self.jumps > 0 {
            (Outcome::SignsFound, Reason::FaceJumps)
        } else if covered_s == 0.0 {
            (Outcome::NotAssessed, Reason::FaceUnclear)
        } else if covered_s < self.config.min_face_s {
            (Outcome::Inconclusive, Reason::LowCoverage)
        } else if unclear > self.config.max_unclear {
            (Outcome::Inconclusive, Reason::FaceUnclear)
        } else {
            (Outcome::NoSignsFound, Reason::SameFace)
        };
        Finding { result, p_masked: None, low: None, high: None, reasons: vec![reason] }
    }
}

impl Cue for Identity {
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let pts = frame.pts;
        if let Some((_, last)) = &self.previous
            && last.difference(&frame.glance) > self.config.cut_codes
        {
            self.cut = pts;
        }
        self.previous = Some((pts, frame.glance.clone()));
        let mut events = self.forget(pts);
        for face in &frame.faces {
            self.faces += 1;
            if let Some(person) = self.people.get_mut(&face.track) {
                person.seen = pts;
            }
            if let Some(embedding) = face.embedding.as_ref().filter(|_| shows_well(face, &self.config)) {
                events.extend(self.view(pts, face, embedding));
            }
        }
        events
    }

    fn finish(&mut self) -> CueEnd {
        let events = self.people.iter().filter_map(|(track, person)| self.drift(*track, person)).collect();
        CueEnd { events, finding: Some((Aspect::Identity, self.finding())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cues::scene::{Scene, glance};
    use proptest::prelude::*;

    /// Views every 0.1 s: how far each is from the true face, along one axis for another face and another for noise.
    fn run(distances: impl Iterator<Item = (f32, f32)>, cut_at: Option<i64>) -> (Vec<Event>, Finding) {
        let mut identity = Identity::new(IdentityConfig::default());
        let mut events = Vec::new();
        for (i, (other, noise)) in (0..).zip(distances) {
            let mut scene = Scene::at(i, 10);
            scene.embedding = Some(Arc::from([other, noise]));
            scene.glance = glance(if cut_at.is_some_and(|at| i >= at) { 200 } else { 50 });
            events.extend(identity.frame(&scene.frame()));
        }
        let end = identity.finish();
        events.extend(end.events);
        (events, end.finding.unwrap().1)
    }

    fn noise(i: i64) -> f32 {
        if i % 2 == 0 { 0.1 } else { -0.1 }
    }

    #[test]
    fn the_worked_example() {
        let jump = |i: i64| if (100..102).contains(&i) { 0.8 } else { 0.0 };
        let (events, finding) = run((0..200).map(|i| (jump(i), noise(i))), None);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::IdentityJump]);
        assert_eq!((events[0].span.start.as_secs(), events[0].span.end.as_secs()), (10.0, 10.1));
        assert!((events[0].detail[0].1 - 0.8).abs() < 0.02, "{events:?}");
        assert_eq!((finding.result, &finding.reasons[..]), (Outcome::SignsFound, &[Reason::FaceJumps][..]));
        let (events, finding) = run((0..200).map(|i| (if i < 100 { 0.0 } else { 0.8 }, noise(i))), None);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::IdentityChange]);
        assert_eq!(finding.reasons, [Reason::FaceChanges]);
    }

    #[test]
    fn behind_a_cut_a_new_face_is_context() {
        let (events, finding) = run((0..200).map(|i| (if i < 100 { 0.0 } else { 0.8 }, noise(i))), Some(100));
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::PersonChange]);
        assert_eq!(finding.result, Outcome::NoSignsFound);
    }

    #[test]
    fn slow_drift_is_context() {
        let (events, finding) = run((0..600).map(|i| (i as f32 * 0.001, noise(i))), None);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::IdentityDrift]);
        assert_eq!(finding.result, Outcome::NoSignsFound);
    }

    #[test]
    fn a_face_that_does_not_show_well_is_not_compared() {
        let spoil: [fn(&mut Scene); 5] = [
            |s| s.yaw_deg = 45.0,
            |s| s.size_px = 30.0,
            |s| s.sharpness = 0.01,
            |s| s.exposure = 0.05,
            |s| s.confidence = 0.6,
        ];
        for (n, spoil) in spoil.into_iter().enumerate() {
            let mut identity = Identity::new(IdentityConfig::default());
            for i in 0..200 {
                let mut scene = Scene::at(i, 10);
                let far = (100..160).contains(&i);
                scene.embedding = Some(Arc::from([if far { 0.9 } else { 0.0 }, noise(i)]));
                if far {
                    spoil(&mut scene);
                }
                assert!(identity.frame(&scene.frame()).is_empty(), "{n} at {i}");
            }
            assert_eq!(identity.finish().finding.unwrap().1.result, Outcome::NoSignsFound, "{n}");
        }
    }

    #[test]
    fn without_views_nothing_is_said() {
        let mut identity = Identity::new(IdentityConfig::default());
        assert_eq!(identity.finish().finding.unwrap().1.reasons, [Reason::NoVideoStream]);
        let (_, finding) = run((0..20).map(|i| (0.0, noise(i))), None);
        assert_eq!((finding.result, &finding.reasons[..]), (Outcome::Inconclusive, &[Reason::LowCoverage][..]));
    }

    proptest! {
        #[test]
        fn one_face_in_noise_gives_no_sign(xs in prop::collection::vec((-0.25f32..0.25, -0.25f32..0.25), 10..200)) {
            let (events, _) = run(xs.into_iter(), None);
            prop_assert!(events.is_empty(), "{events:?}");
        }

        #[test]
        fn single_views_beyond_give_no_sign(at in 10i64..90, to in 0.7f32..1.5) {
            let (events, _) = run((0..100).map(|i| (if i == at { to } else { 0.0 }, noise(i))), None);
            prop_assert!(events.is_empty(), "{events:?}");
        }
    }
}
