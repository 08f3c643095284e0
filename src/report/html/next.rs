//! How to go on. In: a call. Out: moments to watch, what to ask, a second channel; never what to decide.

use maud::{Markup, html};

use super::Call;
use super::parts::{section, seek};
use crate::types::EventClass;
use crate::types::record::EventRecord;

/// Moments to watch.
const MOMENTS: usize = 5;

/// Moments nearer than this are one.
const APART_S: f64 = 5.0;

/// The next steps.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let moments = moments(call);
    let content = html! {
        ol.steps {
            @if !moments.is_empty() {
                li {
                    b { "Watch and listen" } " at "
                    @for (i, (at_s, what)) in moments.iter().enumerate() {
                        @if i > 0 { ", " } (seek(*at_s, call.recording.as_deref())) " (" (what) ")"
                    }
                    ". Weak cameras and connections blur, stutter and drift, too."
                }
            }
            li {
                b { "Ask" } " what camera, light, microphone and software were in use: a beauty filter, a virtual background, \
                noise suppression or an interpreter changes picture and sound without masking anybody."
            }
            li {
                b { "Use a second channel" } ": call back on a number that you knew before this call, and ask about \
                something that was said in it."
            }
            li {
                b { "In the next call" } ", ask everyone for the same few movements and say why: a hand across the face, a \
                full turn of the head, a lamp switched on. " code { "unmask challenges" } " lists them, with what to look for."
            }
            li { b { "Let a second person look" } " before anything is decided. This page does not decide about anyone." }
        }
    };
    section("next", "How to go on", "", &content)
}

/// The strongest signs; without signs the seconds with the highest face score. In the order of the call.
fn moments(call: &Call<'_>) -> Vec<(f64, String)> {
    let mut signs: Vec<&EventRecord> = call.timeline.events.iter().filter(|e| e.class == EventClass::Sign).collect();
    signs.sort_by(|a, b| b.score.get().total_cmp(&a.score.get()).then(a.start_s.total_cmp(&b.start_s)));
    let mut candidates: Vec<(f64, String)> = signs.iter().map(|e| (e.start_s, e.kind.title().to_owned())).collect();
    if candidates.is_empty() {
        let fused = call.timeline.seconds.iter().enumerate().filter_map(|(i, s)| Some((i, s.fused?.p_masked.get())));
        let mut seconds: Vec<(usize, f32)> = fused.collect();
        seconds.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        candidates = seconds.iter().map(|(i, p)| (*i as f64, format!("highest, {p:.2}"))).collect();
        candidates.truncate(60);
    }
    let mut kept: Vec<(f64, String)> = Vec::new();
    for (at_s, what) in candidates {
        if kept.len() < MOMENTS && kept.iter().all(|(t, _)| (t - at_s).abs() >= APART_S) {
            kept.push((at_s, what));
        }
    }
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    kept
}
