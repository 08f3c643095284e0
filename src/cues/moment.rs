//! What a face did lately. In: its sights, frame by frame. Out: what was measured before, during and after a moment,
//! and how much later the light on the face changed than the light around it.

use std::collections::VecDeque;

use crate::types::{FaceEvidence, FrameEvidence, Landmarks, Look, Measure, MediaTime, Prob, TimeSpan};

/// Sights are kept for so long: at 30 frames a second 600, 150 bytes each.
const KEPT: MediaTime = MediaTime(20_000_000_000);

/// What counts as before and after.
pub const AROUND: MediaTime = MediaTime(1_000_000_000);

/// Fewer scored sights than this have no mean.
const FEW: usize = 3;

/// A jump of the points: more than this in eye distances from frame to frame, the head's own motion taken out.
const POINTS_JUMP: f32 = 0.25;

/// A picture whose luma changes less, in codes, has no change of light to follow.
const PICTURE_STEP: f32 = 8.0;

/// Steps of the lag, and the longest looked for.
const LAG_STEP_S: f64 = 0.02;
const LAG_STEPS: i64 = 25;

/// One sight.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    pub pts: MediaTime,
    pub yaw_deg: f32,
    /// Middle of the box, and its width, in pixels.
    pub centre: (f32, f32),
    pub width: f32,
    pub logit: Option<f32>,
    /// Mean luma codes of the face and of the whole picture.
    pub face_luma: f32,
    pub picture_luma: f32,
    pub confidence: f32,
    pub look: Look,
    /// The points moved against each other since the sight before.
    pub points_jump: bool,
    /// Distance of the embedding from the face's mean, where it shows well.
    pub distance: Option<f32>,
    landmarks: Landmarks,
}

/// The last seconds of one face.
#[derive(Debug, Default)]
pub struct Recent {
    sights: VecDeque<Sight>,
}

impl Recent {
    /// Adds a sight.
    pub fn push(&mut self, frame: &FrameEvidence, face: &FaceEvidence, distance: Option<f32>) {
        let centre = face.bbox.centre();
        let last = self.sights.back().map(|s| s.landmarks);
        let sight = Sight {
            pts: frame.pts,
            yaw_deg: face.quality.yaw_deg,
            centre: (centre.x, centre.y),
            width: face.bbox.w.max(1.0),
            logit: face.logit,
            face_luma: face.look.mean(),
            picture_luma: frame.glance.mean(),
            confidence: face.confidence,
            look: face.look.clone(),
            points_jump: last.is_some_and(|last| bend(&last, &face.landmarks) > POINTS_JUMP),
            distance,
            landmarks: face.landmarks,
        };
        self.sights.push_back(sight);
        while self.sights.front().is_some_and(|s| frame.pts - s.pts > KEPT) {
            self.sights.pop_front();
        }
    }

    /// The last sight.
    pub fn last(&self) -> Option<&Sight> {
        self.sights.back()
    }

    /// The sights from `start` to `end`.
    pub fn within(&self, span: TimeSpan) -> impl Iterator<Item = &Sight> + Clone {
        self.sights.iter().filter(move |s| s.pts >= span.start && s.pts <= span.end)
    }

    /// How fast the face moves, in its widths a second, over the last tenth of a second or more.
    pub fn speed(&self) -> Option<f32> {
        let now = self.sights.back()?;
        let then = self.sights.iter().rev().find(|s| (now.pts - s.pts).as_secs() >= 0.1)?;
        let seconds = (now.pts - then.pts).as_secs() as f32;
        let way = (now.centre.0 - then.centre.0).hypot(now.centre.1 - then.centre.1);
        (seconds <= 0.5).then(|| way / now.width.max(then.width) / seconds)
    }

    /// How much brighter or darker the face is than half a second ago, in codes.
    pub fn light_step(&self) -> Option<f32> {
        let now = self.sights.back()?.pts;
        let mean = |from: f64, to: f64| {
            let span = TimeSpan { start: now - MediaTime::from_secs(from), end: now - MediaTime::from_secs(to) };
            average(self.within(span).map(|s| s.face_luma))
        };
        Some(mean(0.2, 0.0)? - mean(0.9, 0.6)?)
    }

    /// Mean log-odds of "masked" over a span; `None` with fewer than three scored sights.
    pub fn logit(&self, span: TimeSpan) -> Option<f32> {
        let scored = self.within(span).filter_map(|s| s.logit);
        if scored.clone().count() < FEW { None } else { average(scored) }
    }

    /// The spans before, during and after a moment.
    pub fn parts(span: TimeSpan) -> [TimeSpan; 3] {
        let nudge = MediaTime(1);
        [
            TimeSpan { start: span.start - AROUND, end: span.start - nudge },
            span,
            TimeSpan { start: span.end + nudge, end: span.end + AROUND },
        ]
    }

    /// What every moment reports: P(masked) before, during and after, jumps of the points, the farthest embedding.
    pub fn measures(&self, span: TimeSpan) -> Vec<Measure> {
        let names = ["before_p", "during_p", "after_p"];
        let parts = Self::parts(span).map(|part| self.logit(part).and_then(Prob::from_logit));
        let mut measures: Vec<Measure> =
            names.into_iter().zip(parts).filter_map(|(name, p)| Some((name, f64::from(p?.get())))).collect();
        measures.push(("points_jumps", self.within(span).filter(|s| s.points_jump).count() as f64));
        let farthest = self.within(span).filter_map(|s| s.distance).reduce(f32::max);
        measures.extend(farthest.map(|d| ("distance_l2", f64::from(d))));
        measures
    }

    /// How much later the face's luma follows than the picture's, in seconds, by the lag (at most half a second either
    /// way) at which their changes correlate best; with that correlation, −1..=1.
    pub fn light_lag(&self, span: TimeSpan) -> Option<(f64, f32)> {
        let wide = TimeSpan { start: span.start - AROUND, end: span.end + AROUND };
        let face: Vec<(f64, f32)> = self.within(wide).map(|s| (s.pts.as_secs(), s.face_luma)).collect();
        let picture: Vec<(f64, f32)> = self.within(wide).map(|s| (s.pts.as_secs(), s.picture_luma)).collect();
        let (first, last) = (face.first()?.0, face.last()?.0);
        let margin = LAG_STEPS as f64 * LAG_STEP_S;
        let n = ((last - first - 2.0 * margin) / LAG_STEP_S) as i64;
        let (low, high) = picture.iter().fold((f32::MAX, f32::MIN), |(l, h), (_, v)| (l.min(*v), h.max(*v)));
        if n < 10 || high - low < PICTURE_STEP {
            return None;
        }
        let changes = |series: &[(f64, f32)], lag: i64| -> Vec<f32> {
            let at = |i: i64| interpolate(series, first + margin + (i + lag) as f64 * LAG_STEP_S);
            (0..n).map(|i| at(i + 2) - at(i - 2)).collect()
        };
        let around = changes(&picture, 0);
        let lags = -LAG_STEPS + 2..=LAG_STEPS - 2;
        let fits = lags.map(|lag| (lag as f64 * LAG_STEP_S, correlation(&around, &changes(&face, lag))));
        fits.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.abs().total_cmp(&a.0.abs())))
    }
}

/// The mean; `None` of nothing.
pub fn average(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, n) = values.fold((0.0f32, 0u32), |(sum, n), v| (sum + v, n + 1));
    (n > 0).then(|| sum / n as f32)
}

/// Mean way of the points against each other, in eye distances: shift and size are taken out.
fn bend(from: &Landmarks, to: &Landmarks) -> f32 {
    let Some(map) = crate::face::similarity(from, to) else { return 0.0 };
    let eyes = (to[1].x - to[0].x).hypot(to[1].y - to[0].y).max(1.0);
    let way = |(a, b): (&crate::types::Point, &crate::types::Point)| {
        let moved = map.apply(*a);
        (moved.x - b.x).hypot(moved.y - b.y)
    };
    from.iter().zip(to).map(way).sum::<f32>() / to.len() as f32 / eyes
}

/// The value at `time`, on the line between its neighbours.
fn interpolate(series: &[(f64, f32)], time: f64) -> f32 {
    let behind = series.partition_point(|(t, _)| *t < time);
    match (behind.checked_sub(1).and_then(|i| series.get(i)), series.get(behind)) {
        (Some((t0, a)), Some((t1, b))) => a + (b - a) * ((time - t0) / (t1 - t0).max(1e-9)) as f32,
        (Some((_, a)), None) | (None, Some((_, a))) => *a,
        (None, None) => 0.0,
    }
}

/// Cosine of the angle between two series; 0 when either is flat.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    let size = (dot(a, a) * dot(b, b)).sqrt();
    if size > 1e-3 { dot(a, b) / size } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cues::scene::{Scene, glance, look};
    use proptest::prelude::*;

    fn recent(scenes: impl Iterator<Item = Scene>) -> Recent {
        let mut recent = Recent::default();
        for scene in scenes {
            let frame = scene.frame();
            recent.push(&frame, &frame.faces[0], None);
        }
        recent
    }

    fn span(start: f64, end: f64) -> TimeSpan {
        TimeSpan { start: MediaTime::from_secs(start), end: MediaTime::from_secs(end) }
    }

    #[test]
    fn speed_is_in_widths_a_second() {
        let recent = recent((0..10).map(|i| Scene { centre: (100.0 + 12.0 * i as f32, 100.0), ..Scene::at(i, 25) }));
        assert!((recent.speed().unwrap() - 2.5).abs() < 0.1, "{:?}", recent.speed());
    }

    #[test]
    fn a_bent_face_is_a_jump_a_moved_one_is_not() {
        let from = Scene::at(0, 25).frame().faces[0].landmarks;
        let moved = from.map(|p| crate::types::Point { x: p.x * 1.2 + 30.0, y: p.y * 1.2 - 9.0 });
        assert!(bend(&from, &moved) < 0.01);
        let mut bent = from;
        bent[2].x += 60.0;
        assert!(bend(&from, &bent) > POINTS_JUMP);
    }

    proptest! {
        #[test]
        fn the_lag_is_found(lag in -0.3f64..0.3, step in 20.0f32..60.0) {
            let ramp = |t: f64, at: f64| ((t - at) / 0.2).clamp(0.0, 1.0) as f32 * step;
            let scenes = (0..100).map(|i| {
                let t = i as f64 / 25.0;
                let face = 100.0 + ramp(t, 1.9 + lag);
                Scene { look: look(|_| face), glance: glance((100.0 + ramp(t, 1.9)) as u8), ..Scene::at(i, 25) }
            });
            let (found, clear) = recent(scenes).light_lag(span(1.8, 2.2)).unwrap();
            prop_assert!((found - lag).abs() <= 0.04 && clear > 0.8, "{found} {clear} {lag}");
        }
    }
}
