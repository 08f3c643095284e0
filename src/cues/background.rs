//! The background. In: frames with one face. Out: one context event where the room shows hardly any detail beside a sharp
//! face, as behind a blurred or virtual background. Never a sign by itself: many honest people use one, and a plain wall
//! looks the same.
//!
//! Measured is how much neighbouring pixels differ, in the face and in the cells of the picture that lie beside and
//! above the person. A lens blurs a distant room, too, but a webcam has too small an aperture to blur it so far.
//!
//! Worked example: cells of the face differ by 3.0 codes from pixel to pixel, those of the room by 0.2. The ratio 0.07 is
//! below `max_ratio`: `background_blurred` with `ratio` = 0.07.
//!
//! Source: Pertuz, Puig, Garcia, "Analysis of focus measure operators", Pattern Recognition 2013 (gradient energy).

use serde::{Deserialize, Serialize};

use super::{Cue, CueEnd};
use crate::types::{BoxPx, Event, EventKind, FrameEvidence, Glance, MediaTime, Prob, TimeSpan};

/// Thresholds of the background cue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackgroundConfig {
    /// Detail of the background over that of the face, below which it is blurred.
    pub max_ratio: f32,
    /// A face with less detail says nothing about the background, in luma codes from pixel to pixel.
    pub min_face_codes: f32,
    /// A shorter stretch is none.
    pub min_length_s: f64,
}

impl Default for BackgroundConfig {
    fn default() -> Self {
        Self { max_ratio: 0.12, min_face_codes: 1.0, min_length_s: 2.0 }
    }
}

/// Cells that are taken for the room.
const LEAST_CELLS: usize = 40;

/// Watches the room behind one person; with several people in view it says nothing.
pub struct Background {
    config: BackgroundConfig,
    span: Option<TimeSpan>,
    blurred: MediaTime,
    previous: Option<MediaTime>,
    ratios: (f64, f64),
}

impl Background {
    /// Nothing seen yet.
    pub fn new(config: BackgroundConfig) -> Self {
        Self { config, span: None, blurred: MediaTime::ZERO, previous: None, ratios: (0.0, 0.0) }
    }
}

/// Detail of the room and of the face, luma codes from pixel to pixel: the room's median cell and the face's mean.
/// `None` when too little of either is in view.
fn detail(glance: &Glance, face: &BoxPx) -> Option<(f32, f32)> {
    let (width, height) = (glance.size.0 as f32, glance.size.1 as f32);
    let (mut room, mut skin) = (Vec::new(), Vec::new());
    for (i, edge) in glance.edges.iter().enumerate() {
        let x = ((i % Glance::COLUMNS) as f32 + 0.5) / Glance::COLUMNS as f32 * width;
        let y = ((i / Glance::COLUMNS) as f32 + 0.5) / Glance::ROWS as f32 * height;
        let (dx, dy) = ((x - face.centre().x).abs() / face.w, (y - face.centre().y) / face.h);
        let codes = f32::from(*edge) / 4.0;
        if dx < 0.5 && dy.abs() < 0.5 {
            skin.push(codes);
        } else if (dx > 1.0 && dy < 0.3) || (dy < -1.2) {
            room.push(codes);
        }
    }
    if room.len() < LEAST_CELLS || skin.is_empty() {
        return None;
    }
    room.sort_by(f32::total_cmp);
    Some((room[room.len() / 2], skin.iter().sum::<f32>() / skin.len() as f32))
}

impl Cue for Background {
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let step = self.previous.map_or(MediaTime::ZERO, |before| (frame.pts - before).min(MediaTime(1_000_000_000)));
        self.previous = Some(frame.pts);
        let [face] = frame.faces.as_slice() else { return Vec::new() };
        let Some((room, skin)) = detail(&frame.glance, &face.bbox) else { return Vec::new() };
        if skin >= self.config.min_face_codes && room < self.config.max_ratio * skin {
            let start = self.span.map_or(frame.pts, |span| span.start);
            self.span = Some(TimeSpan { start, end: frame.pts });
            self.blurred = self.blurred + step;
            self.ratios = (self.ratios.0 + f64::from(room / skin), self.ratios.1 + 1.0);
        }
        Vec::new()
    }

    fn finish(&mut self) -> CueEnd {
        let Some(span) = self.span.take().filter(|_| self.blurred.as_secs() >= self.config.min_length_s) else {
            return CueEnd::default();
        };
        let detail = vec![("ratio", self.ratios.0 / self.ratios.1.max(1.0)), ("length_s", self.blurred.as_secs())];
        let event = Event { kind: EventKind::BackgroundBlurred, span, score: Prob::ONE, track: None, detail };
        CueEnd { events: vec![event], finding: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::fixtures::{face, frame};
    use proptest::prelude::*;

    fn frames(room: u8, skin: u8) -> Vec<Event> {
        let inside = |i: usize| {
            let (x, y) = ((i % Glance::COLUMNS) * 20 + 10, (i / Glance::COLUMNS) * 20 + 10);
            (260..380).contains(&x) && (100..240).contains(&y)
        };
        let edges = (0..Glance::COLUMNS * Glance::ROWS).map(|i| if inside(i) { skin } else { room }).collect();
        let glance = Glance { size: (640, 360), cells: vec![], edges };
        let mut cue = Background::new(BackgroundConfig::default());
        for i in 0..50 {
            let seen = FrameEvidence { glance: glance.clone(), ..frame(i, 10, vec![face(1, None)]) };
            assert!(cue.frame(&seen).is_empty());
        }
        cue.finish().events
    }

    #[test]
    fn the_worked_example() {
        let events = frames(1, 12);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::BackgroundBlurred]);
        assert!((events[0].detail[0].1 - 1.0 / 12.0).abs() < 1e-3, "{events:?}");
    }

    proptest! {
        #[test]
        fn a_room_with_detail_is_none(room in 8u8..200, skin in 0u8..60) {
            prop_assert!(frames(room, skin).is_empty());
        }
    }
}
