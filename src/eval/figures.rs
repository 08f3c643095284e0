//! The evaluation. In: clips and what was said of them. Out: every figure, for each modality that was scored.

use std::path::PathBuf;

use serde::Serialize;

use super::interval::bootstrap;
use super::metrics::{Coverage, Scored, auc, coverage_risk, eer, expected_calibration_error, tpr_at_fpr};
use super::set::Set;
use super::{Clip, ClipResult, Figure, Rate, Said};
use crate::types::Prob;
use crate::types::record::{ModelInfo, RuntimeInfo, Start, round};

/// A method with fewer answered clips is no "worst method": one clip is 0 or 100 %.
const LEAST_FOR_WORST: usize = 3;

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
    pub(super) fn of(self, result: &ClipResult) -> Said {
        match self {
            Self::Face => result.face,
            Self::Voice => result.voice,
            Self::Overall => result.overall,
        }
    }

    /// Scores finer than a clip's: of frames, or of windows of speech.
    fn parts(self, result: &ClipResult) -> &[Prob] {
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
    /// How often the score is wrong, when only the surest are answered.
    pub coverage_risk: Vec<Coverage>,
    /// Genuine clips flagged, of those with an answer.
    pub bpcer: Option<Rate>,
    /// Masked clips missed, of those with an answer.
    pub apcer: Option<Rate>,
    /// The method with the highest APCER, of those with three answers or more.
    pub worst_method: Option<Part>,
    /// Clips without an answer.
    pub abstain: Option<Rate>,
    /// Overall only: events that speak for masking in genuine clips, for each hour of them.
    pub false_alarms_per_hour: Option<f64>,
    /// Overall only: seconds to the first such event, the median of masked clips that have one.
    pub first_alert_s: Option<f64>,
    /// Fakes that score above the mean of the same person's genuine clips.
    pub above_same_person: Option<Rate>,
    /// By kind of fake.
    pub kinds: Vec<Part>,
    /// By method.
    pub methods: Vec<Part>,
    /// By size of the face: genuine clips, too, are of that size. Empty for the voice.
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
        modality.parts(&row.result).iter().map(move |p| Scored { p: p.get(), masked })
    });
    let methods = set.parts(|clip| clip.method.clone());
    let answered = |part: &&Part| part.apcer.is_some_and(|rate| rate.of >= LEAST_FOR_WORST);
    let apcer = |part: &Part| part.apcer.map_or(0.0, |rate| rate.value);
    let overall = modality == Modality::Overall;
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
        coverage_risk: coverage_risk(&scored),
        bpcer: set.wrong(false),
        apcer: set.wrong(true),
        worst_method: methods.iter().filter(answered).max_by(|a, b| apcer(a).total_cmp(&apcer(b))).cloned(),
        abstain: set.abstained(&set.rows),
        false_alarms_per_hour: overall.then(|| set.false_alarms_per_hour()).flatten(),
        first_alert_s: overall.then(|| set.first_alert_s()).flatten(),
        above_same_person: set.above_same_person(),
        kinds: set.parts(|clip| clip.kind.clone()),
        methods,
        sizes: if modality == Modality::Voice { Vec::new() } else { set.by_size() },
        sources: set.by_source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Label;
    use crate::types::record::Outcome;

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
        Row {
            clip,
            result: ClipResult {
                face,
                voice,
                overall: face,
                face_px: px,
                sharpness: None,
                exposure: None,
                length_s: 10.0,
                alerts_s: p.filter(|p| *p >= 0.8).map(|_| 2.0).into_iter().collect(),
                frames: vec![],
                windows: vec![],
            },
        }
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
        assert_eq!((face.false_alarms_per_hour, face.first_alert_s), (None, None), "events are the call's");
        let overall = &report.figures[1];
        assert_eq!((overall.false_alarms_per_hour, overall.first_alert_s), (Some(90.0), Some(2.0)));
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
