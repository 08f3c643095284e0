//! The timeline as a table. In: a call. Out: a row a minute, or longer ones for long calls.

use maud::{Markup, html};

use super::Call;
use crate::report::timeline::Second;
use crate::report::words::clock;
use crate::types::record::ScoreState;
use crate::types::{EventClass, Prob};

/// At most so many rows.
const ROWS: usize = 60;

/// The table.
pub(super) fn render(call: &Call<'_>) -> Markup {
    let seconds = &call.timeline.seconds;
    let step = seconds.len().div_ceil(60 * ROWS).max(1) * 60;
    let every = if step == 60 { "minute by minute".to_owned() } else { format!("every {} minutes", step / 60) };
    html! {
        details.table {
            summary { "The timeline as a table, " (every) }
            div.scroll role="region" tabindex="0" aria-label="Timeline as a table" {
                table {
                    thead { tr {
                        th scope="col" { "From" }
                        th scope="col" { "Overall, mean" }
                        th scope="col" { "Face, mean" }
                        th scope="col" { "Face, highest" }
                        th scope="col" { "Voice, mean" }
                        th scope="col" { "Face scored" }
                        th scope="col" { "Voice scored" }
                        th scope="col" { "Signs" }
                        th scope="col" { "Context" }
                    } }
                    tbody { @for (i, chunk) in seconds.chunks(step).enumerate() { (row(call, i * step, chunk)) } }
                }
            }
        }
    }
}

fn row(call: &Call<'_>, from: usize, seconds: &[Second]) -> Markup {
    let faces = || seconds.iter().flat_map(|s| &s.faces);
    let scored = seconds.iter().filter(|s| s.faces.iter().any(|f| f.scored > 0)).count();
    let heard = seconds.iter().filter(|s| s.voice_state == Some(ScoreState::Scored)).count();
    let (start_s, end_s) = (from as f64, (from + seconds.len()) as f64);
    let events = |class: EventClass| {
        let inside = call.timeline.events.iter().filter(|e| e.class == class);
        let n = inside.filter(|e| e.start_s < end_s && e.end_s.max(e.start_s) >= start_s).count();
        if n > 0 { n.to_string() } else { "–".into() }
    };
    html! {
        tr {
            th scope="row" { (clock(start_s)) }
            td { (mean(seconds.iter().filter_map(|s| s.fused.map(|f| f.p_masked)))) }
            td { (mean(faces().filter_map(|f| f.mean))) }
            td { (faces().filter_map(|f| f.highest).map(Prob::get).reduce(f32::max).map_or("–".into(), |p| format!("{p:.2}"))) }
            td { (mean(seconds.iter().filter_map(|s| s.voice))) }
            td { (scored) " s" }
            td { (heard) " s" }
            td { (events(EventClass::Sign)) }
            td { (events(EventClass::Context)) }
        }
    }
}

fn mean(values: impl Iterator<Item = Prob>) -> String {
    let (sum, n) = values.fold((0.0f64, 0u32), |(sum, n), p| (sum + f64::from(p.get()), n + 1));
    if n == 0 { "–".into() } else { format!("{:.2}", sum / f64::from(n)) }
}
