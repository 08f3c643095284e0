//! The evaluation. In: clips and what was said of them. Out: every figure, for each modality that was scored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::interval::{bootstrap, rate};
use super::metrics::{Scored, auc, eer, expected_calibration_error, tpr_at_fpr};
use super::{Clip, ClipResult, Figure, Rate, Said};
use crate::types::record::{ModelInfo, Outcome, RuntimeInfo, Start, round};

/// A method with fewer answered clips is no "worst method": one clip is 0 or 100 %.
const LEAST_FOR_WORST: usize = 3;

/// Bounds of the face sizes that are reported apart, pixels.
const SIZES: [f64; 4] = [60.0, 100.0, 160.0, f64::INFINITY];

/// Whose score is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// `verdict.face`.
    Face,
    /// `verdict.voice`.
    Voice,
    /// `verdict.overall`: what a reviewer acts on.
    Overall,
}

impl Modality {
    fn of(self, result: &ClipResult) -> Said {
        match self {
            Self::Face => result.face,
            Self::Voice => result.voice,
            Self::Overall => result.overall,
        }
    }

    /// Scores finer than a clip's: of frames, or of windows of speech.
    fn parts(self, result: &ClipResult) -> &[f32] {
        match self {
            Self::Face => &result.frames,
            Self::Voice => &result.windows,
            Self::Overall => &[],
        }
    }
}

/// Some of the fakes, against all genuine clips.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Kind, method, or range of face sizes.
    pub name: String,
    /// Genuine clips it is judged against, scored or not.
    pub real: usize,
    /// Masked clips, scored or not.
    pub fakes: usize,
    /// Area under the ROC curve over scored clips.
    pub auc: Option<Figure>,
    /// Equal error rate over scored clips.
    pub eer: Option<Figure>,
    /// Missed, of the masked clips with an answer.
    pub apcer: Option<Rate>,
    /// Masked clips without an answer.
    pub abstain: Option<Rate>,
}

/// How much the figure depends on where the genuine clips are from.
#[derive(Debug, Clone, Serialize)]
pub struct BySource {
    /// Source.
    pub source: String,
    /// Its scored genuine clips.
    pub real: usize,
    /// All fakes against these alone.
    pub auc_against: Option<f64>,
    /// Everything but this source's clips.
    pub auc_without: Option<f64>,
}

/// Everything about one modality.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Which.
    pub modality: Modality,
    /// Genuine clips.
    pub real: usize,
    /// Masked clips.
    pub fakes: usize,
    /// Clips with a score, findings without an answer included.
    pub scored: usize,
    /// Area under the ROC curve, by clip.
    pub auc: Option<Figure>,
    /// The same by frame or window.
    pub auc_parts: Option<f64>,
    /// Equal error rate.
    pub eer: Option<Figure>,
    /// Share of fakes found when at most 5 % of the genuine clips are flagged.
    pub tpr_at_5_fpr: Option<Figure>,
    /// Expected calibration error.
    pub ece: Option<Figure>,
    /// Genuine clips flagged, of those with an answer.
    pub bpcer: Option<Rate>,
    /// Masked clips missed, of those with an answer.
    pub apcer: Option<Rate>,
    /// The method with the highest APCER, of those with three answers or more.
    pub worst_method: Option<Part>,
    /// Clips without an answer.
    pub abstain: Option<Rate>,
    /// Fakes that score above the mean of the same person's genuine clips.
    pub above_same_person: Option<Rate>,
    /// By kind of fake.
    pub kinds: Vec<Part>,
    /// By method.
    pub methods: Vec<Part>,
    /// By size of the face: genuine clips, too, are of that size.
    pub sizes: Vec<Part>,
    /// By source of the genuine clips.
    pub sources: Vec<BySource>,
}

/// A clip that could not be scanned.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub error: String,
}

/// A clip and what was said of it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The manifest's row.
    #[serde(flatten)]
    pub clip: Clip,
    /// What was said.
    #[serde(flatten)]
    pub result: ClipResult,
}

/// A whole evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// The `start` record of the first clip, without the clip: version, networks, provider, configuration.
    pub tool: Option<Tool>,
    /// Figures for each modality with a score.
    pub figures: Vec<Figures>,
    /// Clips that could not be scanned. They are in no figure.
    pub failed: Vec<Failure>,
    /// Every scanned clip, in the manifest's order.
    pub clips: Vec<Row>,
}

/// What made the scores.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// Version of the program.
    pub version: String,
    /// Networks with their hashes.
    pub models: Vec<ModelInfo>,
    /// What ran them.
    pub runtime: RuntimeInfo,
    /// SHA-256 of the resolved configuration, hex.
    pub config_sha256: String,
}

impl From<Start> for Tool {
    fn from(start: Start) -> Self {
        let Start { tool_version: version, models, runtime, config_sha256, .. } = start;
        Self { version, models, runtime, config_sha256 }
    }
}

/// Computes every figure. `clips` in the manifest's order.
pub fn report(tool: Option<Tool>, clips: Vec<Row>, failed: Vec<Failure>) -> Report {
    let all = [Modality::Face, Modality::Voice, Modality::Overall];
    let figures = all.into_iter().filter_map(|modality| figures(modality, &clips)).collect();
    Report { schema: "unmask-eval/1", tool, figures, failed, clips }
}

/// `None` when nothing was scored.
fn figures(modality: Modality, clips: &[Row]) -> Option<Figures> {
    let set = Set { modality, rows: clips.iter().collect() };
    let scored = set.scored();
    if scored.is_empty() {
        return None;
    }
    let groups = set.by_person();
    let parts = clips.iter().flat_map(|row| {
        let masked = row.clip.is_fake();
        modality.parts(&row.result).iter().map(move |&p| Scored { p, masked })
    });
    let methods = set.parts(|clip| clip.method.clone());
    let answered = |part: &&Part| part.apcer.is_some_and(|rate| rate.of >= LEAST_FOR_WORST);
    let apcer = |part: &Part| part.apcer.map_or(0.0, |rate| rate.value);
    Some(Figures {
        modality,
        real: set.count(false),
        fakes: set.count(true),
        scored: scored.len(),
        auc: bootstrap(&groups, auc),
        auc_parts: auc(&parts.collect::<Vec<_>>()).map(|v| round(v, 4)),
        eer: bootstrap(&groups, eer),
        tpr_at_5_fpr: bootstrap(&groups, |s| tpr_at_fpr(s, 0.05)),
        ece: bootstrap(&groups, expected_calibration_error),
        bpcer: set.wrong(false),
        apcer: set.wrong(true),
        worst_method: methods.iter().filter(answered).max_by(|a, b| apcer(a).total_cmp(&apcer(b))).cloned(),
        abstain: set.abstained(&set.rows),
        above_same_person: set.above_same_person(),
        kinds: set.parts(|clip| clip.kind.clone()),
        methods,
        sizes: set.by_size(),
        sources: set.by_source(),
    })
}

/// Clips as one modality sees them.
struct Set<'a> {
    modality: Modality,
    rows: Vec<&'a Row>,
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

    fn scored(&self) -> Vec<Scored> {
        self.rows.iter().filter_map(|row| Some(Scored { p: self.p(row)?, masked: row.clip.is_fake() })).collect()
    }

    fn count(&self, masked: bool) -> usize {
        self.rows.iter().filter(|row| row.clip.is_fake() == masked).count()
    }

    /// Scores of each person; a clip without a name stands for itself.
    fn by_person(&self) -> Vec<Vec<Scored>> {
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
    fn wrong(&self, masked: bool) -> Option<Rate> {
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

    fn abstained(&self, rows: &[&Row]) -> Option<Rate> {
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
    fn parts(&self, key: impl Fn(&Clip) -> String) -> Vec<Part> {
        let fakes = self.rows.iter().filter(|row| row.clip.is_fake());
        let mut names: Vec<String> = fakes.map(|row| key(&row.clip)).filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        let part = |name: &String| self.only(|row| !row.clip.is_fake() || key(&row.clip) == *name).part(name);
        names.iter().map(part).collect()
    }

    fn by_size(&self) -> Vec<Part> {
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

    fn by_source(&self) -> Vec<BySource> {
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

    fn above_same_person(&self) -> Option<Rate> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Label;
    use crate::types::Prob;

    fn row(masked: bool, method: &str, person: &str, source: &str, p: Option<f32>) -> Row {
        let result = match p {
            None => Outcome::NotAssessed,
            Some(p) if p >= 0.8 => Outcome::SignsFound,
            Some(p) if p < 0.4 => Outcome::NoSignsFound,
            Some(_) => Outcome::Inconclusive,
        };
        let face = Said { result, p_masked: p.and_then(Prob::new) };
        let voice = Said { result: Outcome::NotAssessed, p_masked: None };
        let clip = Clip {
            path: "a.mp4".into(),
            label: if masked { Label::Fake } else { Label::Real },
            method: method.into(),
            kind: method.split(':').next().unwrap_or_default().into(),
            source: source.into(),
            person: person.into(),
        };
        let px = Some(if masked { 70.0 } else { 200.0 });
        Row { clip, result: ClipResult { face, voice, overall: face, face_px: px, frames: vec![], windows: vec![] } }
    }

    fn example() -> Report {
        let rows = vec![
            row(false, "", "ann", "x", Some(0.1)),
            row(false, "", "bob", "y", Some(0.9)),
            row(false, "", "cy", "y", Some(0.2)),
            row(false, "", "di", "x", None),
            row(true, "swap:A", "ann", "x", Some(0.95)),
            row(true, "swap:A", "bob", "x", Some(0.3)),
            row(true, "swap:B", "bob", "x", Some(0.6)),
        ];
        report(None, rows, vec![])
    }

    #[test]
    fn every_figure_counts_what_it_says() {
        let report = example();
        assert_eq!(report.figures.iter().map(|f| f.modality).collect::<Vec<_>>(), [Modality::Face, Modality::Overall]);
        let face = &report.figures[0];
        assert_eq!((face.real, face.fakes, face.scored), (4, 3, 6));
        assert!((face.auc.unwrap().value - 7.0 / 9.0).abs() < 1e-4);
        assert_eq!(face.bpcer.map(|r| (r.value, r.of)), Some((0.3333, 3)));
        assert_eq!(face.apcer.map(|r| (r.value, r.of)), Some((0.5, 2)));
        assert_eq!(face.abstain.map(|r| (r.value, r.of)), Some((round(2.0 / 7.0, 4), 7)));
        assert_eq!(face.above_same_person.map(|r| (r.value, r.of)), Some((0.3333, 3)));
        assert!(face.worst_method.is_none(), "no method has three answers");
    }

    #[test]
    fn parts_are_judged_against_all_genuine_clips() {
        let face = &example().figures[0];
        let names: Vec<&str> = face.methods.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["swap:A", "swap:B"]);
        assert_eq!((face.methods[1].real, face.methods[1].fakes), (4, 1));
        assert_eq!(face.kinds.len(), 1);
        assert_eq!(face.sizes.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["60–100 px", "160 px and more"]);
        let x = &face.sources[0];
        assert_eq!((x.source.as_str(), x.real, x.auc_against), ("x", 1, Some(1.0)));
    }
}
