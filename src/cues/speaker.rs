//! Who speaks. In: windows of speech with a speaker embedding. Out: moments from which on a voice speaks that was not
//! heard before in this call.
//!
//! A changer that is switched on or fails, or another person who takes over, is a new voice; so is the other side of
//! the call when it speaks for the first time, and this cue cannot tell which: it is context, a moment to listen to.
//! This cue compares voices within the call only and in memory only.
//!
//! Worked example: after a minute of one voice, windows at 61, 62 and 63 s lie at 0.45 from it and at 0.8 from each
//! other: one `speaker_changed` from 61 s on, with `similarity` = 0.45 and `voices_count` = 2.
//!
//! How voices are told apart, and the source: [`super::voices`].

use super::voices::{NewVoice, SpeakerConfig, Voices};
use super::{Cue, CueEnd};
use crate::types::{Event, EventKind, FrameEvidence, Prob, VoiceEvidence};

/// Listens to one call.
pub struct Speaker {
    voices: Voices,
}

impl Speaker {
    /// Nothing heard yet.
    pub fn new(config: SpeakerConfig) -> Self {
        Self { voices: Voices::new(config) }
    }
}

impl Cue for Speaker {
    fn frame(&mut self, _frame: &FrameEvidence) -> Vec<Event> {
        Vec::new()
    }

    fn window(&mut self, window: &VoiceEvidence) -> Vec<Event> {
        let Some(NewVoice { span, similarity, voices }) = self.voices.window(window) else { return Vec::new() };
        let detail = vec![("similarity", f64::from(similarity)), ("voices_count", voices as f64)];
        let event = Event { kind: EventKind::SpeakerChanged, span, score: Prob::ONE, track: None, detail };
        // The first voice of a call replaces none.
        if voices > 1 { vec![event] } else { Vec::new() }
    }

    fn finish(&mut self) -> CueEnd {
        CueEnd::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cues::scene::spoken;
    use crate::types::MediaTime;
    use proptest::prelude::*;

    fn listen(voices: impl IntoIterator<Item = Option<[f32; 3]>>) -> Vec<Event> {
        let mut cue = Speaker::new(SpeakerConfig::default());
        voices.into_iter().enumerate().flat_map(|(i, e)| cue.window(&spoken(i as i64, e))).collect()
    }

    const ANN: Option<[f32; 3]> = Some([1.0, 0.1, 0.0]);
    const BOB: Option<[f32; 3]> = Some([0.1, 1.0, 0.0]);

    #[test]
    fn the_worked_example() {
        let events = listen([vec![ANN; 61], vec![BOB; 20], vec![ANN; 20], vec![BOB; 5]].concat());
        assert_eq!(events.len(), 1, "both are known after that: {events:?}");
        assert_eq!((events[0].kind, events[0].span.start), (EventKind::SpeakerChanged, MediaTime(61_000_000_000)));
        assert_eq!(events[0].detail[1], ("voices_count", 2.0));
    }

    #[test]
    fn a_cough_or_what_was_not_scored_is_no_voice() {
        assert!(listen([vec![ANN; 20], vec![BOB; 2], vec![ANN; 20], vec![None; 9], vec![BOB; 2]].concat()).is_empty());
        let unlike = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]].map(Some);
        assert!(listen([vec![ANN; 20], unlike.to_vec()].concat()).is_empty(), "they are not one voice");
    }

    proptest! {
        #[test]
        fn one_voice_never_changes(wander in prop::collection::vec(-0.2f32..0.2, 1..200)) {
            prop_assert!(listen(wander.into_iter().map(|w| Some([1.0, w, 0.0]))).is_empty());
        }
    }
}
