//! What a face is known to look like. In: embeddings. Out: how far another one is from what was seen so far.

use std::sync::Arc;

use super::IdentityConfig;
use crate::face::distance;
use crate::types::{FaceEvidence, Quality};

/// Embeddings that a reference needs before it says anything.
const FIRST: usize = 4;

/// The mean forgets: each new embedding weighs at least so much.
const WEIGHT: f32 = 1.0 / 40.0;

/// A running mean of one face, robust at its start: of the first four only those near the most central one count.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    first: Vec<Arc<[f32]>>,
    mean: Vec<f32>,
    /// The mean of the first four, for the drift.
    early: Vec<f32>,
    count: usize,
}

impl Reference {
    /// From embeddings of one face, at least four of them.
    pub fn of<'a>(embeddings: impl IntoIterator<Item = &'a Arc<[f32]>>, near: f32) -> Self {
        let mut reference = Self::default();
        for embedding in embeddings {
            reference.add(embedding, near);
        }
        reference
    }

    /// True once there is something to compare with.
    pub fn is_ready(&self) -> bool {
        !self.mean.is_empty()
    }

    /// How far an embedding is from the mean; `None` before the reference is ready.
    pub fn distance(&self, embedding: &[f32]) -> Option<f32> {
        self.is_ready().then(|| distance(&self.mean, embedding))
    }

    /// How far this face is from another's mean; `None` before both are ready.
    pub fn apart(&self, other: &Self) -> Option<f32> {
        if other.is_ready() { self.distance(&other.mean) } else { None }
    }

    /// How far the mean has moved since the first four.
    pub fn drift(&self) -> f32 {
        if self.is_ready() { distance(&self.mean, &self.early) } else { 0.0 }
    }

    /// Embeddings so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes an embedding of this face.
    pub fn add(&mut self, embedding: &Arc<[f32]>, near: f32) {
        self.count += 1;
        if self.is_ready() {
            let weight = (1.0 / self.count as f32).max(WEIGHT);
            for (m, e) in self.mean.iter_mut().zip(embedding.iter()) {
                *m += (e - *m) * weight;
            }
            return;
        }
        self.first.push(Arc::clone(embedding));
        if self.first.len() == FIRST {
            let first = std::mem::take(&mut self.first);
            let spread = |a: &Arc<[f32]>| first.iter().map(|b| distance(a, b)).sum::<f32>();
            let central = first.iter().min_by(|a, b| spread(a).total_cmp(&spread(b)));
            let alike = first.iter().filter(|e| central.is_some_and(|c| distance(c, e) <= near));
            self.mean = mean(alike.map(|e| &e[..]));
            self.early.clone_from(&self.mean);
        }
    }
}

/// The mean of equally long rows; empty for none.
pub fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let (mut sum, mut n) = (Vec::new(), 0.0f32);
    for row in rows {
        sum.resize(row.len(), 0.0);
        sum.iter_mut().zip(row).for_each(|(s, v): (&mut f32, _)| *s += v);
        n += 1.0;
    }
    sum.iter_mut().for_each(|s| *s /= n.max(1.0));
    sum
}

/// True when a face shows so well that its embedding can be trusted: looking nearly straight ahead, of some size,
/// neither blurred nor dark, whole, and plainly a face to the detector. What covers a face lowers the last.
pub fn shows_well(face: &FaceEvidence, limits: &IdentityConfig) -> bool {
    is_clear(&face.quality, limits) && face.confidence >= limits.min_confidence
}

/// The same, whatever the detector thinks of it.
pub fn is_clear(q: &Quality, limits: &IdentityConfig) -> bool {
    q.yaw_deg.abs() <= limits.max_yaw_deg
        && q.pitch_deg.abs() <= limits.max_pitch_deg
        && q.roll_deg.abs() <= limits.max_roll_deg
        && q.size_px >= limits.min_size_px
        && q.sharpness >= limits.min_sharpness
        && (limits.min_exposure..=1.0 - limits.min_exposure).contains(&q.exposure)
        && q.cut_off <= limits.max_cut_off
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(values: &[f32]) -> Arc<[f32]> {
        values.into()
    }

    #[test]
    fn one_bad_start_in_four_does_not_count() {
        let rows = [row(&[0.0, 0.0]), row(&[9.0, 9.0]), row(&[0.1, 0.0]), row(&[0.0, 0.1])];
        let reference = Reference::of(&rows, 0.5);
        assert!(reference.distance(&[0.0, 0.0]).unwrap() < 0.1);
        assert_eq!(Reference::of(&rows[..3], 0.5).distance(&[0.0, 0.0]), None, "three are too few");
    }

    proptest! {
        #[test]
        fn the_mean_stays_among_what_it_was_given(xs in prop::collection::vec(-1.0f32..1.0, 4..200)) {
            let rows: Vec<_> = xs.iter().map(|x| row(&[*x])).collect();
            let reference = Reference::of(&rows, 3.0);
            prop_assert!(reference.distance(&[0.0]).unwrap() <= 1.0 + 1e-4);
            prop_assert!(reference.drift() <= 2.0);
        }
    }
}
