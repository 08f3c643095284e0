//! The pipeline. In: a source, a configuration, engines, a sink. Out: records, in one pass and bounded memory.
//!
//! Three named threads: `detect` pulls frames and finds faces, `face` tracks, aligns and scores them, `voice` pulls
//! sound and scores windows of it; the caller's thread joins their evidence in order of time, fuses it and writes
//! records. Every queue is bounded; a stage ends when its input closes or its output is gone.

mod attention;
mod engines;
mod face_stage;
mod graph;
mod join;
mod live;
mod people;
mod stats;
mod voice_stage;

pub use engines::Engines;
pub use graph::{Analysis, Run, analyze};
pub use people::{People, Person};
pub(crate) use stats::peak_memory_mib;
