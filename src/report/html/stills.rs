//! Pictures of an event. In: stills. Out: a row of before, during and after, with the face's box and the map of its parts
//! drawn over each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::Call;
use super::parts::{number, seek};
use crate::report::{FaceMap, Still, StillFace};

/// A part of a face with less than this is not drawn.
const FAINTEST: f32 = 0.2;

/// The stills of one event, in the order of their moments; nothing when it has none.
pub(super) fn row(call: &Call<'_>, event: usize) -> Markup {
    let mut stills: Vec<&Still> = call.stills.iter().filter(|s| s.event == event).collect();
    stills.sort_by(|a, b| a.moment.cmp(&b.moment).then(a.pts_s.total_cmp(&b.pts_s)));
    html! {
        @if !stills.is_empty() {
            div.stills { @for still in stills { (one(still, call.recording.as_deref())) } }
        }
    }
}

/// True when some still has a map.
pub(super) fn has_maps(stills: &[Still]) -> bool {
    stills.iter().any(|s| s.faces.iter().any(|f| f.map.is_some()))
}

fn one(still: &Still, recording: Option<&str>) -> Markup {
    let (w, h) = (still.width.max(1), still.height.max(1));
    let scored: Vec<String> = still.faces.iter().filter_map(|f| f.p_masked).map(number).collect();
    let name = match still.faces.len() {
        0 => format!("The picture {} the event; no face found", still.moment.name()),
        n => format!("The picture {} the event, with {n} face box(es)", still.moment.name()),
    };
    html! {
        figure {
            svg.still role="img" aria-label=(name) viewBox=(format!("0 0 {w} {h}")) {
                image width=(w) height=(h) href=(format!("data:image/jpeg;base64,{}", STANDARD.encode(&still.jpeg))) {}
                @for face in &still.faces { (overlay(face)) }
            }
            figcaption {
                b { (still.moment.name()) } " " (seek(still.pts_s, recording))
                @if !scored.is_empty() { " face " (scored.join(", ")) }
                @else if still.faces.is_empty() { " no face" }
                @else { " not scored" }
            }
        }
    }
}

fn overlay(face: &StillFace) -> Markup {
    let [x, y, w, h] = face.box_px.map(|v| if v.is_finite() { v } else { 0.0 });
    let (w, h) = (w.max(0.0), h.max(0.0));
    html! {
        @if let Some(map) = &face.map { (parts(map)) }
        rect.under x=(format!("{x:.1}")) y=(format!("{y:.1}")) width=(format!("{w:.1}")) height=(format!("{h:.1}")) {}
        rect.box x=(format!("{x:.1}")) y=(format!("{y:.1}")) width=(format!("{w:.1}")) height=(format!("{h:.1}")) {}
    }
}

fn parts(map: &FaceMap) -> Markup {
    let columns = map.columns.max(1);
    let rows = map.parts.len().div_ceil(columns).max(1);
    let side = |n: usize| 1.0 / n as f64;
    let [a, b, c, d, e, f] = map.to_still.map(|v| if v.is_finite() { v } else { 0.0 });
    html! {
        g.map transform=(format!("matrix({a:.3} {b:.3} {c:.3} {d:.3} {e:.2} {f:.2})")) {
            @for (i, p) in map.parts.iter().enumerate() {
                @if p.get() >= FAINTEST {
                    rect x=(format!("{:.4}", (i % columns) as f64 * side(columns)))
                        y=(format!("{:.4}", (i / columns) as f64 * side(rows)))
                        width=(format!("{:.4}", side(columns))) height=(format!("{:.4}", side(rows)))
                        fill-opacity=(format!("{:.2}", p.get() * 0.75)) {}
                }
            }
        }
    }
}
