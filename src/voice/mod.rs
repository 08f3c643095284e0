//! The voice branch: vad → window → score. In: 16 kHz mono sound. Out: evidence per window of speech.

mod condition;
mod embed;
mod level;
mod overlap;
mod profile;
mod score;
pub mod vad;
mod window;

pub use condition::{Condition, Listener, fit_to_score};
pub use embed::{VoiceEmbedder, cosine, length};
pub use level::LevelMeter;
pub use overlap::OverlapFinder;
pub use profile::Profiler;
pub use score::VoiceScorer;
pub use window::{Windower, WindowerConfig};

/// Samples a network takes at once: 4 s.
pub const WINDOW: usize = 64_000;
