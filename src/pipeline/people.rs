//! Who was in view and who spoke. In: faces and windows of speech with embeddings. Out: one mean embedding a face, and
//! that of the voice heard most, for whoever compares calls with the candidates' consent; nothing else leaves the
//! analysis with them.

use std::collections::BTreeMap;

use crate::config::CuesConfig;
use crate::cues::{Voice, Voices, shows_well};
use crate::types::{FrameEvidence, MediaTime, TrackId, VoiceEvidence};

/// Most tracks that are kept: a crowd has no candidate.
const TRACKS: usize = 64;

/// The people of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct People {
    /// Faces, most seen first.
    pub faces: Vec<Person>,
    /// The voice that was heard most.
    pub voice: Option<Voice>,
}

/// A face over a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Which face.
    pub track: TrackId,
    /// Clear views behind the mean.
    pub views: u32,
    /// Mean embedding, in the units of `face.embedder`.
    pub embedding: Vec<f32>,
    /// When the face was largest and plainest.
    pub clearest: MediaTime,
    clarity: f32,
}

/// Collects means; constant memory a track and a voice.
pub struct Gather<'a> {
    config: &'a CuesConfig,
    faces: BTreeMap<TrackId, Person>,
    voices: Voices,
}

impl<'a> Gather<'a> {
    /// Nobody yet; the cues' limits say which views are clear and which voices are one.
    pub fn new(config: &'a CuesConfig) -> Self {
        Self { config, faces: BTreeMap::new(), voices: Voices::new(config.speaker.clone()) }
    }

    /// Takes the clear views of a frame.
    pub fn frame(&mut self, frame: &FrameEvidence) {
        for face in frame.faces.iter().filter(|face| shows_well(face, &self.config.identity)) {
            let Some(embedding) = &face.embedding else { continue };
            if self.faces.len() >= TRACKS && !self.faces.contains_key(&face.track) {
                continue;
            }
            let (views, clearest, clarity) = (0, frame.pts, 0.0);
            let new = || Person { track: face.track, views, embedding: vec![0.0; embedding.len()], clearest, clarity };
            let person = self.faces.entry(face.track).or_insert_with(new);
            person.views += 1;
            let clarity = face.confidence * face.quality.size_px * face.quality.sharpness;
            if clarity > person.clarity {
                (person.clarity, person.clearest) = (clarity, frame.pts);
            }
            let weight = 1.0 / person.views as f32;
            for (mean, value) in person.embedding.iter_mut().zip(embedding.iter()) {
                *mean += (value - *mean) * weight;
            }
        }
    }

    /// Takes a window of speech.
    pub fn window(&mut self, window: &VoiceEvidence) {
        self.voices.window(window);
    }

    /// Everybody.
    pub fn take(self) -> People {
        let mut faces: Vec<Person> = self.faces.into_values().collect();
        faces.sort_by(|a, b| b.views.cmp(&a.views).then(a.track.cmp(&b.track)));
        People { faces, voice: self.voices.most_heard() }
    }
}
