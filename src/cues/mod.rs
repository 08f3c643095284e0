//! The CUE seam. In: what was seen and heard, in order of time. Out: events that say what was measured, when, and why
//! it matters, and findings. A cue looks only back, so that it works live; it is pure, keeps a bounded memory, and does
//! no input or output.

pub mod asked;
mod background;
mod challenge;
mod feed;
mod identity;
mod lip_sync;
mod moment;
mod reference;
mod rise;
#[cfg(test)]
mod scene;
mod speaker;
mod stretch;
mod voice_shift;
mod voices;

pub use background::{Background, BackgroundConfig};
pub use challenge::{Challenge, ChallengeConfig};
pub use feed::{Feed, FeedConfig};
pub use identity::{Identity, IdentityConfig};
pub use lip_sync::{LipSync, LipSyncConfig};
pub(crate) use reference::shows_well;
pub use rise::{Rise, RiseConfig};
pub use speaker::Speaker;
pub use voice_shift::{VoiceShift, VoiceShiftConfig};
pub use voices::{SpeakerConfig, Voice, Voices};

use crate::types::record::{Finding, SyncLag};
use crate::types::{Event, FrameEvidence, SoundEvidence, VoiceEvidence};

/// A physical cue.
pub trait Cue: Send {
    /// Takes the next analysed frame; gives the events that ended with it.
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event>;

    /// Takes the next run of sound. Sound comes before the frames it begins before.
    fn sound(&mut self, _sound: &SoundEvidence) -> Vec<Event> {
        Vec::new()
    }

    /// Takes the next window of speech.
    fn window(&mut self, _window: &VoiceEvidence) -> Vec<Event> {
        Vec::new()
    }

    /// True while something goes on that every frame tells more of.
    fn wants_every_frame(&self) -> bool {
        false
    }

    /// Ends the call: events that were still open, and what can be said of the whole of it.
    fn finish(&mut self) -> CueEnd;
}

/// What a cue says at the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CueEnd {
    /// Events that were still open.
    pub events: Vec<Event>,
    /// What can be said, for a part of the verdict.
    pub finding: Option<(Aspect, Finding)>,
}

/// A part of the verdict that a cue answers for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aspect {
    /// `verdict.sync`, with how late the sound is.
    Sync(Option<SyncLag>),
    /// `verdict.background`.
    Background,
    /// `verdict.identity`.
    Identity,
}

/// Which cue to build.
#[derive(Debug, Clone, PartialEq)]
pub enum CueSpec {
    /// Blurred or replaced background.
    Background(BackgroundConfig),
    /// Camera off, frozen, looped or resized pictures.
    Feed(FeedConfig),
    /// Scores that rise within the call.
    Rise(RiseConfig),
    /// A voice that becomes another.
    VoiceShift(VoiceShiftConfig),
    /// A voice that was not heard before.
    Speaker(SpeakerConfig),
    /// Lips against the voice.
    LipSync(LipSyncConfig),
    /// The same face throughout.
    Identity(IdentityConfig),
    /// Moments at which masks fail; which embeddings can be trusted.
    Challenge(ChallengeConfig, IdentityConfig),
}

/// Builds a cue.
pub fn build(spec: CueSpec) -> Box<dyn Cue> {
    match spec {
        CueSpec::Background(config) => Box::new(Background::new(config)),
        CueSpec::Feed(config) => Box::new(Feed::new(config)),
        CueSpec::Rise(config) => Box::new(Rise::new(config)),
        CueSpec::VoiceShift(config) => Box::new(VoiceShift::new(config)),
        CueSpec::Speaker(config) => Box::new(Speaker::new(config)),
        CueSpec::LipSync(config) => Box::new(LipSync::new(config)),
        CueSpec::Identity(config) => Box::new(Identity::new(config)),
        CueSpec::Challenge(config, limits) => Box::new(Challenge::new(config, limits)),
    }
}

/// Every cue, as configured.
pub fn all(config: &crate::config::CuesConfig) -> Vec<Box<dyn Cue>> {
    let specs = [
        CueSpec::Background(config.background.clone()),
        CueSpec::Feed(config.feed.clone()),
        CueSpec::LipSync(config.lip_sync.clone()),
        CueSpec::Identity(config.identity.clone()),
        CueSpec::Challenge(config.challenge.clone(), config.identity.clone()),
        CueSpec::Rise(config.rise.clone()),
        CueSpec::VoiceShift(config.voice_shift.clone()),
        CueSpec::Speaker(config.speaker.clone()),
    ];
    specs.into_iter().map(build).collect()
}
