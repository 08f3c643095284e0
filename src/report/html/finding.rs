//! The finding, first on the page. In: a verdict. Out: in plain words what was found, how sure, why, and what it does
//! not mean.

use maud::{Markup, html};

use super::Call;
use super::parts::{answer, mark, number, numbers, reasons, scale, section, seek, sentence};
use crate::report::words::{clock, outcome};
use crate::types::EventClass;
use crate::types::record::{EventRecord, Finding, Outcome, SyncLag};

/// Name of the recording, without its folders.
pub(super) fn file_name(uri: &str) -> &str {
    uri.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(uri)
}

/// What the page is about.
pub(super) fn header(call: &Call<'_>) -> Markup {
    let source = &call.timeline.start.source;
    let video = source.video.as_ref().map(|v| {
        let fps = v.fps.map(|f| format!(", {} frames/s", (f * 100.0).round() / 100.0)).unwrap_or_default();
        format!("{} {}×{}{}", v.codec, v.width, v.height, fps)
    });
    let audio = source.audio.as_ref().map(|a| format!("{} {} Hz", a.codec, a.rate_hz));
    let length = Some(clock(call.timeline.length_s().max(source.duration_s.unwrap_or(0.0))));
    let facts: Vec<String> = [length, video, audio].into_iter().flatten().collect();
    html! {
        header.masthead {
            p.brand { b { "unmask" } " report of one call" }
            h1 { (file_name(&source.uri)) }
            p.facts { (facts.join(" · ")) }
        }
    }
}

/// The finding.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let verdict = &call.timeline.verdict;
    let overall = &verdict.overall;
    let content = html! {
        div class=(format!("verdict {}", overall.result.name())) {
            p.word { (mark(overall.result.name(), &sentence(outcome(overall.result)))) }
            (figures(overall))
            p.lead { (lead(overall.result)) " " (summary(call)) }
            @if verdict.partial {
                p.partial { b { "Only a part was seen: " } "the run was stopped, or the recording broke off, before its end." }
            }
            p.scope { (verdict.scope) }
        }
        ul.findings {
            (row("Face", &verdict.face, None))
            (row("Voice", &verdict.voice, None))
            (row("Lip sync", &verdict.sync.finding, verdict.sync.lag.as_ref()))
            (row("Identity", &verdict.identity, None))
            (row("Feed", &verdict.background, None))
        }
    };
    section("main", "Finding", "P(masked): how likely this is masked by AI. Higher is more suspicious.", &content)
}

fn figures(finding: &Finding) -> Markup {
    html! {
        @if let Some((p, range)) = numbers(finding) {
            div.figures {
                span.p { "P(masked) " b { (p) } }
                @if let Some(range) = range { span.of { "95 % range " b { (range) } } }
                span.why { (sentence(&reasons(&finding.reasons))) }
                (scale(finding.p_masked, finding.low, finding.high))
                span.ends aria-hidden="true" { span { "0" } span { "0.5" } span { "1" } }
            }
        } @else if !finding.reasons.is_empty() {
            p.why { (sentence(&reasons(&finding.reasons))) "." }
        }
    }
}

fn row(name: &str, finding: &Finding, lag: Option<&SyncLag>) -> Markup {
    html! {
        li {
            span.name { (name) }
            (answer(finding))
            span.why {
                (sentence(&reasons(&finding.reasons)))
                @if let Some(lag) = lag { @if !finding.reasons.is_empty() { "; " } (lag_words(lag)) }
            }
        }
    }
}

fn lag_words(lag: &SyncLag) -> String {
    let side = if lag.lag_ms < 0.0 { "early" } else { "late" };
    let jitter = lag.jitter_ms.map(|j| format!(", spread {j:.0} ms")).unwrap_or_default();
    format!("sound {:.0} ms {side}{jitter}, confidence {:.2}", lag.lag_ms.abs(), lag.confidence)
}

fn lead(result: Outcome) -> &'static str {
    match result {
        Outcome::SignsFound => {
            "Something in this call speaks for masking: watch these moments before you conclude anything."
        }
        Outcome::NoSignsFound => "Enough was seen and heard, and nothing in it spoke for masking.",
        Outcome::Inconclusive => "It was looked at, but what was measured does not carry a finding.",
        Outcome::NotAssessed => "Nothing in this call could be judged; the reasons are below.",
    }
}

/// Where the signs are, in a sentence.
fn summary(call: &Call<'_>) -> Markup {
    let mut signs: Vec<&EventRecord> = call.timeline.events.iter().filter(|e| e.class == EventClass::Sign).collect();
    signs.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let end_s = signs.iter().map(|e| e.end_s).fold(0.0, f64::max);
    let strongest =
        signs.iter().max_by(|a, b| a.score.get().total_cmp(&b.score.get()).then(b.start_s.total_cmp(&a.start_s)));
    html! {
        @if let (Some(first), Some(strongest)) = (signs.first(), strongest) {
            @if signs.len() == 1 { "1 sign" }
            @else {
                (signs.len()) " signs between " (seek(first.start_s, call.recording.as_deref())) " and "
                (seek(end_s, call.recording.as_deref())) "; the strongest"
            }
            " at " (seek(strongest.start_s, call.recording.as_deref())) " (" (strongest.kind.title()) ", "
            (number(strongest.score)) ")."
        }
    }
}
