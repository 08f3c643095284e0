//! `index.csv`. In: ranked rows. Out: a line a call. Names and addresses come from strangers: a cell that a
//! spreadsheet would take for a formula gets an apostrophe before it
//! (<https://owasp.org/www-community/attacks/CSV_Injection>).

use super::{CallState, IndexRow};
use crate::report::ReportError;
use crate::types::Prob;

/// Columns, in order.
const HEADER: [&str; 14] = [
    "name",
    "input",
    "state",
    "overall",
    "face",
    "voice",
    "p_masked",
    "low",
    "high",
    "signs",
    "first_sign_s",
    "length_s",
    "partial",
    "error",
];

/// Renders the table.
pub fn render(rows: &[IndexRow]) -> Result<Vec<u8>, ReportError> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| ReportError::Serialise(e.to_string());
    out.write_record(HEADER).map_err(failed)?;
    for row in rows {
        out.write_record(cells(row)).map_err(failed)?;
    }
    out.into_inner().map_err(|e| ReportError::Serialise(e.to_string()))
}

fn cells(row: &IndexRow) -> [String; HEADER.len()] {
    let mut cells = [const { String::new() }; HEADER.len()];
    cells[0] = harmless(&row.name);
    cells[1] = harmless(&row.input);
    match &row.state {
        CallState::Waiting => cells[2] = "waiting".into(),
        CallState::Failed(error) => {
            cells[2] = "failed".into();
            cells[13] = harmless(error);
        }
        CallState::Done(finding) => {
            cells[2] = "done".into();
            cells[3] = finding.overall.name().into();
            cells[4] = finding.face.name().into();
            cells[5] = finding.voice.name().into();
            cells[6] = number(finding.p_masked);
            cells[7] = number(finding.range.map(|r| r.0));
            cells[8] = number(finding.range.map(|r| r.1));
            cells[9] = finding.signs.len().to_string();
            let first = finding.signs.iter().map(|s| s.1).min_by(f64::total_cmp);
            cells[10] = first.map_or_else(String::new, |s| format!("{s:.1}"));
            cells[11] = format!("{:.1}", finding.length_s);
            cells[12] = finding.partial.to_string();
        }
    }
    cells
}

/// The text, with an apostrophe before what begins like a formula.
fn harmless(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

fn number(p: Option<Prob>) -> String {
    p.map_or_else(String::new, |p| format!("{:.4}", p.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::index::CallFinding;
    use proptest::prelude::*;

    fn failed(name: &str, error: &str) -> IndexRow {
        IndexRow { name: name.into(), input: name.into(), state: CallState::Failed(error.into()), files: vec![] }
    }

    #[test]
    fn a_line_a_call() {
        let finding = CallFinding::of(&crate::report::test_records::call(8.0));
        let done = IndexRow {
            name: "a".into(),
            input: "in/a, b.mp4".into(),
            state: CallState::Done(finding),
            files: vec!["a.jsonl".into()],
        };
        let text = String::from_utf8(render(&[done, failed("b", "b: is empty")]).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("a,\"in/a, b.mp4\",done,") && lines[2].ends_with("b: is empty"), "{text}");
    }

    proptest! {
        #[test]
        fn no_cell_is_a_formula(first in "[=+@\\-\t\r\na-z\",;]", rest in "\\PC{0,20}", error in "\\PC{0,20}") {
            let row = failed(&format!("{first}{rest}"), &error);
            let text = render(std::slice::from_ref(&row)).unwrap();
            let mut reader = csv::ReaderBuilder::new().from_reader(text.as_slice());
            let cells = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(cells.len(), HEADER.len());
            prop_assert!(cells.iter().all(|c| !c.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])));
            prop_assert_eq!(cells[0].trim_start_matches('\''), row.name.trim_start_matches('\''));
        }
    }
}
