//! The timeline. In: a call in steps. Out: lanes drawn as SVG that scripts only zoom, and tools that scripts bring to life.

use maud::{Markup, html};

use super::Call;
use super::parts::{numbers, result};
use super::paths::{HEIGHT, band, bars, line};
use super::series::Cover;
use crate::report::words::clock;
use crate::types::EventClass;
use crate::types::record::{EventRecord, Finding};

/// Rows of marks in a lane of events; more at one time are drawn over each other.
const MARK_ROWS: usize = 5;

/// Marks nearer than this part of the call do not share a row.
const MARK_APART: f64 = 0.012;

/// At most so many ticks: fits a phone.
const TICKS: f64 = 6.0;

/// Distances of ticks in seconds.
const TICK_S: [f64; 16] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0];

/// Every lane under a common ruler.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let (series, verdict) = (&call.series, &call.timeline.verdict);
    html! {
        div.lanes #lanes data-length=(format!("{:.3}", series.length_s)) {
            (ruler(series.length_s))
            (marks(call, EventClass::Sign, "Signs", "speak for masking"))
            @if !series.fused.is_empty() && series.fused.iter().any(Option::is_some) {
                (lane("fused", "Overall", Some(&verdict.overall), "line: mean a second; band: 95 % range", html! {
                    path.band d=(band(&series.fused, series.step_s)) {}
                    path.line d=(line(&series.fused, series.step_s)) {}
                }, call))
            }
            @for (track, levels) in &series.faces {
                @let finding = verdict.tracks.iter().find(|t| t.track == *track).map(|t| &t.finding);
                (lane("face", &format!("Face {}", track.0), finding, "line: mean a second; band: to the highest frame", html! {
                    path.band d=(band(levels, series.step_s)) {}
                    path.line d=(line(levels, series.step_s)) {}
                }, call))
            }
            @if series.voice.iter().any(Option::is_some) {
                (lane("voice", "Voice", Some(&verdict.voice), "windows of 4 s of speech", html! {
                    path.line d=(line(&series.voice, series.step_s)) {}
                }, call))
            }
            (coverage(call))
            (marks(call, EventClass::Context, "Context", "honest calls have these, too"))
            div.over #over { div.hover hidden {} div.cursor hidden {} }
            div.overview #overview hidden { div {} }
        }
        (key())
    }
}

fn key() -> Markup {
    html! {
        p.key {
            "Lanes run from 0 (bottom) to 1 (top) of P(masked). A gap in a line means that nothing was scored there. "
            span.swatch.scored {} " scored "
            span.swatch.seen {} " there, but not fit to be scored "
            span.swatch.nothing {} " nothing there"
        }
    }
}

fn lane(class: &str, name: &str, finding: Option<&Finding>, note: &str, drawing: Markup, call: &Call<'_>) -> Markup {
    let spoken = finding.and_then(numbers).map(|(p, _)| format!(", {p} over the call")).unwrap_or_default();
    html! {
        div class=(format!("lane {class}")) {
            div.label {
                span.name { (name) }
                @if let Some(finding) = finding { (result(finding.result)) }
                span.note { (note) }
            }
            div.plot {
                svg.draw role="img" aria-label=(format!("{name}: P(masked) over time{spoken}; the table below has the numbers"))
                    viewBox=(format!("0 -4 {} {}", call.series.length_s, HEIGHT + 8)) preserveAspectRatio="none" {
                    @for at in [0, HEIGHT / 2, HEIGHT] {
                        path.grid d=(format!("M0 {at}H{}", call.series.length_s)) {}
                    }
                    (drawing)
                }
                span.y.top aria-hidden="true" { "1" }
                span.y.bottom aria-hidden="true" { "0" }
            }
        }
    }
}

fn coverage(call: &Call<'_>) -> Markup {
    let series = &call.series;
    let row = |covers: &[Cover], top: i32| {
        html! {
            path.scored d=(bars(covers, Cover::Scored, series.step_s, top, 14)) {}
            path.seen d=(bars(covers, Cover::Seen, series.step_s, top + 9, 5)) {}
        }
    };
    html! {
        div.lane.cover {
            div.label { span.name { "Coverage" } span.note { "above: face; below: voice" } }
            div.plot {
                svg.draw role="img" aria-label="Coverage: when a face and speech were scored; the numbers are under What was not assessed"
                    viewBox=(format!("0 0 {} 40", series.length_s)) preserveAspectRatio="none" {
                    path.grid d=(format!("M0 16H{0}M0 36H{0}", series.length_s)) {}
                    (row(&series.picture, 2)) (row(&series.sound, 22))
                }
            }
        }
    }
}

/// The first row that is free at the event's begin.
fn rows<'a>(events: &[(usize, &'a EventRecord)], apart_s: f64) -> Vec<(usize, usize, &'a EventRecord)> {
    let mut free = [f64::NEG_INFINITY; MARK_ROWS];
    let place = |(i, event): &(usize, &'a EventRecord)| {
        let row = free.iter().position(|end| *end <= event.start_s).unwrap_or(MARK_ROWS - 1);
        free[row] = free[row].max(event.end_s + apart_s);
        (*i, row, *event)
    };
    events.iter().map(place).collect()
}

fn marks(call: &Call<'_>, class: EventClass, name: &str, note: &str) -> Markup {
    let mut events: Vec<_> = call.timeline.events.iter().enumerate().filter(|(_, e)| e.class == class).collect();
    events.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let length_s = call.series.length_s;
    let placed = rows(&events, length_s * MARK_APART);
    let height = placed.iter().map(|(_, row, _)| row + 1).max().unwrap_or(1);
    let kind = if class == EventClass::Sign { "signs" } else { "context" };
    html! {
        div class=(format!("lane marks {kind}")) data-rows=(height) {
            div.label { span.name { (name) " " b { (events.len()) } } span.note { (note) } }
            div.plot {
                svg.draw role="img" aria-label=(format!("{name}: {} over time; listed under Events", events.len()))
                    viewBox=(format!("0 0 {length_s} {}", height * 10)) preserveAspectRatio="none" {
                    @for (i, row, event) in &placed {
                        @let y = row * 10 + 5;
                        path d=(format!("M{:.2} {y}H{:.2}", event.start_s, event.end_s.max(event.start_s))) data-e=(i) {
                            title { (event.kind.title()) ", " (clock(event.start_s)) }
                        }
                    }
                }
            }
        }
    }
}

fn ruler(length_s: f64) -> Markup {
    let step = TICK_S.iter().copied().find(|s| length_s / s <= TICKS).unwrap_or(length_s / TICKS);
    let n = (length_s / step).floor() as usize;
    html! {
        div.lane.ruler {
            div.label { span.note { "time in the recording" } }
            div.plot {
                svg #ruler aria-hidden="true" {
                    @for at in (0..=n).map(|i| i as f64 * step) {
                        @let x = format!("{:.2}%", at / length_s * 100.0);
                        line x1=(x) x2=(x) y1="60%" y2="100%" {}
                        @if at / length_s < 0.97 { text x=(x) y="50%" dx="3" { (tick(at)) } }
                    }
                }
            }
        }
    }
}

/// `4:30`, without tenths.
fn tick(at_s: f64) -> String {
    let whole = at_s.round();
    clock(whole).trim_end_matches(".0").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        assert_eq!((tick(60.0), tick(3600.0), tick(0.0)), ("1:00".into(), "1:00:00".into(), "0:00".into()));
    }
}
