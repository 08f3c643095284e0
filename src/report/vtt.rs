//! A subtitle track. In: a timeline. Out: WebVTT (W3C, <https://www.w3.org/TR/webvtt1/>) with a cue an event, signs
//! first named as such, so that any player shows where to look.

use std::fmt::Write as _;

use super::Timeline;
use crate::types::EventClass;
use crate::types::record::EventRecord;

/// A moment is shown at least so long.
const SHORTEST_S: f64 = 1.5;

/// Renders the track, cues in the order of their begin as the format asks.
pub fn render(timeline: &Timeline) -> String {
    let mut events: Vec<&EventRecord> = timeline.events.iter().collect();
    events.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    // The scope sentence is ours and has no line break or arrow.
    let mut out = format!("WEBVTT\n\nNOTE {}\n", timeline.verdict.scope);
    for (i, event) in events.iter().enumerate() {
        let class = if event.class == EventClass::Sign { "sign" } else { "context" };
        let whose = event.track.map_or_else(String::new, |t| format!(" (face {})", t.0));
        let (from, to) = (stamp(event.start_s), stamp(event.end_s.max(event.start_s + SHORTEST_S)));
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{}\n{from} --> {to}\n{class}: {}{whose}\n", i + 1, event.kind.title());
    }
    out
}

/// `hh:mm:ss.mmm`.
fn stamp(seconds: f64) -> String {
    let ms = (seconds.max(0.0) * 1e3).round() as u64;
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;

    #[test]
    fn each_event_is_a_cue() {
        let text = render(&call(8.0));
        assert!(text.starts_with("WEBVTT\n\n"));
        assert!(text.contains("00:00:02.000 --> 00:00:04.000\nsign: face looks masked (face 1)\n"), "{text}");
        assert_eq!(text.matches(" --> ").count(), 2);
        assert_eq!(stamp(3723.0405), "01:02:03.041");
    }
}
