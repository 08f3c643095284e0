//! Where to look. In: frames in order. Out: their faces, mostly found by looking where they were.
//!
//! The whole picture is looked at now and then, and whenever a face is not where it was. In between the same network sees the
//! part around each face at the same scale or smaller, a sixth to a third of the whole picture's work. A face counts as found
//! there when its box still overlaps the last one by [`STAYED`]: then it lies inside its part with room to spare, so that its box
//! is the one that the whole picture would give, but for the sampling.

use super::Detector;
use crate::infer::InferError;
use crate::types::{BoxPx, Detection, MediaTime, Picture};

/// Overlap (intersection over union) of a face's box with its last one; less is a jump, and the whole picture is looked at.
const STAYED: f32 = 0.4;

/// After a longer time without a look, faces may be anywhere.
const LATELY: MediaTime = MediaTime(500_000_000);

/// With more faces than this the parts cost as much as the whole.
const MOST: usize = 3;

/// A face as it was last seen.
#[derive(Debug, Clone, Copy)]
struct Known {
    bbox: BoxPx,
    is_sure: bool,
}

/// Follows faces from frame to frame.
pub struct Follow {
    whole_every: MediaTime,
    sure: f32,
    faces: Vec<Known>,
    whole_at: Option<MediaTime>,
    looked_at: MediaTime,
    /// Until then whole pictures are looked at: a face was lost.
    doubt_until: MediaTime,
}

impl Follow {
    /// The whole picture is looked at `whole_every` (zero: in each frame), while no face has a score of `sure`, and for so
    /// long after a face that had it was lost.
    pub fn new(whole_every: MediaTime, sure: f32) -> Self {
        let (looked_at, doubt_until) = (MediaTime::ZERO, MediaTime::ZERO);
        Self { whole_every, sure, faces: Vec::new(), whole_at: None, looked_at, doubt_until }
    }

    /// Every face of the frame with a score of at least `min_score`, best first; between looks at whole pictures, those that
    /// were there at the last one.
    pub fn find(
        &mut self,
        detector: &mut dyn Detector,
        (picture, pts): (&Picture, MediaTime),
        min_score: f32,
    ) -> Result<Vec<Detection>, InferError> {
        let may = self.may_follow(pts);
        let followed = if may { self.follow(detector, picture, min_score)? } else { None };
        if may && followed.is_none() {
            self.doubt_until = pts + self.whole_every;
        }
        let found = match followed {
            Some(found) => found,
            None => {
                self.whole_at = Some(pts);
                detector.detect(picture, min_score)?
            }
        };
        self.looked_at = pts;
        self.faces.clear();
        self.faces.extend(found.iter().map(|face| Known { bbox: face.bbox, is_sure: face.score >= self.sure }));
        Ok(found)
    }

    fn may_follow(&self, pts: MediaTime) -> bool {
        let lately = pts >= self.looked_at && pts - self.looked_at <= LATELY && pts >= self.doubt_until;
        let known = self.faces.len() <= MOST && self.faces.iter().any(|face| face.is_sure);
        lately && known && self.whole_at.is_some_and(|whole| pts - whole < self.whole_every)
    }

    /// The faces near where they were; `None` when a sure one is not. Those that were unsure may go.
    fn follow(
        &self,
        detector: &mut dyn Detector,
        picture: &Picture,
        min_score: f32,
    ) -> Result<Option<Vec<Detection>>, InferError> {
        let mut all: Vec<Detection> = Vec::with_capacity(self.faces.len());
        for Known { bbox, is_sure } in &self.faces {
            let near = detector.detect_around(picture, bbox, min_score)?;
            let best = near.into_iter().max_by(|a, b| a.bbox.iou(bbox).total_cmp(&b.bbox.iou(bbox)));
            let best = best.filter(|face| face.bbox.iou(bbox) >= STAYED);
            // Two faces that have become one are looked at again, too.
            let own = best.filter(|face| all.iter().all(|other| other.bbox.iou(&face.bbox) < STAYED));
            match own {
                Some(face) if face.score >= self.sure || !is_sure => all.push(face),
                None if !is_sure => {}
                _ => return Ok(None),
            }
        }
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(Some(all))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::face::detect::FixedDetector;
    use crate::media::OwnedPlanes;
    use crate::types::PictureFormat;

    /// Counts looks, and sees only a part where a part is asked for.
    #[derive(Default)]
    struct Counting {
        inner: FixedDetector,
        whole: usize,
        parts: usize,
    }

    impl Detector for Counting {
        fn detect(&mut self, picture: &Picture, min_score: f32) -> Result<Vec<Detection>, InferError> {
            self.whole += 1;
            self.inner.detect(picture, min_score)
        }

        fn detect_around(&mut self, picture: &Picture, face: &BoxPx, least: f32) -> Result<Vec<Detection>, InferError> {
            self.parts += 1;
            self.inner.detect_around(picture, face, least)
        }

        fn cpu_time(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn face(x: f32, score: f32) -> Detection {
        Detection { score, ..FixedDetector::frontal(BoxPx { x, y: 100.0, w: 80.0, h: 100.0 }).faces[0] }
    }

    /// What is found in frame `i` of 30 a second.
    fn look(follow: &mut Follow, detector: &mut Counting, i: i64) -> Vec<Detection> {
        let planes = OwnedPlanes::i420(16, 16, |_, _| 100, |_, _| (128, 128));
        let picture = Picture::new(Arc::new(planes), PictureFormat::I420, 16, 16).unwrap();
        follow.find(detector, (&picture, MediaTime::from_samples(i, 30)), 0.3).unwrap()
    }

    #[test]
    fn a_face_that_moves_a_little_is_followed() {
        let (mut follow, mut detector) = (Follow::new(MediaTime::from_secs(1.0), 0.6), Counting::default());
        for i in 0..60 {
            detector.inner.faces = vec![face(100.0 + 5.0 * i as f32, 0.9)];
            assert_eq!(look(&mut follow, &mut detector, i), detector.inner.faces, "frame {i}");
        }
        assert_eq!((detector.whole, detector.parts), (2, 58));
    }

    #[test]
    fn what_jumps_vanishes_or_is_unsure_is_looked_for_everywhere() {
        for next in [vec![face(160.0, 0.9)], vec![], vec![face(100.0, 0.5)]] {
            let (mut follow, mut detector) = (Follow::new(MediaTime::from_secs(1.0), 0.6), Counting::default());
            detector.inner.faces = vec![face(100.0, 0.9)];
            look(&mut follow, &mut detector, 0);
            detector.inner.faces = next.clone();
            assert_eq!(look(&mut follow, &mut detector, 1), next);
            assert_eq!((detector.whole, detector.parts), (2, 1));
        }
    }

    #[test]
    fn an_unsure_face_is_followed_beside_a_sure_one_and_may_go() {
        let (mut follow, mut detector) = (Follow::new(MediaTime::from_secs(1.0), 0.6), Counting::default());
        let (sure, unsure) = (face(100.0, 0.9), face(400.0, 0.4));
        for faces in [vec![sure, unsure], vec![sure, unsure], vec![sure]] {
            detector.inner.faces = faces.clone();
            let i = detector.whole + detector.parts;
            assert_eq!(look(&mut follow, &mut detector, i as i64), faces);
        }
        assert_eq!((detector.whole, detector.parts), (1, 4));
        detector.inner.faces = vec![face(100.0, 0.5)];
        (10..40).for_each(|i| assert_eq!(look(&mut follow, &mut detector, i).len(), 1));
        assert_eq!(detector.whole, 31, "a sure face that is no more is looked for everywhere");
    }

    #[test]
    fn who_comes_is_found_when_the_whole_picture_is_next_looked_at() {
        let (mut follow, mut detector) = (Follow::new(MediaTime::from_secs(1.0), 0.6), Counting::default());
        detector.inner.faces = vec![face(100.0, 0.9)];
        look(&mut follow, &mut detector, 0);
        detector.inner.faces = vec![face(100.0, 0.9), face(400.0, 0.8)];
        let seen: Vec<usize> = (1..=30).map(|i| look(&mut follow, &mut detector, i).len()).collect();
        assert!(seen[..29].iter().all(|n| *n == 1) && seen[29] == 2, "{seen:?}");
        look(&mut follow, &mut detector, 31);
        assert_eq!((detector.whole, detector.parts), (2, 31), "and then both are followed");
    }

    #[test]
    fn after_a_pause_or_without_following_the_whole_picture_counts() {
        for (every, frames) in [(1.0, [0, 20]), (0.0, [0, 1])] {
            let (mut follow, mut detector) = (Follow::new(MediaTime::from_secs(every), 0.6), Counting::default());
            detector.inner.faces = vec![face(100.0, 0.9)];
            for i in frames {
                look(&mut follow, &mut detector, i);
            }
            assert_eq!((detector.whole, detector.parts), (2, 0));
        }
    }
}
