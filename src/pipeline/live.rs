//! What is different while a run is live. In: frames as they are told, what the source says of itself. Out: reasons to
//! look closely, gaps as events, delays.

use std::sync::Arc;
use std::time::SystemTime;

use super::attention::Attention;
use super::stats::Delays;
use crate::config::Config;
use crate::media::LiveState;
use crate::types::record::{Fused, Stats};
use crate::types::{Event, EventKind, FrameEvidence, MediaTime, Prob};

/// A run on a live source.
pub struct Live<'a> {
    state: Arc<LiveState>,
    attention: &'a Attention,
    /// P(masked) of a frame from which it is looked at closely.
    suspicious: f32,
    delays: Delays,
}

impl<'a> Live<'a> {
    /// Nothing was told yet.
    pub fn new(state: Arc<LiveState>, attention: &'a Attention, config: &Config) -> Self {
        let suspicious = config.verdict.face.signs_at.min(config.verdict.voice.signs_at);
        Self { state, attention, suspicious, delays: Delays::default() }
    }

    /// The stretches in which the stream was away, as events, each once.
    pub fn gaps(&self) -> Vec<Event> {
        let gaps = std::iter::from_fn(|| self.state.next_gap());
        let event = |span: crate::types::TimeSpan| {
            let detail = vec![("length_s", span.secs())];
            Event { kind: EventKind::StreamGap, span, score: Prob::ONE, track: None, detail }
        };
        gaps.map(event).collect()
    }

    /// Something at `pts` is a reason to look closely.
    pub fn attention(&self, pts: MediaTime) {
        self.attention.call(pts);
    }

    /// A frame's record was written.
    pub fn told(&mut self, frame: &FrameEvidence, fused: Option<Fused>) {
        if let Some(Ok(delay)) = frame.utc.map(|came| SystemTime::now().duration_since(came)) {
            self.delays.push(delay);
        }
        if fused.is_some_and(|fused| fused.p_masked.get() >= self.suspicious) {
            self.attention(frame.pts);
        }
    }

    /// What the end record says of it.
    pub fn add_to(&self, stats: &mut Stats) {
        stats.frames_dropped = self.state.frames_dropped();
        stats.live = Some(self.delays.stats(&self.state));
    }
}
