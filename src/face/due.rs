//! When to embed a face. In: each sight of it. Out: now or not: a few times a second, and at doubtful moments frame by
//! frame, for a mask that slips shows the face under it for a few frames only.
//!
//! Doubtful is: the points jump, the face is back after a gap, its quality changes at once, or the aligned face itself
//! looks different from the frame before. Doubt is paid from a purse, so that a restless face costs at most twice as
//! much as a calm one.

use std::collections::BTreeMap;

use crate::types::{Landmarks, Look, MediaTime, Quality, TrackId};

/// A face out of sight for so long is forgotten.
const MEMORY: MediaTime = MediaTime(3_000_000_000);

/// Unseen for so many analysed frames: it is back after a gap.
const GAP_FRAMES: i64 = 3;

/// Mean way of the points from frame to frame, in eye distances.
const POINTS_JUMP: f32 = 0.5;

/// Factor in sharpness, and step of exposure, from frame to frame.
const QUALITY_JUMP: (f32, f32) = (1.7, 0.08);

/// [`Look::difference`] from frame to frame in luma codes, above the track's usual one.
const LOOK_JUMP: f32 = 5.0;

/// Frames after a doubtful one are looked at for so long.
const DOUBT: MediaTime = MediaTime(250_000_000);

/// Most doubtful embeddings in a row.
const PURSE: f32 = 6.0;

struct Sight {
    pts: MediaTime,
    landmarks: Landmarks,
    quality: Quality,
    look: Look,
    /// Usual difference from frame to frame.
    usual: f32,
    embedded: Option<MediaTime>,
    doubt_until: MediaTime,
    purse: f32,
}

/// Decides for every face in view.
pub struct EmbedSchedule {
    interval: MediaTime,
    tracks: BTreeMap<TrackId, Sight>,
    previous: Option<MediaTime>,
    step: MediaTime,
}

/// One sight of a face.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Whose face.
    pub track: TrackId,
    /// The five points.
    pub landmarks: &'a Landmarks,
    /// Its quality.
    pub quality: &'a Quality,
    /// The aligned face.
    pub look: &'a Look,
    /// Whether it can be judged at all.
    pub fit: bool,
}

impl EmbedSchedule {
    /// `hz` times a second in calm moments.
    pub fn new(hz: f64) -> Self {
        let interval = MediaTime::from_secs(1.0 / hz);
        Self { interval, tracks: BTreeMap::new(), previous: None, step: MediaTime::ZERO }
    }

    /// Begins a frame.
    pub fn frame(&mut self, pts: MediaTime) {
        self.step = self.previous.map_or(MediaTime::ZERO, |p| pts - p);
        self.previous = Some(pts);
        self.tracks.retain(|_, sight| pts - sight.pts <= MEMORY);
    }

    /// Takes a face of this frame; true when it should be embedded.
    pub fn wants(&mut self, pts: MediaTime, seen: &Seen<'_>) -> bool {
        let before = self.tracks.remove(&seen.track);
        let mut sight = self.look(pts, seen, before);
        let due = sight.embedded.is_none_or(|at| (pts - at).0 + 1_000_000 >= self.interval.0);
        let doubtful = pts <= sight.doubt_until && sight.purse >= 1.0;
        let wanted = seen.fit && (due || doubtful);
        if wanted {
            sight.purse -= if due { 0.0 } else { 1.0 };
            sight.embedded = Some(pts);
        }
        self.tracks.insert(seen.track, sight);
        wanted
    }

    fn look(&self, pts: MediaTime, seen: &Seen<'_>, before: Option<Sight>) -> Sight {
        let Seen { landmarks, quality, look, .. } = seen.clone();
        let fresh = |usual, embedded, doubt_until, purse| Sight {
            pts,
            landmarks: *landmarks,
            quality: *quality,
            look: look.clone(),
            usual,
            embedded,
            doubt_until,
            purse,
        };
        let Some(last) = before else { return fresh(LOOK_JUMP, None, MediaTime(i64::MIN), PURSE) };
        let eyes = (landmarks[1].x - landmarks[0].x).hypot(landmarks[1].y - landmarks[0].y).max(1.0);
        let way = |(a, b): (&crate::types::Point, &crate::types::Point)| (a.x - b.x).hypot(a.y - b.y);
        let moved = landmarks.iter().zip(&last.landmarks).map(way).sum::<f32>() / landmarks.len() as f32 / eyes;
        let (a, b) = (quality.sharpness.max(1e-3), last.quality.sharpness.max(1e-3));
        let difference = look.difference(&last.look);
        let doubts = [
            (pts - last.pts).0 > GAP_FRAMES * self.step.0,
            moved > POINTS_JUMP,
            (a / b).max(b / a) > QUALITY_JUMP.0,
            (quality.exposure - last.quality.exposure).abs() > QUALITY_JUMP.1,
            difference > last.usual + LOOK_JUMP,
        ];
        let until = if doubts.contains(&true) { pts + DOUBT } else { last.doubt_until };
        let earned = (pts - last.pts).as_secs() as f32 / self.interval.as_secs().max(1e-3) as f32;
        let usual = last.usual + (difference.min(20.0) - last.usual) * 0.1;
        fresh(usual, last.embedded, until, (last.purse + earned).min(PURSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::detect::FixedDetector;
    use crate::types::BoxPx;
    use crate::types::fixtures::QUALITY;
    use proptest::prelude::*;

    fn quality(sharpness: f32) -> Quality {
        Quality { sharpness, ..QUALITY }
    }

    fn points(x: f32) -> Landmarks {
        FixedDetector::frontal(BoxPx { x, y: 100.0, w: 100.0, h: 100.0 }).faces[0].landmarks
    }

    /// Frames, at 25 a second, in which the face is embedded.
    fn embedded(frames: impl Iterator<Item = (i64, f32, f32, bool)>) -> Vec<i64> {
        let mut schedule = EmbedSchedule::new(2.5);
        let look = Look::default();
        let mut wanted = Vec::new();
        for (i, x, sharpness, fit) in frames {
            let pts = MediaTime::from_samples(i, 25);
            schedule.frame(pts);
            let (landmarks, quality) = (points(x), quality(sharpness));
            let seen = Seen { track: TrackId(1), landmarks: &landmarks, quality: &quality, look: &look, fit };
            if schedule.wants(pts, &seen) {
                wanted.push(i);
            }
        }
        wanted
    }

    #[test]
    fn a_calm_face_is_embedded_in_rhythm() {
        assert_eq!(embedded((0..30).map(|i| (i, 100.0, 0.2, true))), [0, 10, 20]);
        assert!(embedded((0..30).map(|i| (i, 100.0, 0.2, false))).is_empty(), "not while it cannot be judged");
    }

    #[test]
    fn a_jump_is_looked_at_frame_by_frame() {
        let jump = embedded((0..30).map(|i| (i, if (12..14).contains(&i) { 160.0 } else { 100.0 }, 0.2, true)));
        assert_eq!(jump, [0, 10, 12, 13, 14, 15, 16, 17, 27], "until the purse is empty");
        let blur = embedded((0..16).map(|i| (i, 100.0, if i == 5 { 0.05 } else { 0.2 }, true)));
        assert!(blur.contains(&5) && blur.contains(&6), "{blur:?}");
    }

    proptest! {
        #[test]
        fn the_cost_is_bounded(xs in prop::collection::vec(0.0f32..500.0, 250)) {
            let n = embedded(xs.iter().enumerate().map(|(i, x)| (i as i64, *x, 0.2, true))).len();
            prop_assert!(n as f32 <= 2.0 * 2.5 * 10.0 + PURSE + 1.0, "{} in 10 s", n);
        }
    }
}
