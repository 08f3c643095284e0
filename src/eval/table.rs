//! The evaluation for people. In: a report. Out: Markdown tables, one section for each modality, so that a
//! model card can quote them as they are.

use comfy_table::{Table, presets};

use super::metrics::Coverage;
use super::{Figure, Figures, Modality, Part, Rate, Report};

/// The whole report as text.
pub fn table(report: &Report) -> String {
    let mut sections: Vec<String> = report.figures.iter().map(section).collect();
    for failure in &report.failed {
        sections.push(format!("not scanned: {}", failure.error));
    }
    if report.figures.is_empty() {
        sections.push("nothing was scored".into());
    }
    sections.join("\n\n")
}

fn section(f: &Figures) -> String {
    let title = match f.modality {
        Modality::Face => "FACE",
        Modality::Voice => "VOICE",
        Modality::Overall => "OVERALL",
    };
    let head = format!("{title}: {} genuine and {} masked clips, {} of them scored", f.real, f.fakes, f.scored);
    let worst = f.worst_method.as_ref().map(|m| format!("{} {}", m.name, share(m.apcer)));
    let mut rows = vec![
        ["AUC by clip".to_owned(), figure(f.auc)],
        ["AUC by frame or window".to_owned(), f.auc_parts.map_or_else(dash, |v| format!("{v:.3}"))],
        ["EER".to_owned(), figure(f.eer)],
        ["fakes found at 5 % false alarms".to_owned(), figure(f.tpr_at_5_fpr)],
        ["ECE".to_owned(), figure(f.ece)],
        ["wrong at one half, of the surest".to_owned(), curve(&f.coverage_risk)],
        ["BPCER: genuine clips flagged".to_owned(), share(f.bpcer)],
        ["APCER: masked clips missed".to_owned(), share(f.apcer)],
        ["APCER, worst method".to_owned(), worst.unwrap_or_else(dash)],
        ["abstain rate".to_owned(), share(f.abstain)],
    ];
    if let Some(alarms) = f.false_alarms_per_hour {
        rows.push(["false alarms per genuine hour".to_owned(), format!("{alarms:.1}")]);
        rows.push([
            "median time to the first alert".to_owned(),
            f.first_alert_s.map_or_else(dash, |s| format!("{s:.1} s")),
        ]);
    }
    if f.above_same_person.is_some() {
        rows.push(["masked above the same person's genuine".to_owned(), share(f.above_same_person)]);
    }
    let mut blocks = vec![head, grid(["figure", "value [95 %]"], rows)];
    for (what, parts) in [("kind", &f.kinds), ("method", &f.methods), ("face size", &f.sizes)] {
        if !parts.is_empty() {
            blocks.push(grid(
                [what, "genuine", "masked", "AUC", "EER", "APCER", "abstain"],
                parts.iter().map(part).collect(),
            ));
        }
    }
    if f.sources.len() > 1 {
        let number = |v: Option<f64>| v.map_or_else(dash, |v| format!("{v:.3}"));
        let row =
            |s: &super::BySource| [s.source.clone(), s.real.to_string(), number(s.auc_against), number(s.auc_without)];
        let head = ["source of genuine clips", "scored", "AUC against it", "AUC without it"];
        blocks.push(grid(head, f.sources.iter().map(row).collect()));
    }
    blocks.join("\n\n")
}

fn part(p: &Part) -> [String; 7] {
    [
        p.name.clone(),
        p.real.to_string(),
        p.fakes.to_string(),
        figure(p.auc),
        p.eer.map_or_else(dash, |e| format!("{:.0} %", 100.0 * e.value)),
        share(p.apcer),
        p.abstain.map_or_else(dash, |r| format!("{:.0} %", 100.0 * r.value)),
    ]
}

fn curve(points: &[Coverage]) -> String {
    let point = |c: &Coverage| format!("{:.0} % of {:.0} %", 100.0 * c.risk, 100.0 * c.coverage);
    points.iter().map(point).collect::<Vec<_>>().join(", ")
}

fn dash() -> String {
    "–".into()
}

fn figure(value: Option<Figure>) -> String {
    value.map_or_else(dash, |f| format!("{:.3} [{:.3}–{:.3}]", f.value, f.low, f.high))
}

fn share(value: Option<Rate>) -> String {
    let percent = |v: f64| 100.0 * v;
    value.map_or_else(dash, |r| {
        format!("{:.1} % [{:.0}–{:.0}] of {}", percent(r.value), percent(r.low), percent(r.high), r.of)
    })
}

fn grid<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(head).add_rows(rows);
    table.trim_fmt()
}
