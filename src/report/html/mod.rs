//! The page for reviewers. In: a call. Out: one self-contained HTML file that reads without scripts; they add zoom and
//! playback.

mod data;
mod events;
mod finding;
mod gaps;
mod lanes;
mod measure;
mod minutes;
mod next;
mod origin;
pub(super) mod parts;
mod paths;
mod people;
mod series;
pub(super) mod shell;
mod stills;

use maud::html;

use super::page::Page;
use super::{ReportError, Still, Timeline};
use series::Series;

/// A call with what its drawing needs.
struct Call<'a> {
    timeline: &'a Timeline,
    stills: &'a [Still],
    recording: Option<String>,
    series: Series,
}

/// Renders the page.
pub fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    let recording = page.recording.and_then(address);
    let call = Call { timeline: page.timeline, stills: page.stills, recording, series: Series::of(page.timeline) };
    let name = finding::file_name(&page.timeline.start.source.uri);
    let data = data::json(&call)?;
    let body = html! {
        (finding::header(&call))
        main {
            (finding::render(&call))
            (parts::section("timeline", "Timeline", "Click to go there. The recording opens beside it.", &html! {
                (player(&call, name))
                (lanes::render(&call))
                (minutes::render(&call))
            }))
            (events::render(&call))
            (people::render(&call))
            (gaps::render(&call))
            (next::render(&call))
            (origin::networks(&call))
        }
        (origin::footer(&call))
    };
    let title = format!("{name} · unmask");
    let (style, script) = (include_str!("page.css"), include_str!("page.js"));
    Ok(shell::page(&shell::Shell { title: &title, style, script, data: Some(&data), body }))
}

/// An address that can only be a file's: nothing before its first slash can be taken for a scheme.
fn address(recording: &str) -> Option<String> {
    let first = recording.split(['/', '?', '#']).next().unwrap_or_default();
    let file = recording.starts_with("file:///");
    match () {
        () if recording.is_empty() || recording.contains(|c: char| c.is_control()) => None,
        () if file || !first.contains(':') => Some(recording.to_owned()),
        () => Some(format!("./{recording}")),
    }
}

/// What scripts bring to life.
fn player(call: &Call<'_>, name: &str) -> maud::Markup {
    html! {
        div.player #player hidden {
            div.stage #stage hidden {}
            div.tools {
                label.button for="file" { "Open the recording…" }
                input #file type="file" accept="video/*,audio/*" aria-describedby="file-note";
                button #play type="button" hidden { "Play" }
                span.group {
                    button #in type="button" aria-label="Zoom in" { "+" }
                    button #out type="button" aria-label="Zoom out" { "−" }
                    button #all type="button" { "Whole call" }
                }
                @if !call.timeline.events.is_empty() {
                    span.group {
                        button #previous type="button" { "← Event" }
                        button #following type="button" { "Event →" }
                    }
                }
            }
            p.note #file-note aria-live="polite" { "Open " (name) " to watch it here; it stays on this machine." }
            div.readout #readout { b { "0:00.0" } }
        }
    }
}
