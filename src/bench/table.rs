//! The figures for people. In: a report. Out: Markdown.

use comfy_table::{CellAlignment, Table, presets};

use super::figures::rate_name;
use super::{Report, Row};

/// The whole report as text.
pub fn table(report: &Report) -> String {
    let (clip, machine) = (&report.clip, &report.machine);
    let size = clip.width.zip(clip.height).map(|(w, h)| format!("{w}x{h}"));
    let fps = clip.fps.map(|fps| format!("{fps} frames a second"));
    let video: Vec<String> = clip.codec.iter().cloned().chain(size).chain(fps).collect();
    let mut blocks = vec![
        format!("{} ({:.1} s, {})", clip.name, clip.duration_s, video.join(" ")),
        format!(
            "{}, {} processors, load before {}; unmask {}",
            machine.processor, machine.processors, machine.load_before, report.tool_version
        ),
        rows(report),
        efficiencies(report),
    ];
    blocks.extend(report.notes.iter().map(|note| format!("not measured: {note}")));
    blocks.join("\n\n")
}

fn rows(report: &Report) -> String {
    let mut table = new_table([
        "provider",
        "streams",
        "rate",
        "work",
        "frames/s",
        "real time",
        "wall s",
        "CPU s",
        "CPU s per s",
        "MiB",
        "delay p50",
        "p95 ms",
    ]);
    for row in &report.rows {
        let ms = |value: Option<f64>| value.map_or_else(|| "–".into(), |ms| format!("{ms:.0}"));
        table.add_row([
            row.provider.clone(),
            row.streams.to_string(),
            rate(row),
            row.work.name().into(),
            format!("{:.1}", row.frames_per_s),
            format!("{:.1}x", row.realtime_factor),
            format!("{:.2}", row.wall_s),
            format!("{:.2}", row.cpu_s),
            format!("{:.3}", row.cpu_s_per_stream_s),
            format!("{:.0}", row.peak_memory_mib),
            ms(row.delay_p50_ms),
            ms(row.delay_p95_ms),
        ]);
    }
    table.to_string()
}

fn rate(row: &Row) -> String {
    if row.work == super::Work::Load { "–".into() } else { rate_name(row.fps) }
}

fn efficiencies(report: &Report) -> String {
    let mut table = new_table(["provider", "streams", "rate", "efficiency: (decode + networks) / whole", "each alone"]);
    for e in &report.efficiencies {
        let [efficiency, apart] = [e.efficiency, e.apart].map(|ratio| format!("{ratio:.3}"));
        table.add_row([e.provider.clone(), e.streams.to_string(), rate_name(e.fps), efficiency, apart]);
    }
    table.to_string()
}

fn new_table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(head);
    table.column_iter_mut().skip(3).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
