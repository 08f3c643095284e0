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
pub(crate) mod shell;
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
        @if !page.links.is_empty() {
            nav.links aria-label="This service" { @for (word, to) in page.links { a href=(to) { (word) } } }
        }
        (finding::header(&call))
        main {
            (finding::render(&call))
            (parts::section("timeline", "Timeline", "Click to go there. A recording opens beside it.", &html! {
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
    Ok(shell::page(&shell::Shell { title: &title, style, policy: "", script, data: Some(&data), body }))
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
    let live = call.timeline.stats.as_ref().is_some_and(|stats| stats.live.is_some());
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
            p.note #file-note aria-live="polite" {
                @if live { "Nothing of a live call is kept. A recording that you made of it can be opened here; " }
                @else { "Open " (name) " to see or hear it here; " }
                "it stays on this machine."
            }
            div.readout #readout { b { "0:00.0" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;
    use crate::report::{FaceMap, Moment, StillFace};
    use crate::types::Prob;
    use crate::types::record::{Reason, SCOPE, Warning};

    fn text(timeline: &Timeline, stills: &[Still], recording: Option<&str>) -> String {
        String::from_utf8(render(&Page { timeline, stills, recording, links: &[] }).unwrap()).unwrap()
    }

    fn still(event: usize, moment: Moment, bytes: usize) -> Still {
        let map =
            FaceMap { columns: 2, parts: vec![Prob::new(0.9).unwrap(); 4], to_still: [9.0, 0.0, 0.0, 9.0, 1.0, 1.0] };
        let face = StillFace { box_px: [1.0, f64::NAN, 8.0, 8.0], p_masked: Prob::new(0.7), map: Some(map) };
        Still { event, moment, pts_s: 3.0, width: 64, height: 36, jpeg: vec![7; bytes], faces: vec![face] }
    }

    #[test]
    fn what_comes_from_outside_is_text() {
        let hostile = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"\u{2028}";
        let mut timeline = call(8.0);
        timeline.start.source.uri = hostile.into();
        timeline.start.source.sha256 = Some(hostile.into());
        timeline.start.models[0].task = hostile.into();
        timeline.start.models[0].licence = hostile.into();
        timeline.verdict.scope = hostile.into();
        timeline.warnings.push(Warning { code: hostile.into(), message: hostile.into(), count: 1 });
        for event in &mut timeline.events {
            event.why = hostile.into();
            event.detail.insert(hostile.into(), 1.0);
        }
        let page = text(&timeline, &[], Some("a'\"><b>.mp4"));
        assert_eq!(page.matches("<script").count(), 2, "data and our own");
        assert!(!page.contains("<img") && !page.contains("<b>.mp4"));
    }

    #[test]
    fn an_address_is_a_files() {
        assert_eq!(address("call.mp4").as_deref(), Some("call.mp4"));
        assert_eq!(address("javascript:alert(1)").as_deref(), Some("./javascript:alert(1)"));
        assert_eq!(address("../a/b:c.mp4").as_deref(), Some("../a/b:c.mp4"));
        assert_eq!(address("java\nscript:x"), None);
    }

    #[test]
    fn each_event_reason_and_network_is_there() {
        let mut timeline = call(20.0);
        timeline.verdict.face.reasons = vec![Reason::NearThreshold, Reason::FaceTooSmall];
        timeline.seconds[3].reasons.insert(Reason::VoiceMusic);
        timeline.warnings.push(Warning { code: "x".into(), message: "two tracks".into(), count: 3 });
        timeline.verdict.partial = true;
        let stills = [still(0, Moment::During, 10), still(0, Moment::Before, 10)];
        let page = text(&timeline, &stills, Some("call.mp4"));
        for i in 0..timeline.events.len() {
            assert!(page.contains(&format!("id=\"e{i}\"")), "event {i}");
        }
        for part in ["face too small", "music", "Two tracks (3 times)", "Only a part was seen", "fake-face", SCOPE] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("href=\"call.mp4#t=5.0\"") && page.contains("Head turned to the side"));
        assert_eq!(page.matches("data:image/jpeg;base64,").count(), 2);
        assert!(page.find("<b>before</b>") < page.find("<b>during</b>") && !page.contains("NaN"));
    }

    #[test]
    fn equal_calls_give_equal_pages_of_moderate_size() {
        let mut timeline = call(600.0);
        let event = timeline.events[0].clone();
        timeline.events = vec![event; 20];
        let moments = [Moment::Before, Moment::During, Moment::After];
        let stills: Vec<Still> = (0..60).map(|i| still(i / 3, moments[i % 3], 30_000)).collect();
        let page = text(&timeline, &stills, None);
        assert!(page.len() < 5_000_000, "{}", page.len());
        assert_eq!(page, text(&timeline, &stills, None));
    }

    /// The page's own words, the scope and the reasons of events apart, judge nobody and advise no rejection.
    #[test]
    fn no_word_of_the_page_judges_a_person() {
        let mut timeline = call(20.0);
        timeline.verdict.scope = String::new();
        for event in &mut timeline.events {
            event.why = String::new();
        }
        timeline.start.models[0].id = "a".into();
        let page = text(&timeline, &[], None).to_lowercase();
        let body = page[page.find("<header").unwrap()..page.find("<script").unwrap()].replace("accept=\"video", "");
        let words: Vec<&str> = body.split(|c: char| !c.is_alphabetic()).collect();
        let forbidden = "real fake deepfake reject accept dismiss fraud liar lie lying emotion gender sex ethnic \
            ethnicity race nationality accent age genuine suspect cheat impostor honesty trustworthy";
        for word in forbidden.split_whitespace() {
            assert!(!words.contains(&word), "{word}");
        }
    }
}
