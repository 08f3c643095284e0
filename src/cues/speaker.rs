//! Who speaks. In: windows of speech with a speaker embedding. Out: moments from which on a voice speaks that was not
//! heard before in this call.
//!
//! A changer that is switched on or fails, or another person who takes over, is a new voice; so is the other side of
//! the call when it speaks for the first time, and this cue cannot tell which: it is context, a moment to listen to.
//! Voices are compared within the call only and in memory only.
//!
//! Similarity is the cosine of two embeddings. On single windows of 1.6 s, averaged over some three seconds, of read
//! and acted speech, half of it through codecs (five sources, 150 speakers), 95 % of pairs of one speaker's clips lay
//! above 0.64 to 0.69 and 95 % of pairs of different speakers below 0.61 to 0.66. `same` lies there, `other` well below
//! it, what lies between says nothing, and three windows that are alike are needed.
//!
//! Worked example: after a minute of one voice, windows at 61, 62 and 63 s lie at 0.45 from it and at 0.8 from each
//! other: one `speaker_changed` from 61 s on, with `similarity` = 0.45 and `voices_count` = 2.
//!
//! Source: L. Wan et al., "Generalized End-to-End Loss for Speaker Verification", ICASSP 2018.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cue, CueEnd};
use crate::types::{Event, EventKind, FrameEvidence, Prob, TimeSpan, VoiceEvidence};

/// Most voices that are told apart: more are a conference, not an interview.
const VOICES: usize = 8;

/// A mean forgets: each new window weighs at least so much.
const WEIGHT: f32 = 1.0 / 40.0;

/// Thresholds of the speaker cue; similarities are cosines of `voice.embedder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeakerConfig {
    /// At least so alike is the same voice.
    pub same: f32,
    /// At most so alike is another voice.
    pub other: f32,
    /// Windows that a voice needs to be one.
    pub windows: usize,
}

impl Default for SpeakerConfig {
    fn default() -> Self {
        Self { same: 0.66, other: 0.56, windows: 3 }
    }
}

/// A window that belongs to no known voice.
#[derive(Debug, Clone)]
struct Stranger {
    span: TimeSpan,
    embedding: Arc<[f32]>,
    similarity: f32,
}

/// Listens to one call.
pub struct Speaker {
    config: SpeakerConfig,
    voices: Vec<Vec<f32>>,
    strangers: VecDeque<Stranger>,
}

impl Speaker {
    /// Nothing heard yet.
    pub fn new(config: SpeakerConfig) -> Self {
        Self { config, voices: Vec::new(), strangers: VecDeque::new() }
    }

    /// The known voice nearest to an embedding, and how near.
    fn nearest(&self, embedding: &[f32]) -> Option<(usize, f32)> {
        let near = self.voices.iter().map(|voice| cosine(voice, embedding)).enumerate();
        near.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The strangers as a voice, when they are enough and alike.
    fn new_voice(&self) -> Option<Vec<f32>> {
        if self.strangers.len() < self.config.windows.max(1) {
            return None;
        }
        let mut mean: Vec<f32> = Vec::new();
        for stranger in &self.strangers {
            mean.resize(stranger.embedding.len(), 0.0);
            mean.iter_mut().zip(stranger.embedding.iter()).for_each(|(m, e)| *m += e);
        }
        let alike = self.strangers.iter().all(|s| cosine(&mean, &s.embedding) >= self.config.same);
        alike.then_some(mean)
    }

    fn stranger(&mut self, window: &VoiceEvidence, embedding: &Arc<[f32]>, similarity: f32) -> Option<Event> {
        self.strangers.push_back(Stranger { span: window.span, embedding: Arc::clone(embedding), similarity });
        if self.strangers.len() > self.config.windows.max(1) {
            self.strangers.pop_front();
        }
        let voice = self.new_voice()?;
        let first = self.voices.is_empty();
        let strangers = std::mem::take(&mut self.strangers);
        if self.voices.len() < VOICES {
            self.voices.push(voice);
        }
        let (start, end) = (strangers.front()?.span.start, strangers.back()?.span.end);
        let similarity = strangers.iter().map(|s| s.similarity).sum::<f32>() / strangers.len() as f32;
        let detail = vec![("similarity", f64::from(similarity)), ("voices_count", self.voices.len() as f64)];
        let (kind, span) = (EventKind::SpeakerChanged, TimeSpan { start, end });
        (!first).then_some(Event { kind, span, score: Prob::ONE, track: None, detail })
    }
}

impl Cue for Speaker {
    fn frame(&mut self, _frame: &FrameEvidence) -> Vec<Event> {
        Vec::new()
    }

    fn window(&mut self, window: &VoiceEvidence) -> Vec<Event> {
        let Some(embedding) = &window.embedding else { return Vec::new() };
        match self.nearest(embedding) {
            Some((voice, similarity)) if similarity >= self.config.same => {
                self.strangers.clear();
                let mean = &mut self.voices[voice];
                let length = cosine_length(mean);
                mean.iter_mut().zip(embedding.iter()).for_each(|(m, e)| *m += (e * length - *m) * WEIGHT);
                Vec::new()
            }
            Some((_, similarity)) if similarity > self.config.other => Vec::new(),
            nearest => {
                let similarity = nearest.map_or(0.0, |(_, similarity)| similarity);
                self.stranger(window, embedding, similarity).into_iter().collect()
            }
        }
    }

    fn finish(&mut self) -> CueEnd {
        CueEnd::default()
    }
}

fn cosine_length(a: &[f32]) -> f32 {
    a.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// Cosine of the angle between two rows; zero when one has no length or they are not of one length.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let lengths = cosine_length(a) * cosine_length(b);
    let dot: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    if a.len() == b.len() && lengths > 1e-9 { dot / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MediaTime;
    use proptest::prelude::*;

    fn window(second: i64, embedding: Option<[f32; 3]>) -> VoiceEvidence {
        let span = TimeSpan { start: MediaTime(second * 1_000_000_000), end: MediaTime((second + 4) * 1_000_000_000) };
        let embedding = embedding.map(|e| Arc::from(e.as_slice()));
        VoiceEvidence { span, speech_ratio: 1.0, logit: None, profile: None, embedding, reasons: vec![] }
    }

    fn listen(voices: impl IntoIterator<Item = Option<[f32; 3]>>) -> Vec<Event> {
        let mut cue = Speaker::new(SpeakerConfig::default());
        voices.into_iter().enumerate().flat_map(|(i, e)| cue.window(&window(i as i64, e))).collect()
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

        #[test]
        fn memory_and_events_are_bounded(rows in prop::collection::vec(prop::array::uniform3(-1.0f32..1.0), 0..300)) {
            let mut cue = Speaker::new(SpeakerConfig::default());
            for (i, row) in rows.iter().enumerate() {
                cue.window(&window(i as i64, Some(*row)));
            }
            prop_assert!(cue.voices.len() <= VOICES && cue.strangers.len() <= 3);
        }
    }
}
