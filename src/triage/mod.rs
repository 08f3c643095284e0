//! A recording in haste. In: a file, networks. Out: a source that gives its key frames, and all frames of the stretches
//! that seemed most doubtful in a first pass over the key frames alone.
//!
//! The first pass decodes nothing but key frames and no sound, and scores their faces. Each key frame stands for the time to
//! the next; the mean of a stretch and its two neighbours ranks it. The second pass is the usual analysis.

mod survey;

use survey::{Sight, survey};

use crate::config::{Config, TriageConfig};
use crate::error::Error;
use crate::media::{self, Cancel, Glimpse, Input, Source, SourceSpec};
use crate::pipeline::Engines;
use crate::types::{MediaTime, TimeSpan};

/// Opens a recording as the configuration asks: whole, or in haste.
pub fn open(input: Input, config: &Config, engines: &mut Engines, cancel: &Cancel) -> Result<Box<dyn Source>, Error> {
    let Some(triage) = &config.triage else {
        return Ok(media::build(SourceSpec::Gst(input), &config.limits, cancel)?);
    };
    let every = MediaTime::from_secs(triage.every_s);
    let mut glimpse = Glimpse { every, closely: Vec::new(), decode_all: false };
    let mut seen = survey(&input, &glimpse, config, engines, cancel)?;
    if longest_gap(&seen.sights, seen.end).as_secs() > triage.sparse_s {
        glimpse.decode_all = true;
        seen = survey(&input, &glimpse, config, engines, cancel)?;
    }
    glimpse.closely = doubtful(&seen.sights, seen.end, triage);
    Ok(media::build(SourceSpec::Glimpsed(input, glimpse), &config.limits, cancel)?)
}

/// Longest time that one look stands for.
fn longest_gap(sights: &[Sight], end: MediaTime) -> MediaTime {
    let starts = sights.iter().map(|s| s.pts);
    let ends = sights.iter().skip(1).map(|s| s.pts).chain([end]);
    starts.zip(ends).map(|(start, end)| end - start).max().unwrap_or(end)
}

/// The most doubtful stretches, most doubtful first: as much as the configuration allows. Stretches begin and end at looks.
fn doubtful(sights: &[Sight], end: MediaTime, triage: &TriageConfig) -> Vec<TimeSpan> {
    let ends = sights.iter().skip(1).map(|s| s.pts).chain([end]);
    let cells: Vec<TimeSpan> = sights.iter().zip(ends).map(|(s, end)| TimeSpan { start: s.pts, end }).collect();
    let doubt = |i: usize| {
        let near = sights.get(i.saturating_sub(1)..(i + 2).min(sights.len())).unwrap_or_default();
        let known: Vec<f32> = near.iter().filter_map(|s| s.logit).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f32>() / known.len() as f32)
    };
    let mut ranked: Vec<(f32, TimeSpan)> =
        cells.iter().enumerate().filter_map(|(i, cell)| Some((doubt(i)?, *cell))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    let allowed = (triage.share * end.as_secs()).max(triage.least_s);
    let mut taken = 0.0;
    let chosen = ranked.into_iter().take_while(|(_, cell)| {
        taken += cell.secs();
        taken <= allowed.max(cell.secs())
    });
    merged(chosen.collect())
}

/// Neighbours become one stretch, whose doubt is that of the most doubtful.
fn merged(mut cells: Vec<(f32, TimeSpan)>) -> Vec<TimeSpan> {
    cells.sort_by_key(|(_, cell)| cell.start);
    let mut stretches: Vec<(f32, TimeSpan)> = Vec::new();
    for (doubt, cell) in cells {
        match stretches.last_mut() {
            Some((known, last)) if last.end == cell.start => {
                (*known, last.end) = (known.max(doubt), cell.end);
            }
            _ => stretches.push((doubt, cell)),
        }
    }
    stretches.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    stretches.into_iter().map(|(_, stretch)| stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sights(logits: &[Option<f32>]) -> Vec<Sight> {
        let at = |i: usize| MediaTime::from_secs(4.0 * i as f64);
        logits.iter().enumerate().map(|(i, logit)| Sight { pts: at(i), logit: *logit }).collect()
    }

    fn secs(stretches: &[TimeSpan]) -> Vec<(f64, f64)> {
        stretches.iter().map(|s| (s.start.as_secs(), s.end.as_secs())).collect()
    }

    #[test]
    fn the_stretch_that_stands_out_comes_first_and_nothing_is_chosen_without_a_face() {
        let mut logits = vec![Some(-1.0); 100];
        (40..50).for_each(|i| logits[i] = Some(2.0));
        logits[80] = Some(3.0);
        let triage = TriageConfig { share: 0.12, ..TriageConfig::default() };
        let found = doubtful(&sights(&logits), MediaTime::from_secs(400.0), &triage);
        assert_eq!(secs(&found)[0], (160.0, 200.0), "{found:?}");
        let found = doubtful(&sights(&vec![None; 100]), MediaTime::from_secs(400.0), &triage);
        assert_eq!(found, []);
    }

    #[test]
    fn a_short_recording_is_looked_at_closely_throughout() {
        let found = doubtful(&sights(&[Some(0.0); 5]), MediaTime::from_secs(20.0), &TriageConfig::default());
        assert_eq!(secs(&found), [(0.0, 20.0)]);
    }

    #[test]
    fn one_look_at_the_start_is_a_gap_to_the_end() {
        let end = MediaTime::from_secs(60.0);
        assert_eq!(longest_gap(&sights(&[Some(0.0)]), end), end);
        assert_eq!(longest_gap(&sights(&[None; 15]), end).as_secs(), 4.0);
        assert_eq!(longest_gap(&[], end), end);
    }

    proptest! {
        #[test]
        fn no_more_than_allowed_and_never_twice(logits in prop::collection::vec(prop::option::of(-4.0f32..4.0), 1..200)) {
            let end = MediaTime::from_secs(4.0 * logits.len() as f64);
            let found = doubtful(&sights(&logits), end, &TriageConfig::default());
            let total: f64 = found.iter().map(|s| s.secs()).sum();
            prop_assert!(total <= (0.1 * end.as_secs()).max(30.0) + 1e-6);
            let mut sorted = found;
            sorted.sort_by_key(|s| s.start);
            prop_assert!(sorted.windows(2).all(|w| w[0].end < w[1].start));
        }
    }
}
