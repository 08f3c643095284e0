//! Figures for operators. In: counts, the store. Out: Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::app::{App, lock};
use super::live::Live;
use crate::store::StateCounts;

/// What `/metrics` says.
pub fn text(app: &App, counts: &StateCounts) -> String {
    let mut out = String::new();
    let load = |n: &AtomicU64| n.load(Ordering::Relaxed).to_string();
    let counted = &app.counted;
    let states =
        [("waiting", counts.waiting), ("running", counts.running), ("done", counts.done), ("failed", counts.failed)];
    let states = states.map(|(state, n)| (format!("{{state=\"{state}\"}}"), n.to_string()));
    family(&mut out, "unmask_calls", "gauge", "Accepted calls by state.", &states);
    let plain = |value: String| [(String::new(), value)];
    family(&mut out, "unmask_queue_depth", "gauge", "Calls that wait.", &plain(counts.waiting.to_string()));
    family(&mut out, "unmask_queue_limit", "gauge", "Most calls that may wait.", &plain(app.queue.all.to_string()));
    family(&mut out, "unmask_jobs_running", "gauge", "Calls being scanned.", &plain(counts.running.to_string()));
    let live = app.live.as_ref().map_or(0, Live::running).to_string();
    family(&mut out, "unmask_live_sessions", "gauge", "Live sessions that go on.", &plain(live));
    let healthy = u8::from(app.health.is_ok()).to_string();
    family(&mut out, "unmask_healthy", "gauge", "1 when calls can be scanned.", &plain(healthy));
    let scans = [("done", &counted.done), ("failed", &counted.failed), ("interrupted", &counted.interrupted)];
    let rows = scans.map(|(result, n)| (format!("{{result=\"{result}\"}}"), load(n)));
    family(&mut out, "unmask_scans_total", "counter", "Scans that ended, since the start.", &rows);
    let sum: u64 = scans.iter().map(|(_, n)| n.load(Ordering::Relaxed)).sum();
    let seconds = counted.scan_ms.load(Ordering::Relaxed) as f64 / 1e3;
    let rows = [("_sum".to_owned(), seconds.to_string()), ("_count".to_owned(), sum.to_string())];
    family(&mut out, "unmask_scan_seconds", "summary", "Time that scans took.", &rows);
    let waited = counted.waited_s.load(Ordering::Relaxed).to_string();
    let rows = [("_sum".to_owned(), waited), ("_count".to_owned(), sum.to_string())];
    family(&mut out, "unmask_wait_seconds", "summary", "Time that calls waited for their turn.", &rows);
    networks(app, &mut out);
    let rows: Vec<_> = (1..).zip(&counted.answers).map(|(n, c)| (format!("{{class=\"{n}xx\"}}"), load(c))).collect();
    family(&mut out, "unmask_http_answers_total", "counter", "Answers by class of status.", &rows);
    out
}

/// What the networks do, and what runs them.
fn networks(app: &App, out: &mut String) {
    let plain = |value: String| [(String::new(), value)];
    let (provider, took) = app.health.last();
    let (frames, dropped, lost, delay, rows) = {
        let sums = lock(&app.counted.costs);
        let label = |id: &str| format!("{{model=\"{id}\",provider=\"{provider}\"}}");
        let rows = sums.networks.iter().map(|(id, seconds)| (label(id), seconds.to_string())).collect::<Vec<_>>();
        let delay = sums.delay_ms.map(|ms| (r#"{quantile="0.95"}"#.to_owned(), ms.to_string()));
        (sums.frames, sums.dropped, sums.lost, delay, rows)
    };
    family(out, "unmask_frames_total", "counter", "Frames that were analysed.", &plain(frames.to_string()));
    family(
        out,
        "unmask_frames_dropped_total",
        "counter",
        "Frames that could not be analysed in time.",
        &plain(dropped.to_string()),
    );
    let help = "Pieces of live media that came faster than they were passed on.";
    family(out, "unmask_live_pieces_lost_total", "counter", help, &plain(lost.to_string()));
    let help = "How far the last live interview was behind, 95th percentile.";
    family(out, "unmask_live_delay_ms", "gauge", help, delay.as_slice());
    let help = "Processor time inside each network, its check on loading included.";
    family(out, "unmask_inference_seconds_total", "counter", help, &rows);
    let rows = [(format!("{{provider=\"{provider}\"}}"), (took.as_secs_f64() * 1e3).to_string())];
    family(out, "unmask_probe_inference_ms", "gauge", "The last check of the face network, by what runs it.", &rows);
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, rows: &[(String, String)]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}
