//! Tracking. In: detections of consecutive frames. Out: the same detections with stable numbers.
//!
//! Two-pass association after ByteTrack (Y. Zhang et al., ECCV 2022): confident detections are matched to tracks
//! first, unsure ones then keep tracks alive but start none. Motion is a box that keeps its velocity. A lost track
//! is remembered for two seconds, so that a hand before the face does not make a new person.

mod motion;

use motion::Motion;

use crate::types::{BoxPx, Detection, MediaTime, TrackId};

/// How long a face may be out of sight and still be the same.
const MEMORY: MediaTime = MediaTime(2_000_000_000);

/// Detections below `min_score` but above this part of it keep a track alive.
const UNSURE: f32 = 0.5;

/// Pairs less alike than this are never matched.
const MIN_AFFINITY: f32 = 0.15;

/// A detection with the number of its person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedFace {
    /// Who.
    pub track: TrackId,
    /// Where.
    pub detection: Detection,
}

struct Track {
    id: TrackId,
    motion: Motion,
    seen: MediaTime,
}

/// Gives detections stable numbers.
pub struct Tracker {
    min_score: f32,
    tracks: Vec<Track>,
    started: u32,
}

impl Tracker {
    /// `min_score` is the lowest detector score that starts a track.
    pub fn new(min_score: f32) -> Self {
        Self { min_score, tracks: Vec::new(), started: 0 }
    }

    /// The detector score below which detections are of no use here.
    pub fn floor(&self) -> f32 {
        self.min_score * UNSURE
    }

    /// Matches the detections of one frame; the result is ordered by track.
    pub fn update(&mut self, pts: MediaTime, detections: &[Detection]) -> Vec<TrackedFace> {
        self.tracks.retain(|t| (pts - t.seen) <= MEMORY);
        let (sure, unsure): (Vec<_>, Vec<_>) = detections.iter().partition(|d| d.score >= self.min_score);
        let mut free: Vec<usize> = (0..self.tracks.len()).collect();
        let mut out = Vec::new();
        let left = self.associate(pts, &sure, &mut free, &mut out);
        self.associate(pts, &unsure, &mut free, &mut out);
        for detection in left {
            self.started += 1;
            let id = TrackId(self.started);
            self.tracks.push(Track { id, motion: Motion::new(detection.bbox, pts), seen: pts });
            out.push(TrackedFace { track: id, detection });
        }
        out.sort_by_key(|f| f.track);
        out
    }

    /// Greedy by affinity; returns the detections nobody claimed.
    fn associate(
        &mut self,
        pts: MediaTime,
        detections: &[&Detection],
        free: &mut Vec<usize>,
        out: &mut Vec<TrackedFace>,
    ) -> Vec<Detection> {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for &t in free.iter() {
            let expected = self.tracks[t].motion.predict(pts);
            for (d, detection) in detections.iter().enumerate() {
                let affinity = affinity(&expected, &detection.bbox);
                if affinity >= MIN_AFFINITY {
                    pairs.push((affinity, t, d));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut taken = vec![false; detections.len()];
        for (_, t, d) in pairs {
            if taken[d] || !free.contains(&t) {
                continue;
            }
            taken[d] = true;
            free.retain(|f| *f != t);
            let track = &mut self.tracks[t];
            track.motion.correct(detections[d].bbox, pts);
            track.seen = pts;
            out.push(TrackedFace { track: track.id, detection: *detections[d] });
        }
        detections.iter().zip(taken).filter(|(_, taken)| !taken).map(|(d, _)| **d).collect()
    }
}

/// How alike two boxes are, 0..=1: the better of their overlap and of their nearness in units of their size
/// (small or fast faces do not overlap from frame to frame), less when their sizes differ.
fn affinity(a: &BoxPx, b: &BoxPx) -> f32 {
    let (ca, cb) = (a.centre(), b.centre());
    let size = (a.area().max(1.0).sqrt() + b.area().max(1.0).sqrt()) / 2.0;
    let near = 1.0 - ((ca.x - cb.x).hypot(ca.y - cb.y) / (1.5 * size)).min(1.0);
    let sizes = (a.area().min(b.area()) / a.area().max(b.area()).max(1e-6)).sqrt();
    a.iou(b).max(near * 0.8) * sizes.max(0.3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::detect::FixedDetector;
    use proptest::prelude::*;

    fn face(x: f32, y: f32, size: f32) -> Detection {
        FixedDetector::frontal(BoxPx { x, y, w: size, h: size }).faces[0]
    }

    fn at(frame: i64) -> MediaTime {
        MediaTime::from_samples(frame, 30)
    }

    #[test]
    fn two_people_who_cross_keep_their_numbers() {
        let mut tracker = Tracker::new(0.6);
        for frame in 0..60 {
            let x = frame as f32 * 6.0;
            let found = tracker.update(at(frame), &[face(x, 100.0, 60.0), face(354.0 - x, 180.0, 60.0)]);
            assert_eq!(found.iter().map(|f| f.track.0).collect::<Vec<_>>(), [1, 2], "frame {frame}");
            assert!((found[0].detection.bbox.x - x).abs() < 1e-3);
        }
    }

    #[test]
    fn a_face_behind_a_hand_comes_back_as_itself() {
        let mut tracker = Tracker::new(0.6);
        tracker.update(at(0), &[face(100.0, 100.0, 80.0)]);
        for frame in 1..30 {
            assert!(tracker.update(at(frame), &[]).is_empty());
        }
        assert_eq!(tracker.update(at(30), &[face(110.0, 104.0, 80.0)])[0].track, TrackId(1));
    }

    #[test]
    fn a_long_absence_makes_a_new_number() {
        let mut tracker = Tracker::new(0.6);
        tracker.update(at(0), &[face(100.0, 100.0, 80.0)]);
        assert_eq!(tracker.update(at(90), &[face(100.0, 100.0, 80.0)])[0].track, TrackId(2));
    }

    #[test]
    fn an_unsure_detection_continues_a_track_but_starts_none() {
        let mut tracker = Tracker::new(0.6);
        let unsure = Detection { score: 0.4, ..face(100.0, 100.0, 80.0) };
        assert!(tracker.update(at(0), &[unsure]).is_empty());
        tracker.update(at(1), &[face(100.0, 100.0, 80.0)]);
        assert_eq!(tracker.update(at(2), &[unsure])[0].track, TrackId(1));
    }

    proptest! {
        #[test]
        fn every_sure_detection_gets_its_own_number(
            xs in proptest::collection::vec((0.0f32..1000.0, 0.0f32..700.0, 20.0f32..200.0), 0..8)
        ) {
            let mut tracker = Tracker::new(0.6);
            for frame in 0..3 {
                let faces: Vec<_> = xs.iter().map(|&(x, y, s)| face(x + frame as f32, y, s)).collect();
                let found = tracker.update(at(frame), &faces);
                prop_assert_eq!(found.len(), faces.len());
                prop_assert!(found.windows(2).all(|w| w[0].track < w[1].track));
            }
        }
    }
}
