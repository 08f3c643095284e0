//! What the finding came from. In: the first record. Out: the networks, and the provenance of the page.

use maud::{Markup, html};

use super::Call;
use super::parts::section;
use crate::types::record::ModelInfo;

/// Two lines a network.
pub(super) fn networks(call: &Call<'_>) -> Markup {
    let content = html! {
        ul.networks {
            @for model in &call.timeline.start.models {
                li {
                    p { b { (model.id) } " " (task(model)) }
                    @if let Some(about) = &model.about { p.note { (about) } }
                    p.note { (model.licence) " · sha256 " code { (short(&model.sha256)) } }
                }
            }
        }
    };
    section("networks", "Networks", "What looked and listened. Each has a card that says how well it does.", &content)
}

/// What a network does.
fn task(model: &ModelInfo) -> String {
    match model.task.as_str() {
        "face_detect" => "finds faces in the picture".into(),
        "face_score" => "says how much a face looks put on by a tool".into(),
        "face_embed" => "tells faces within this recording apart".into(),
        "speaker_segment" => "hears when several people speak at once".into(),
        "vad" => "finds speech".into(),
        "voice_embed" => "tells voices within this recording apart".into(),
        "voice_score" => "says how much a voice sounds made by a machine".into(),
        other => other.replace('_', " "),
    }
}

fn short(hash: &str) -> String {
    let first: String = hash.chars().take(12).collect();
    if hash.chars().count() > 12 { format!("{first}…") } else { first }
}

/// Where the page comes from, so that it can be made again.
pub(super) fn footer(call: &Call<'_>) -> Markup {
    let start = &call.timeline.start;
    let (source, runtime) = (&start.source, &start.runtime);
    let row = |name: &str, value: String| html! { div { dt { (name) } dd { (value) } } };
    html! {
        footer aria-labelledby="h-origin" {
            div.rail { h2 #h-origin { "Provenance" } }
            dl.content.origin {
                (row("recording", source.uri.clone()))
                @if let Some(sha256) = &source.sha256 { (row("sha256", sha256.clone())) }
                @if let Some(bytes) = source.bytes { (row("size", format!("{bytes} bytes"))) }
                @if let Some(container) = &source.container { (row("container", container.clone())) }
                (row("made by", format!("unmask {}, records {}", start.tool_version, start.schema)))
                (row("configuration", format!("sha256 {}", start.config_sha256)))
                (row("ran on", format!("{}, ONNX Runtime {}, GStreamer {}", runtime.provider, runtime.onnxruntime, runtime.gstreamer)))
                @if let Some(note) = &runtime.provider_note { (row("note", note.clone())) }
            }
        }
    }
}
