//! The people in view. In: a verdict. Out: a row a face; brief ones are folded.

use maud::{Markup, html};

use super::Call;
use super::parts::{answer, count, reasons, section, sentence, span};
use super::series::lanes;
use crate::types::record::TrackFinding;

/// Every face, those with a lane first.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let tracks = &call.timeline.verdict.tracks;
    let with_lane = lanes(call.timeline);
    let (main, brief): (Vec<&TrackFinding>, Vec<&TrackFinding>) =
        tracks.iter().partition(|t| with_lane.contains(&t.track));
    let content = html! {
        @if tracks.is_empty() { p { "No face was in view." } }
        @if !main.is_empty() { ul.findings { @for track in main { (row(call, track)) } } }
        @if !brief.is_empty() {
            details {
                summary { (count(brief.len(), "more face")) " in view briefly, or never fit to be scored" }
                ul.findings { @for track in brief { (row(call, track)) } }
            }
        }
    };
    let hint = "A number is a face followed through the picture. After a pause the same person may get a new one.";
    section("people", "People", hint, &content)
}

fn row(call: &Call<'_>, track: &TrackFinding) -> Markup {
    let finding = &track.finding;
    html! {
        li {
            span.name { "Face " (track.track.0) }
            (answer(finding))
            span.why {
                (sentence(&reasons(&finding.reasons))) ". In view "
                (span(track.start_s, track.end_s, call.recording.as_deref())) ", "
                (track.frames_scored) " of " (count(usize::try_from(track.frames_seen).unwrap_or(usize::MAX), "frame"))
                " scored."
            }
        }
    }
}
