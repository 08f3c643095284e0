//! A signal on the 8 ms grid. In: values at slots, in order. Out: stretches of them, NaN where nothing is known.
//! Bounded: the newest half minute is kept.

use std::collections::VecDeque;

use super::lag::RATE;
use crate::types::MediaTime;

/// Slots that are kept: 32.8 s, 16 KiB.
const KEPT: i64 = 4_096;

/// Values at the slots from `first` on.
#[derive(Debug, Default)]
pub struct Grid {
    first: i64,
    values: VecDeque<f32>,
}

impl Grid {
    /// The slot of a time.
    pub fn slot(time: MediaTime) -> i64 {
        (time.as_secs() * RATE).round() as i64
    }

    /// The time of a slot.
    pub fn time(slot: i64) -> MediaTime {
        MediaTime::from_samples(slot, RATE as u32)
    }

    /// Sets the value at `slot`, which must be new; what lies between is unknown.
    pub fn push(&mut self, slot: i64, value: f32) {
        if self.values.is_empty() || slot >= self.end() + KEPT {
            self.values.clear();
            self.first = slot;
        }
        if slot < self.end() {
            return;
        }
        while self.end() < slot {
            self.values.push_back(f32::NAN);
        }
        self.values.push_back(value);
        while self.values.len() as i64 > KEPT {
            self.values.pop_front();
            self.first += 1;
        }
    }

    /// The first slot that is not set yet.
    pub fn end(&self) -> i64 {
        self.first + self.values.len() as i64
    }

    /// The values of the slots from `from` up to `to`.
    pub fn slice(&self, from: i64, to: i64) -> Vec<f32> {
        let at = |slot: i64| usize::try_from(slot - self.first).ok().and_then(|i| self.values.get(i).copied());
        (from..to).map(|slot| at(slot).unwrap_or(f32::NAN)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_unknown_and_the_past_is_forgotten() {
        let mut grid = Grid::default();
        grid.push(10, 1.0);
        grid.push(12, 2.0);
        grid.push(11, 9.0); // too late
        let found = grid.slice(9, 14);
        assert_eq!((found[1], found[3]), (1.0, 2.0));
        assert!(found[0].is_nan() && found[2].is_nan() && found[4].is_nan());
        (13..20_000).for_each(|slot| grid.push(slot, 0.0));
        assert_eq!(grid.values.len() as i64, KEPT);
        grid.push(1_000_000, 3.0);
        assert_eq!((grid.values.len(), grid.end()), (1, 1_000_001));
    }
}
