//! Who was in view. In: faces with embeddings. Out: one mean embedding a track, for whoever compares calls with the
//! candidates' consent; nothing else leaves the analysis with it.

use std::collections::BTreeMap;

use crate::cues::{IdentityConfig, shows_well};
use crate::types::{FrameEvidence, MediaTime, TrackId};

/// Most tracks that are kept: a crowd has no candidate.
const TRACKS: usize = 64;

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

/// Collects means; constant memory a track.
#[derive(Debug, Default)]
pub struct People(BTreeMap<TrackId, Person>);

impl People {
    /// Takes the clear views of a frame.
    pub fn frame(&mut self, frame: &FrameEvidence, limits: &IdentityConfig) {
        for face in frame.faces.iter().filter(|face| shows_well(face, limits)) {
            let Some(embedding) = &face.embedding else { continue };
            if self.0.len() >= TRACKS && !self.0.contains_key(&face.track) {
                continue;
            }
            let (views, clearest, clarity) = (0, frame.pts, 0.0);
            let new = || Person { track: face.track, views, embedding: vec![0.0; embedding.len()], clearest, clarity };
            let person = self.0.entry(face.track).or_insert_with(new);
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

    /// Everybody, most seen first.
    pub fn take(self) -> Vec<Person> {
        let mut people: Vec<Person> = self.0.into_values().collect();
        people.sort_by(|a, b| b.views.cmp(&a.views).then(a.track.cmp(&b.track)));
        people
    }
}
