//! A line a second. In: a timeline. Out: CSV for spreadsheets.

use super::{ReportError, Timeline};
use crate::types::Prob;
use crate::types::record::ScoreState;

/// Columns, in order. `face` is the most suspicious face of the second.
const HEADER: [&str; 12] = [
    "second",
    "frames",
    "faces",
    "track",
    "face_mean",
    "face_highest",
    "voice",
    "voice_state",
    "fused",
    "fused_low",
    "fused_high",
    "events",
];

/// Renders the table: one line for each second of the call, empty cells where nothing was scored. Every cell is made
/// here: none can be a formula.
pub fn render(timeline: &Timeline) -> Result<Vec<u8>, ReportError> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| ReportError::Serialise(e.to_string());
    out.write_record(HEADER).map_err(failed)?;
    for (i, second) in timeline.seconds.iter().enumerate() {
        let highest = |p: &Option<Prob>| p.map_or(-1.0, Prob::get);
        let face = second.faces.iter().max_by(|a, b| highest(&a.mean).total_cmp(&highest(&b.mean)));
        let from = i as f64;
        let here = timeline.events.iter().filter(|e| e.start_s < from + 1.0 && e.end_s.max(e.start_s + 1e-9) > from);
        let mut kinds: Vec<String> = here.map(|e| e.kind.name()).collect();
        kinds.dedup();
        let state = match second.voice_state {
            Some(ScoreState::Scored) => "scored",
            Some(ScoreState::NotScored) => "not_scored",
            Some(ScoreState::Absent) | None => "absent",
        };
        let row = [
            i.to_string(),
            second.frames.to_string(),
            second.faces.len().to_string(),
            face.map_or_else(String::new, |f| f.track.0.to_string()),
            cell(face.and_then(|f| f.mean)),
            cell(face.and_then(|f| f.highest)),
            cell(second.voice),
            state.into(),
            cell(second.fused.map(|f| f.p_masked)),
            cell(second.fused.map(|f| f.low)),
            cell(second.fused.map(|f| f.high)),
            kinds.join(" "),
        ];
        out.write_record(row).map_err(failed)?;
    }
    out.into_inner().map_err(|e| ReportError::Serialise(e.to_string()))
}

fn cell(p: Option<Prob>) -> String {
    p.map_or_else(String::new, |p| format!("{:.4}", p.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;

    #[test]
    fn a_line_a_second_with_its_events() {
        let text = String::from_utf8(render(&call(8.0)).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 9, "{text}");
        assert!(lines.iter().all(|l| l.split(',').count() == HEADER.len()), "{text}");
        assert!(lines[4].ends_with(",face_suspicious") && lines[1].ends_with(','), "{text}");
    }
}
