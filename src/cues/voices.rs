//! Voices of one call. In: embeddings of windows of speech, in order. Out: which of them began a voice that was not heard
//! before, and the voice that was heard most.
//!
//! Similarity is the cosine of two embeddings. On single windows of 1.6 s, averaged over some three seconds, of read
//! and acted speech, half of it through codecs (five sources, 150 speakers), 95 % of pairs of one speaker's clips lay
//! above 0.64 to 0.69 and 95 % of pairs of different speakers below 0.61 to 0.66. `same` lies there, `other` well below
//! it, what lies between says nothing, and three windows that are alike are needed.
//!
//! Source: L. Wan et al., "Generalized End-to-End Loss for Speaker Verification", ICASSP 2018.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::{TimeSpan, VoiceEvidence};
use crate::voice::{cosine, length};

/// Most voices that are told apart: more are a conference, not an interview.
const VOICES: usize = 8;

/// What a new window is compared with forgets: each weighs at least so much.
const WEIGHT: f32 = 1.0 / 40.0;

/// From when on two windows are one voice, or two; similarities are cosines of `voice.embedder`.
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

/// A voice of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// Windows that are it.
    pub windows: u32,
    /// Mean embedding of all of them, in the units of `voice.embedder`.
    pub embedding: Vec<f32>,
    recent: Vec<f32>,
}

impl Voice {
    /// Of at least one embedding.
    fn of<'a>(embeddings: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let mut voice = Self { windows: 0, embedding: Vec::new(), recent: Vec::new() };
        for embedding in embeddings {
            voice.embedding.resize(embedding.len(), 0.0);
            voice.take(embedding);
        }
        voice.recent = voice.embedding.iter().map(|m| m * voice.windows as f32).collect();
        voice
    }

    fn take(&mut self, embedding: &[f32]) {
        self.windows += 1;
        let weight = 1.0 / self.windows as f32;
        self.embedding.iter_mut().zip(embedding).for_each(|(m, e)| *m += (e - *m) * weight);
        let length = length(&self.recent);
        self.recent.iter_mut().zip(embedding).for_each(|(m, e)| *m += (e * length - *m) * WEIGHT);
    }
}

/// A voice that was not heard before.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVoice {
    /// The windows that showed it.
    pub span: TimeSpan,
    /// Mean cosine to the nearest voice known before; 0 when there was none.
    pub similarity: f32,
    /// How many are known, this one included.
    pub voices: usize,
}

/// A window that belongs to no known voice.
#[derive(Debug, Clone)]
struct Stranger {
    span: TimeSpan,
    embedding: Arc<[f32]>,
    similarity: f32,
}

/// Tells the voices of one call apart; bounded memory.
#[derive(Debug)]
pub struct Voices {
    config: SpeakerConfig,
    known: Vec<Voice>,
    strangers: VecDeque<Stranger>,
}

impl Voices {
    /// Nothing heard yet.
    pub fn new(config: SpeakerConfig) -> Self {
        Self { config, known: Vec::new(), strangers: VecDeque::new() }
    }

    /// Takes the next window; says so when it completes a voice that was not heard before.
    pub fn window(&mut self, window: &VoiceEvidence) -> Option<NewVoice> {
        let embedding = window.embedding.as_ref()?;
        let near = self.known.iter().map(|voice| cosine(&voice.recent, embedding)).enumerate();
        match near.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((voice, similarity)) if similarity >= self.config.same => {
                self.strangers.clear();
                self.known[voice].take(embedding);
                None
            }
            Some((_, similarity)) if similarity > self.config.other => None,
            nearest => {
                let (span, embedding) = (window.span, Arc::clone(embedding));
                self.stranger(Stranger { span, embedding, similarity: nearest.map_or(0.0, |(_, s)| s) })
            }
        }
    }

    fn stranger(&mut self, stranger: Stranger) -> Option<NewVoice> {
        let needed = self.config.windows.max(1);
        self.strangers.push_back(stranger);
        if self.strangers.len() > needed {
            self.strangers.pop_front();
        }
        let voice = Voice::of(self.strangers.iter().map(|s| &*s.embedding));
        let alike = self.strangers.iter().all(|s| cosine(&voice.embedding, &s.embedding) >= self.config.same);
        if self.strangers.len() < needed || !alike {
            return None;
        }
        let strangers = std::mem::take(&mut self.strangers);
        if self.known.len() < VOICES {
            self.known.push(voice);
        }
        let span = TimeSpan { start: strangers.front()?.span.start, end: strangers.back()?.span.end };
        let similarity = strangers.iter().map(|s| s.similarity).sum::<f32>() / strangers.len() as f32;
        Some(NewVoice { span, similarity, voices: self.known.len() })
    }

    /// The voice that was heard most; the earlier one of two.
    pub fn most_heard(self) -> Option<Voice> {
        self.known.into_iter().rev().max_by_key(|voice| voice.windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cues::scene::spoken;
    use proptest::prelude::*;

    fn heard(rows: &[[f32; 3]]) -> Voices {
        let mut voices = Voices::new(SpeakerConfig::default());
        for (i, row) in rows.iter().enumerate() {
            voices.window(&spoken(i as i64, Some(*row)));
        }
        voices
    }

    #[test]
    fn the_voice_heard_most_is_the_mean_of_its_windows() {
        let (ann, bob) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
        let most = heard(&[vec![bob; 5], vec![ann; 30], vec![bob; 4]].concat()).most_heard().unwrap();
        assert_eq!((most.windows, most.embedding), (30, ann.to_vec()));
        assert_eq!(heard(&[]).most_heard(), None);
    }

    proptest! {
        #[test]
        fn memory_is_bounded(rows in prop::collection::vec(prop::array::uniform3(-1.0f32..1.0), 0..300)) {
            let voices = heard(&rows);
            prop_assert!(voices.known.len() <= VOICES && voices.strangers.len() <= 3);
            prop_assert!(voices.most_heard().is_none_or(|v| v.windows as usize <= rows.len()));
        }
    }
}
