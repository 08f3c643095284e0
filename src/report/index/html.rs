//! `index.html`. In: ranked rows. Out: one self-contained page; scripts add search and filters.

use maud::{Markup, html};

use super::{CallFinding, CallState, IndexRow};
use crate::report::ReportError;
use crate::report::html::parts::{count, mark, number, scale, sentence};
use crate::report::html::shell::{Shell, page};
use crate::report::words::{clock, outcome};
use crate::types::record::{Outcome, SCOPE};

/// Signs that are named in a row; of the others only their number.
const SIGNS: usize = 3;

/// Renders the page.
pub fn render(rows: &[IndexRow]) -> Result<Vec<u8>, ReportError> {
    let body = html! {
        header.masthead {
            p.brand { b { "unmask" } " report of many calls" }
            h1 { (count(rows.len(), "call")) }
            p.facts { "What needs a person first is on top: calls with signs, then those that could not be scanned, then the rest." }
        }
        main #main {
            p.scope { (SCOPE) }
            (summary(rows))
            @if !rows.is_empty() { (controls(rows)) (list(rows)) }
            p.none #none hidden[!rows.is_empty()] { @if rows.is_empty() { "No calls." } @else { "No call fits." } }
        }
    };
    let title = format!("{} · unmask", count(rows.len(), "call"));
    let (style, script) = (include_str!("index.css"), include_str!("index.js"));
    let script = if rows.is_empty() { "" } else { script };
    Ok(page(&Shell { title: &title, style, policy: "", script, data: None, body }))
}

/// Name and word of what came of a call.
fn state(state: &CallState) -> (&'static str, &'static str) {
    match state {
        CallState::Done(finding) => (finding.overall.name(), outcome(finding.overall)),
        CallState::Failed(_) => ("failed", "could not be scanned"),
        CallState::Waiting => ("waiting", "waiting"),
    }
}

/// How many calls there are of each kind, in the order of their urgency.
fn counts(rows: &[IndexRow]) -> Vec<(&'static str, &'static str, usize)> {
    let done = |o: Outcome| (o.name(), outcome(o));
    let all = [
        done(Outcome::SignsFound),
        ("failed", "could not be scanned"),
        done(Outcome::Inconclusive),
        done(Outcome::NotAssessed),
        done(Outcome::NoSignsFound),
        ("waiting", "waiting"),
    ];
    let counted = all.map(|(name, word)| (name, word, rows.iter().filter(|r| state(&r.state).0 == name).count()));
    counted.into_iter().filter(|(_, _, n)| *n > 0).collect()
}

fn summary(rows: &[IndexRow]) -> Markup {
    html! {
        p.summary #summary { @for (name, word, n) in counts(rows) { span { b { (n) } (mark(name, word)) } } }
    }
}

fn controls(rows: &[IndexRow]) -> Markup {
    html! {
        div.controls #controls hidden {
            label.sr for="search" { "Search names, files and signs" }
            input #search type="search" placeholder="Search names, files and signs" autocomplete="off";
            div.filters role="group" aria-label="Show" {
                button type="button" data-state="" aria-pressed="true" { "all" b { (rows.len()) } }
                @for (name, word, n) in counts(rows) {
                    button type="button" data-state=(name) aria-pressed="false" { (mark(name, word)) b { (n) } }
                }
            }
            span.note #shown aria-live="polite" {}
        }
    }
}

fn list(rows: &[IndexRow]) -> Markup {
    html! {
        div.columns aria-hidden="true" {
            span {} span { "Call" } span { "Result" } span { "P(masked), 95 % range" } span { "Signs" } span { "Files" }
        }
        ol.calls {
            @for (i, row) in rows.iter().enumerate() { (call(i, row)) }
        }
    }
}

fn call(i: usize, row: &IndexRow) -> Markup {
    let (name, word) = state(&row.state);
    let signs = match &row.state {
        CallState::Done(finding) => finding.signs.iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let page = row.files.iter().find(|f| f.ends_with(".html"));
    html! {
        li class=(format!("call {name}")) data-state=(name) data-find=(format!("{} {} {word} {signs}", row.name, row.input)) {
            span.rank { (i + 1) }
            div.who {
                @if let Some(page) = page { a.name href=(link(page)) { (row.name) } } @else { span.name { (row.name) } }
                @if row.input != row.name { span.input { (row.input) } }
            }
            div.result-cell {
                (mark(name, word))
                @if let CallState::Done(finding) = &row.state { (parts(finding)) }
            }
            @match &row.state {
                CallState::Done(finding) => { (numbers(finding)) (signs_of(finding)) }
                CallState::Failed(why) => { div.why { (sentence(why)) } }
                CallState::Waiting => { div.why { "Its turn has not come." } }
            }
            div.files {
                @for file in &row.files {
                    a href=(link(file)) aria-label=(format!("{}: {}", row.name, ending(row, file))) { (ending(row, file)) }
                }
            }
        }
    }
}

fn parts(finding: &CallFinding) -> Markup {
    html! {
        div.parts {
            span { "face: " (outcome(finding.face)) }
            span { "voice: " (outcome(finding.voice)) }
            @if finding.partial { span { "only a part was seen" } }
        }
    }
}

fn numbers(finding: &CallFinding) -> Markup {
    let (low, high) = finding.range.unzip();
    html! {
        div.numbers {
            @if let Some(p) = finding.p_masked {
                b { (number(p)) }
                @if let (Some(low), Some(high)) = (low, high) { " [" (number(low)) "–" (number(high)) "]" }
                (scale(Some(p), low, high))
            }
        }
    }
}

fn signs_of(finding: &CallFinding) -> Markup {
    html! {
        div.what {
            @if !finding.signs.is_empty() {
                ul.signs {
                    @for (title, at_s) in finding.signs.iter().take(SIGNS) { li { (clock(*at_s)) " " (title) } }
                    @if finding.signs.len() > SIGNS { li.note { "and " (finding.signs.len() - SIGNS) " more" } }
                }
            }
            span.note { (clock(finding.length_s)) " long" }
        }
    }
}

/// What follows the call's name in the name of a file: `html`, `jsonl`.
fn ending<'a>(row: &IndexRow, file: &'a str) -> &'a str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_prefix(row.name.as_str())
        .map(|rest| rest.trim_start_matches('.'))
        .filter(|rest| !rest.is_empty())
        .unwrap_or_else(|| name.rsplit('.').next().unwrap_or(name))
}

/// A relative address: what stands before its first slash cannot be taken for a scheme.
fn link(file: &str) -> String {
    format!("./{}", file.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Prob;

    fn row(name: &str, state: CallState) -> IndexRow {
        IndexRow { name: name.into(), input: format!("in/{name}.mp4"), state, files: vec![format!("{name}.html")] }
    }

    fn done(overall: Outcome) -> CallState {
        CallState::Done(CallFinding {
            overall,
            face: overall,
            voice: Outcome::NotAssessed,
            p_masked: Prob::new(0.7),
            range: Prob::new(0.5).zip(Prob::new(0.9)),
            signs: vec![("face looks masked".into(), 61.0); 5],
            length_s: 600.0,
            partial: true,
        })
    }

    fn text(rows: &[IndexRow]) -> String {
        String::from_utf8(render(rows).unwrap()).unwrap()
    }

    #[test]
    fn each_call_has_its_result_and_its_files() {
        let failed = CallState::Failed("the file is empty: record it again".into());
        let page = text(&[row("a", done(Outcome::SignsFound)), row("b", failed), row("c", CallState::Waiting)]);
        for part in ["0.70", "[0.50–0.90]", "1:01.0 face looks masked", "and 2 more", "only a part was seen"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("The file is empty: record it again") && page.contains("href=\"./b.html\""));
        assert_eq!(page.matches("<li class=\"call ").count(), 3);
        assert!(text(&[]).contains("No calls."));
    }

    #[test]
    fn names_are_text() {
        let page = text(&[row("<img src=x onerror=alert(1)>\"'", done(Outcome::Inconclusive))]);
        assert!(!page.contains("<img") && !page.contains("\"'"), "{page}");
    }

    #[test]
    fn two_thousand_rows_are_a_page_of_moderate_size() {
        let rows: Vec<IndexRow> = (0..2000).map(|i| row(&format!("call-{i}"), done(Outcome::Inconclusive))).collect();
        assert!(render(&rows).unwrap().len() < 6_000_000);
    }
}
