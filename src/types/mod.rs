//! The nouns of the house. In: nothing. Out: plain values that every stage passes on, with their units in
//! their names or types. A value does not change once it is sent.

mod audio;
mod event;
mod evidence;
mod face;
#[cfg(test)]
pub mod fixtures;
mod glance;
mod look;
mod picture;
mod prob;
pub mod record;
mod time;
mod voice;

pub use audio::{AudioChunk, SpeechWindow};
pub use event::{Event, EventClass, EventKind, Measure};
pub use evidence::{FaceEvidence, FrameEvidence, SoundEvidence, VoiceEvidence};
pub use face::{BoxPx, Detection, FaceCrop, LANDMARKS, Landmarks, Point, Quality, TrackId};
pub use glance::Glance;
pub use look::Look;
pub use picture::{ColorMatrix, ColorRange, Orientation, Picture, PictureFormat, PlaneView, Planes, VideoFrame};
pub use prob::Prob;
pub use time::{MediaTime, TimeSpan, utc_text, utc_text_ms};
pub use voice::VoiceProfile;
