//! Thresholds of linking. In: TOML. Out: distances in the units of `face.embedder`.

use serde::{Deserialize, Serialize};

/// From which distance on two calls show one person, or two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// Two calls at most this far apart likely show one person.
    pub same_at: f32,
    /// Two calls at least this far apart likely show different people.
    pub different_at: f32,
    /// Calls with fewer clear views are not compared.
    pub min_views: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { same_at: 0.4, different_at: 0.65, min_views: 3 }
    }
}
