//! The events, in words and pictures. In: a call. Out: signs, then context, each kind once with all its moments; kinds
//! with many moments are folded, and unfold on paper.

use maud::{Markup, html};

use super::Call;
use super::measure::measures;
use super::parts::{count, number, section, sentence, span};
use super::stills;
use crate::report::words::clock;
use crate::types::record::EventRecord;
use crate::types::{EventClass, EventKind};

/// A kind of context with more moments than this is folded.
const FOLD_CONTEXT: usize = 2;

/// A kind of sign with more moments than this is folded.
const FOLD_SIGNS: usize = 12;

/// What a map of a face's parts is, and what it is not.
const MAP_NOTE: &str = "The coloured parts are where the network's score comes from. They point to where to look; they \
    are not a measurement, and they say nothing of what lies beneath.";

type Numbered<'a> = (usize, &'a EventRecord);

/// Everything that was noticed.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let content = html! {
        @if call.timeline.events.is_empty() { p { "Nothing was noticed." } }
        @if stills::has_maps(call.stills) {
            p.maps {
                label { input #maps type="checkbox" checked; " Show which part of a face looks masked" }
                span.note { (MAP_NOTE) }
            }
        }
        (class(call, EventClass::Sign))
        (class(call, EventClass::Context))
    };
    section("events", "Events", "What was noticed, when, and why it matters. Watch each moment yourself.", &content)
}

fn class(call: &Call<'_>, class: EventClass) -> Markup {
    let mut events: Vec<Numbered<'_>> =
        call.timeline.events.iter().enumerate().filter(|(_, e)| e.class == class).collect();
    events.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let mut kinds: Vec<EventKind> = Vec::new();
    for (_, event) in &events {
        if !kinds.contains(&event.kind) {
            kinds.push(event.kind);
        }
    }
    let (title, note, fold) = match class {
        EventClass::Sign => ("Signs", "They speak for masking.", FOLD_SIGNS),
        EventClass::Context => ("Context", "It explains the recording; honest calls have it, too.", FOLD_CONTEXT),
    };
    html! {
        @if !events.is_empty() {
            h3 { (title) " " span.note { (count(events.len(), "event")) ". " (note) } }
            @for kind in kinds {
                @let all: Vec<Numbered<'_>> = events.iter().copied().filter(|(_, e)| e.kind == kind).collect();
                (group(call, class, &all, fold))
            }
        }
    }
}

fn group(call: &Call<'_>, class: EventClass, events: &[Numbered<'_>], fold: usize) -> Markup {
    let Some((_, first)) = events.first() else { return html! {} };
    let (shape, word) = match class {
        EventClass::Sign => ("sign", "sign"),
        EventClass::Context => ("context", "context"),
    };
    let last = events.last().map_or(first.start_s, |(_, e)| e.start_s);
    let title = html! {
        span.kind { (sentence(first.kind.title())) }
        " " span.class { (word) }
        @if events.len() > 1 {
            " " span.note { (events.len()) " times, " (clock(first.start_s)) " to " (clock(last)) }
        }
    };
    let same = events.iter().all(|(_, e)| e.why == first.why);
    let list = html! {
        @if same { p.why { (sentence(&first.why)) "." } }
        ol.moments { @for (i, event) in events { (moment(call, *i, event, !same)) } }
    };
    html! {
        @if events.len() > fold {
            details class=(format!("event {shape}")) { summary { h4 { (title) } } (list) }
        } @else {
            div class=(format!("event {shape}")) { h4 { (title) } (list) }
        }
    }
}

fn moment(call: &Call<'_>, i: usize, event: &EventRecord, why: bool) -> Markup {
    let length_s = event.end_s - event.start_s;
    let scores = matches!(event.kind, EventKind::FaceSuspicious | EventKind::VoiceSuspicious);
    let strength = if scores { "highest smoothed P(masked)" } else { "how clear" };
    html! {
        li id=(format!("e{i}")) {
            div.when {
                (span(event.start_s, event.end_s, call.recording.as_deref()))
                @if length_s >= 0.1 { " " span.note { (format!("{length_s:.1} s")) } }
            }
            dl.measures {
                @if let Some(track) = event.track { div { dt { "whose" } dd { "face " (track.0) } } }
                @if scores || event.score.get() < 1.0 { div { dt { (strength) } dd { (number(event.score)) } } }
                @for (words, number) in measures(event.kind, &event.detail) {
                    div { dt { (words) } dd { (number) } }
                }
            }
            @if why { p.why { (sentence(&event.why)) "." } }
            (stills::row(call, i))
        }
    }
}
