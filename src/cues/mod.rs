//! The CUE seam. In: what was seen and heard, in order of time. Out: events that say what was measured, when, and why
//! it matters, and findings. A cue looks only back, so that it works live; it is pure, keeps a bounded memory, and does
//! no input or output.

mod challenge;
mod feed;
mod identity;
mod moment;
mod reference;
#[cfg(test)]
mod scene;

pub use challenge::{Challenge, ChallengeConfig};
pub use feed::{Feed, FeedConfig};
pub use identity::{Identity, IdentityConfig};

use crate::types::record::Finding;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// `verdict.sync`.
    Sync,
    /// `verdict.background`.
    Background,
    /// `verdict.identity`.
    Identity,
}

/// Which cue to build.
#[derive(Debug, Clone, PartialEq)]
pub enum CueSpec {
    /// Camera off, frozen, looped or resized pictures.
    Feed(FeedConfig),
    /// The same face throughout.
    Identity(IdentityConfig),
    /// Moments at which masks fail; which embeddings can be trusted.
    Challenge(ChallengeConfig, IdentityConfig),
}

/// Builds a cue.
pub fn build(spec: CueSpec) -> Box<dyn Cue> {
    match spec {
        CueSpec::Feed(config) => Box::new(Feed::new(config)),
        CueSpec::Identity(config) => Box::new(Identity::new(config)),
        CueSpec::Challenge(config, limits) => Box::new(Challenge::new(config, limits)),
    }
}

/// Every cue, as configured.
pub fn all(config: &crate::config::CuesConfig) -> Vec<Box<dyn Cue>> {
    let identity = config.identity.clone();
    let specs = [
        CueSpec::Feed(config.feed.clone()),
        CueSpec::Identity(identity.clone()),
        CueSpec::Challenge(config.challenge.clone(), identity),
    ];
    specs.into_iter().map(build).collect()
}
