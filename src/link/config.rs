//! Thresholds of linking. In: TOML. Out: distances, and what a print needs behind it.

use serde::{Deserialize, Serialize};

/// From which distance on two calls have one person, or two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// Two calls whose faces are at most this far apart likely show one person; in the units of `face.embedder`.
    pub same_face_at: f32,
    /// Two calls whose faces are at least this far apart likely show different people.
    pub different_face_at: f32,
    /// Faces with fewer clear views are not compared.
    pub min_views: u32,
    /// Two calls whose voices are at most this far apart likely have one speaker; 1 − cosine of `voice.embedder`.
    pub same_voice_at: f32,
    /// Two calls whose voices are at least this far apart likely have different speakers.
    pub different_voice_at: f32,
    /// Voices with fewer windows of speech are not compared; a window is embedded every `voice.embed_every_s`.
    pub min_windows: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            same_face_at: 0.4,
            different_face_at: 0.65,
            min_views: 3,
            same_voice_at: 0.16,
            different_voice_at: 0.4,
            min_windows: 8,
        }
    }
}

/// The thresholds of one kind of print.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// At most this far apart is one person.
    pub same_at: f32,
    /// At least this far apart is two.
    pub different_at: f32,
    /// Views or windows that a comparison needs.
    pub needs: u32,
}

impl LinkConfig {
    /// For faces.
    pub fn face(&self) -> Limits {
        Limits { same_at: self.same_face_at, different_at: self.different_face_at, needs: self.min_views }
    }

    /// For voices.
    pub fn voice(&self) -> Limits {
        Limits { same_at: self.same_voice_at, different_at: self.different_voice_at, needs: self.min_windows }
    }
}
