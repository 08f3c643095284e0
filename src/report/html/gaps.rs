//! What was not assessed. In: a call. Out: coverage in numbers, the reasons in plain words, and warnings.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Call;
use super::parts::{reasons, result, section, sentence};
use crate::report::words::{clock, reason};
use crate::types::record::{Finding, Outcome, Reason};

/// How much the finding rests on, and what it does not cover.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let content = html! {
        (coverage(call))
        (open_questions(call))
        (per_second(call))
        @if !call.timeline.warnings.is_empty() {
            h3 { "Warnings about the recording" }
            ul.plain {
                @for warning in &call.timeline.warnings {
                    li { (sentence(&warning.message)) @if warning.count > 1 { " (" (warning.count) " times)" } }
                }
            }
        }
    };
    section("gaps", "What was not assessed", "No finding rests on these parts of the call.", &content)
}

fn coverage(call: &Call<'_>) -> Markup {
    let c = &call.timeline.verdict.coverage;
    let share =
        |part: f64, whole: f64| if whole > 0.0 { format!(" ({:.0} %)", part / whole * 100.0) } else { String::new() };
    html! {
        dl.measures.large {
            div { dt { "frames with a scored face" }
                dd { (c.frames_scored) " of " (c.frames_seen) (share(c.frames_scored as f64, c.frames_seen as f64)) } }
            div { dt { "speech that was scored" }
                dd { (clock(c.speech_s)) " of " (clock(c.audio_s)) " of sound" (share(c.speech_s, c.audio_s)) } }
            div { dt { "video" } dd { (clock(c.video_s)) } }
        }
    }
}

fn open_questions(call: &Call<'_>) -> Markup {
    let v = &call.timeline.verdict;
    let all: [(&str, &Finding); 5] = [
        ("Face", &v.face),
        ("Voice", &v.voice),
        ("Lip sync", &v.sync.finding),
        ("Identity", &v.identity),
        ("Feed", &v.background),
    ];
    let open = |f: &Finding| matches!(f.result, Outcome::NotAssessed | Outcome::Inconclusive);
    html! {
        @if all.iter().any(|(_, f)| open(f)) {
            h3 { "Without a finding" }
            ul.plain.open {
                @for (name, finding) in all.iter().filter(|(_, f)| open(f)) {
                    li { b { (name) } " " (result(finding.result)) " " (sentence(&reasons(&finding.reasons))) }
                }
            }
        }
    }
}

fn per_second(call: &Call<'_>) -> Markup {
    let mut seconds: BTreeMap<Reason, usize> = BTreeMap::new();
    for second in &call.timeline.seconds {
        for why in &second.reasons {
            *seconds.entry(*why).or_default() += 1;
        }
    }
    let mut list: Vec<(Reason, usize)> = seconds.into_iter().collect();
    list.sort_by_key(|(why, n)| (std::cmp::Reverse(*n), *why));
    let all = call.timeline.seconds.len();
    html! {
        @if !list.is_empty() {
            h3 { "Why frames and speech were not scored " span.note { "in at least a part of so many of " (all) " seconds" } }
            dl.measures.large { @for (why, n) in list { div { dt { (reason(why)) } dd { (n) " s" } } } }
        }
    }
}
