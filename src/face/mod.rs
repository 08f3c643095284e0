//! The face branch: detect → track → align → score. In: YUV frames. Out: evidence per face and frame.

mod affine;
mod align;
pub mod detect;
mod quality;
mod sample;
mod score;
pub mod track;

pub use affine::Affine;
pub use align::{crop_map, similarity};
pub use quality::assess;
pub use sample::{DetectInput, crop};
pub use score::{FaceScorer, fit_to_score};
