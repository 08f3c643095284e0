//! Small pieces of both pages. In: results, probabilities, times. Out: markup that never relies on colour alone.

use maud::{Markup, html};

use crate::report::words::{clock, outcome, reason};
use crate::types::Prob;
use crate::types::record::{Finding, Outcome, Reason};

/// A shape and a word.
pub(in crate::report) fn mark(name: &str, word: &str) -> Markup {
    html! {
        span class=(format!("result {name}")) {
            svg.mark aria-hidden="true" { use href=(format!("#m-{name}")) {} }
            " " (word)
        }
    }
}

/// The shape and the word of a result.
pub(in crate::report) fn result(result: Outcome) -> Markup {
    mark(result.name(), outcome(result))
}

/// `0.71`.
pub(in crate::report) fn number(p: Prob) -> String {
    format!("{:.2}", p.get())
}

/// `0.71` and `0.55–0.85`; nothing without a probability.
pub(super) fn numbers(finding: &Finding) -> Option<(String, Option<String>)> {
    let p = finding.p_masked?;
    let range = finding.low.zip(finding.high).map(|(low, high)| format!("{}–{}", number(low), number(high)));
    Some((number(p), range))
}

/// Result, probability with its range, and both on a scale: what every row of findings begins with.
pub(super) fn answer(finding: &Finding) -> Markup {
    html! {
        (result(finding.result))
        span.of {
            @if let Some((p, range)) = numbers(finding) {
                b { (p) } @if let Some(range) = range { " [" (range) "]" }
            }
        }
        @if finding.p_masked.is_some() { (scale(finding.p_masked, finding.low, finding.high)) }
    }
}

/// A probability and its range on a scale from 0 to 1, for the eye; the numbers stand beside it.
pub(in crate::report) fn scale(p: Option<Prob>, low: Option<Prob>, high: Option<Prob>) -> Markup {
    let x = |p: Prob| (f64::from(p.get()) * 1000.0).round() / 10.0;
    html! {
        svg.scale aria-hidden="true" focusable="false" {
            line.axis x1="0" x2="100%" y1="50%" y2="50%" {}
            @for tick in ["0%", "25%", "50%", "75%", "100%"] {
                line.tick x1=(tick) x2=(tick) y1="30%" y2="70%" {}
            }
            @if let (Some(low), Some(high)) = (low, high) {
                rect.range x=(format!("{}%", x(low))) width=(format!("{:.1}%", (x(high) - x(low)).max(0.5)))
                    y="25%" height="50%" {}
            }
            @if let Some(p) = p {
                line.point x1=(format!("{}%", x(p))) x2=(format!("{}%", x(p))) y1="0" y2="100%" {}
            }
        }
    }
}

/// A clock time that seeks; without the script it opens the recording there.
pub(super) fn seek(at_s: f64, recording: Option<&str>) -> Markup {
    let href = recording.map_or_else(|| "#timeline".to_owned(), |r| format!("{r}#t={:.1}", at_s.max(0.0)));
    html! { a.seek href=(href) data-t=(format!("{:.2}", at_s.max(0.0))) { (clock(at_s)) } }
}

/// `4:32.4 – 4:44.8`, of which both seek; one time when it is a moment.
pub(super) fn span(start_s: f64, end_s: f64, recording: Option<&str>) -> Markup {
    html! {
        (seek(start_s, recording))
        @if end_s - start_s >= 0.1 { "–" (seek(end_s, recording)) }
    }
}

/// Reasons in plain words.
pub(super) fn reasons(list: &[Reason]) -> String {
    list.iter().map(|r| reason(*r)).collect::<Vec<_>>().join("; ")
}

/// `1 event`, `2 events`.
pub(in crate::report) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// The first letter in upper case.
pub(in crate::report) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A section: its title in the rail, the rest beside it.
pub(super) fn section(id: &str, title: &str, hint: &str, content: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby=(format!("h-{id}")) {
            div.rail {
                h2 id=(format!("h-{id}")) { (title) }
                @if !hint.is_empty() { p.hint { (hint) } }
            }
            div.content { (content) }
        }
    }
}
