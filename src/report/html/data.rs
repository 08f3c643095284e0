//! What the page's script knows. In: a call in steps. Out: compact JSON, a column a quantity, thousandths as whole
//! numbers, −1 where nothing was scored.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Call;
use super::parts::reasons;
use super::series::Level;
use crate::report::ReportError;
use crate::types::EventClass;

#[derive(Serialize)]
struct Data<'a> {
    step_s: usize,
    length_s: f64,
    recording: Option<&'a str>,
    sound_only: bool,
    bytes: Option<u64>,
    sha256: Option<&'a str>,
    lanes: Vec<Lane>,
    /// Sentences on what was not scored, and which of them holds in each step; 0 is none.
    notes: Vec<String>,
    note_at: Vec<usize>,
    events: Vec<EventRow>,
}

#[derive(Serialize)]
struct Lane {
    name: String,
    class: &'static str,
    mean: Vec<i16>,
    low: Vec<i16>,
    high: Vec<i16>,
}

/// Title, begin, end, whether it is a sign.
type EventRow = (&'static str, f64, f64, bool);

/// The JSON.
pub(super) fn json(call: &Call<'_>) -> Result<String, ReportError> {
    let (series, source) = (&call.series, &call.timeline.start.source);
    let mut lanes = vec![lane("Overall".into(), "fused", &series.fused, true)];
    lanes.extend(series.faces.iter().map(|(track, levels)| lane(format!("Face {}", track.0), "face", levels, true)));
    lanes.push(lane("Voice".into(), "voice", &series.voice, false));
    lanes.retain(|l| l.mean.iter().any(|v| *v >= 0));
    let mut known = BTreeMap::from([(String::new(), 0)]);
    let mut notes = vec![String::new()];
    let note_at = series.reasons.iter().map(|set| {
        let text = reasons(&set.iter().copied().collect::<Vec<_>>());
        *known.entry(text.clone()).or_insert_with(|| {
            notes.push(text);
            notes.len() - 1
        })
    });
    let note_at = note_at.collect();
    let row = |e: &crate::types::record::EventRecord| (e.kind.title(), e.start_s, e.end_s, e.class == EventClass::Sign);
    let data = Data {
        step_s: series.step_s,
        length_s: series.length_s,
        recording: call.recording.as_deref(),
        sound_only: source.video.is_none() && source.audio.is_some(),
        bytes: source.bytes,
        sha256: source.sha256.as_deref(),
        lanes,
        notes,
        note_at,
        events: call.timeline.events.iter().map(row).collect(),
    };
    serde_json::to_string(&data).map_err(|e| ReportError::Serialise(e.to_string()))
}

fn lane(name: String, class: &'static str, levels: &[Option<Level>], ranged: bool) -> Lane {
    let column = |get: fn(&Level) -> f32| -> Vec<i16> {
        levels.iter().map(|l| l.as_ref().map_or(-1, |l| (get(l) * 1000.0).round() as i16)).collect()
    };
    let (low, high) = if ranged { (column(|l| l.low), column(|l| l.high)) } else { (vec![], vec![]) };
    let low = if class == "fused" { low } else { vec![] };
    Lane { name, class, mean: column(|l| l.mean), low, high }
}
