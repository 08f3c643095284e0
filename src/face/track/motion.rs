//! Motion of a box. In: where it was seen. Out: where it should be now.

use crate::types::{BoxPx, MediaTime};

/// How fast a new velocity replaces the old one, per observation.
const BLEND: f32 = 0.4;

/// A velocity is trusted for so long after the last sight; then the box stays where it is.
const TRUST_S: f32 = 0.5;

/// A box with a velocity in pixels a second.
pub struct Motion {
    bbox: BoxPx,
    velocity: (f32, f32),
    at: MediaTime,
}

impl Motion {
    pub fn new(bbox: BoxPx, at: MediaTime) -> Self {
        Self { bbox, velocity: (0.0, 0.0), at }
    }

    pub fn predict(&self, pts: MediaTime) -> BoxPx {
        let dt = ((pts - self.at).as_secs() as f32).clamp(0.0, TRUST_S);
        BoxPx { x: self.bbox.x + self.velocity.0 * dt, y: self.bbox.y + self.velocity.1 * dt, ..self.bbox }
    }

    pub fn correct(&mut self, bbox: BoxPx, pts: MediaTime) {
        let dt = (pts - self.at).as_secs() as f32;
        if dt > 0.0 && dt < TRUST_S {
            let (from, to) = (self.bbox.centre(), bbox.centre());
            let blend = |old: f32, new: f32| old + (new - old) * BLEND;
            self.velocity =
                (blend(self.velocity.0, (to.x - from.x) / dt), blend(self.velocity.1, (to.y - from.y) / dt));
        } else {
            self.velocity = (0.0, 0.0);
        }
        self.bbox = bbox;
        self.at = pts;
    }
}
