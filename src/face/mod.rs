//! The face branch: detect → track → align → score. In: YUV frames. Out: evidence per face and frame.

mod affine;
mod align;
mod crop;
pub mod detect;
mod due;
mod embed;
mod halve;
mod mouth;
mod network;
mod quality;
mod score;
mod shrink;
pub mod track;
mod yuv;

pub use affine::Affine;
pub use align::{crop_map, similarity};
pub use crop::crop;
pub use due::{EmbedSchedule, Seen};
pub use embed::{FaceEmbedder, distance};
pub use mouth::mouth_open;
pub use network::{Aligned, CropNetwork};
pub use quality::assess;
pub use score::{FaceScorer, PartMap, fit_to_score};
pub use shrink::{DetectInput, Prepared};
