//! Clips as one modality sees them. In: rows. Out: what each figure counts.

use std::collections::BTreeMap;

use super::figures::{BySource, Modality, Part, Row};
use super::interval::{bootstrap, rate};
use super::metrics::{Scored, auc, eer};
use super::{Clip, ClipResult, Rate};
use crate::types::record::{Outcome, round};

/// Bounds of the face sizes that are reported apart, pixels.
const SIZES: [f64; 4] = [60.0, 100.0, 160.0, f64::INFINITY];

/// Clips as one modality sees them.
pub struct Set<'a> {
    pub modality: Modality,
    pub rows: Vec<&'a Row>,
}

impl<'a> Set<'a> {
    fn only(&self, keep: impl Fn(&Row) -> bool) -> Set<'a> {
        Set { modality: self.modality, rows: self.rows.iter().copied().filter(|row| keep(row)).collect() }
    }

    fn p(&self, row: &Row) -> Option<f32> {
        self.modality.of(&row.result).p_masked.map(|p| p.get())
    }

    fn outcome(&self, row: &Row) -> Outcome {
        self.modality.of(&row.result).result
    }

    pub fn scored(&self) -> Vec<Scored> {
        self.rows.iter().filter_map(|row| Some(Scored { p: self.p(row)?, masked: row.clip.is_fake() })).collect()
    }

    pub fn count(&self, masked: bool) -> usize {
        self.rows.iter().filter(|row| row.clip.is_fake() == masked).count()
    }

    /// Scores of each person; a clip without a name stands for itself.
    pub fn by_person(&self) -> Vec<Vec<Scored>> {
        let mut people: BTreeMap<(&str, usize), Vec<Scored>> = BTreeMap::new();
        for (i, row) in self.rows.iter().enumerate() {
            let name = row.clip.person.as_str();
            let own = if name.is_empty() { i } else { 0 };
            people
                .entry((name, own))
                .or_default()
                .extend(self.p(row).map(|p| Scored { p, masked: row.clip.is_fake() }));
        }
        people.into_values().filter(|scores| !scores.is_empty()).collect()
    }

    /// Clips of a class with the wrong answer, of those with an answer.
    pub fn wrong(&self, masked: bool) -> Option<Rate> {
        let outcomes = self.rows.iter().filter(|row| row.clip.is_fake() == masked).map(|row| self.outcome(row));
        let (mut flagged, mut passed) = (0, 0);
        for outcome in outcomes {
            match outcome {
                Outcome::SignsFound => flagged += 1,
                Outcome::NoSignsFound => passed += 1,
                Outcome::Inconclusive | Outcome::NotAssessed => {}
            }
        }
        rate(if masked { passed } else { flagged }, flagged + passed)
    }

    pub fn abstained(&self, rows: &[&Row]) -> Option<Rate> {
        let without = |row: &&&Row| matches!(self.outcome(row), Outcome::Inconclusive | Outcome::NotAssessed);
        rate(rows.iter().filter(without).count(), rows.len())
    }

    fn part(&self, name: &str) -> Part {
        let fakes: Vec<&Row> = self.rows.iter().copied().filter(|row| row.clip.is_fake()).collect();
        let people = self.by_person();
        Part {
            name: name.to_owned(),
            real: self.count(false),
            fakes: fakes.len(),
            auc: bootstrap(&people, auc),
            eer: bootstrap(&people, eer),
            apcer: self.wrong(true),
            abstain: self.abstained(&fakes),
        }
    }

    /// The fakes by what `key` says of them, each against all genuine clips.
    pub fn parts(&self, key: impl Fn(&Clip) -> String) -> Vec<Part> {
        let fakes = self.rows.iter().filter(|row| row.clip.is_fake());
        let mut names: Vec<String> = fakes.map(|row| key(&row.clip)).filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        let part = |name: &String| self.only(|row| !row.clip.is_fake() || key(&row.clip) == *name).part(name);
        names.iter().map(part).collect()
    }

    pub fn by_size(&self) -> Vec<Part> {
        let mut low = 0.0;
        let mut parts = Vec::new();
        for high in SIZES {
            let set = self.only(|row| row.result.face_px.is_some_and(|px| (low..high).contains(&px)));
            if !set.rows.is_empty() {
                let name = if high.is_finite() { format!("{low}–{high} px") } else { format!("{low} px and more") };
                parts.push(set.part(&name));
            }
            low = high;
        }
        parts
    }

    pub fn by_source(&self) -> Vec<BySource> {
        let real = self.rows.iter().filter(|row| !row.clip.is_fake());
        let mut names: Vec<&str> = real.map(|row| row.clip.source.as_str()).filter(|s| !s.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        let auc_of = |set: Set| auc(&set.scored()).map(|v| round(v, 4));
        let row = |name: &str| {
            let own = self.only(|row| !row.clip.is_fake() && row.clip.source == name);
            BySource {
                source: name.to_owned(),
                real: own.scored().len(),
                auc_against: auc_of(self.only(|row| row.clip.is_fake() || row.clip.source == name)),
                auc_without: auc_of(self.only(|row| row.clip.source != name)),
            }
        };
        names.into_iter().map(row).collect()
    }

    /// Events in genuine clips, for each hour of them.
    pub fn false_alarms_per_hour(&self) -> Option<f64> {
        let genuine: Vec<&ClipResult> = self.rows.iter().filter(|r| !r.clip.is_fake()).map(|r| &r.result).collect();
        let hours = genuine.iter().map(|r| r.length_s).sum::<f64>() / 3600.0;
        let alerts: usize = genuine.iter().map(|r| r.alerts_s.len()).sum();
        (hours > 0.0).then(|| round(alerts as f64 / hours, 2))
    }

    /// Median time to the first event, of the masked clips that have one.
    pub fn first_alert_s(&self) -> Option<f64> {
        let masked = self.rows.iter().filter(|row| row.clip.is_fake());
        let mut first: Vec<f64> =
            masked.filter_map(|row| row.result.alerts_s.iter().copied().min_by(f64::total_cmp)).collect();
        first.sort_by(f64::total_cmp);
        first.get(first.len() / 2).map(|s| round(*s, 2))
    }

    pub fn above_same_person(&self) -> Option<Rate> {
        let (mut above, mut of) = (0, 0);
        for fake in self.rows.iter().filter(|row| row.clip.is_fake() && !row.clip.person.is_empty()) {
            let twins = self.only(|row| !row.clip.is_fake() && row.clip.person == fake.clip.person).scored();
            if let (Some(p), false) = (self.p(fake), twins.is_empty()) {
                let mean = twins.iter().map(|s| s.p).sum::<f32>() / twins.len() as f32;
                above += usize::from(p > mean);
                of += 1;
            }
        }
        rate(above, of)
    }
}
