//! The pages in a browser: a ten-minute call and an index of many calls are opened in headless Chromium, by
//! tests/pages/check.mjs, at phone and desktop width, light and dark; the service's own pages are worked with by
//! tests/pages/review.mjs. Pictures and PDFs stay in the folders that are printed.

mod common;
#[path = "common/service.rs"]
mod service;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use unmask::report::index::{CallFinding, CallState, IndexRow, index_html, rank};
use unmask::report::{FaceMap, Moment, Page, Still, StillFace, Timeline};
use unmask::types::Prob;
use unmask::types::record::{Outcome, SCHEMA, SCOPE};

/// Ten minutes.
const LENGTH_S: u32 = 600;

/// Five frames a second.
const FRAMES: u32 = LENGTH_S * 5;

fn finding(result: &str, p: Option<f64>, reason: &str) -> Value {
    json!({ "result": result, "p_masked": p, "low": p.map(|p| p - 0.2), "high": p.map(|p| p + 0.1), "reasons": [reason] })
}

fn start() -> Value {
    json!({
        "type": "start", "schema": SCHEMA, "tool_version": "0.0.0", "config_sha256": "00",
        "source": { "uri": "calls/call.mp4", "sha256": null, "bytes": null, "container": "mp4", "duration_s": LENGTH_S,
            "video": { "codec": "h264", "width": 640, "height": 384, "fps": 29.97 },
            "audio": { "codec": "aac", "rate_hz": 48000, "channels": 1 } },
        "models": [{ "id": "face-lite160", "task": "face_score", "sha256": "0123456789abcdef", "licence": "MIT" }],
        "runtime": { "provider": "cpu", "provider_note": null, "onnxruntime": "1", "gstreamer": "1" },
    })
}

/// Two faces, of which the second comes late; nothing is scored in the sixth minute.
fn frame(i: u32) -> Value {
    let at_s = f64::from(i) / 5.0;
    let quality = json!({ "size_px": 90.0, "sharpness": 0.3, "yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0,
        "exposure": 0.5, "cut_off": 0.0 });
    let scored = !(360.0..420.0).contains(&at_s);
    let p = 0.4 + 0.3 * (at_s / 40.0).sin() + f64::from(i % 7) / 50.0;
    let face = |track: u32| {
        json!({ "track": track, "box_px": [300.0, 140.0, 90.0, 110.0], "p_masked": scored.then_some(p),
            "state": if scored { "scored" } else { "not_scored" }, "quality": quality,
            "reasons": if scored { json!([]) } else { json!(["face_profile"]) } })
    };
    let faces: Vec<Value> = (1..=if at_s > 300.0 { 2 } else { 1 }).map(face).collect();
    let fused = scored.then(|| json!({ "p_masked": p, "low": p - 0.1, "high": p + 0.15 }));
    json!({ "type": "frame", "index": i, "pts_s": at_s, "utc": null, "faces": faces, "fused": fused, "reasons": [],
        "voice": { "p_masked": 0.3, "state": "scored" } })
}

fn event(i: u32) -> Value {
    let kinds = [
        ("face_suspicious", "sign"),
        ("profile_turn", "context"),
        ("identity_jump", "sign"),
        ("light_change", "context"),
    ];
    let (kind, class) = kinds[i as usize % 4];
    let start_s = 20.0 + f64::from(i) * 27.5;
    json!({ "type": "event", "kind": kind, "class": class, "start_s": start_s, "end_s": start_s + f64::from(i % 3) * 4.0,
        "score": 0.9, "track": 1, "why": "why it matters", "detail": { "yaw_deg": 62.0, "lag_ms": -120.0, "before_p": 0.3 } })
}

fn verdict() -> Value {
    let (face, voice) =
        (finding("signs_found", Some(0.7), "above_threshold"), finding("no_signs_found", Some(0.3), "below_threshold"));
    let mut sync = finding("inconclusive", None, "no_clear_lag");
    sync["lag"] = json!({ "lag_ms": 41.0, "confidence": 0.4, "jitter_ms": 30.0 });
    let track = |n: u32, result: &str, from: u32| {
        let mut track = finding(result, Some(0.6), "near_threshold");
        let seen = (LENGTH_S - from) * 5;
        let more =
            json!({ "track": n, "start_s": from, "end_s": LENGTH_S, "frames_seen": seen, "frames_scored": seen - 300 });
        track.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        track
    };
    json!({
        "type": "verdict", "overall": face, "face": face, "voice": voice, "sync": sync,
        "background": finding("no_signs_found", None, "feed_moves"), "identity": finding("not_assessed", None, "face_unclear"),
        "tracks": [track(1, "signs_found", 0), track(2, "inconclusive", 300)],
        "coverage": { "video_s": LENGTH_S, "audio_s": LENGTH_S, "speech_s": 400.0, "frames_seen": FRAMES, "frames_scored": FRAMES - 300 },
        "partial": true, "scope": SCOPE,
    })
}

fn timeline() -> Timeline {
    let mut records = vec![start()];
    records.extend((0..FRAMES).map(frame));
    records.extend((0..LENGTH_S / 4).map(|i| {
        let scored = i % 30 < 20;
        let reasons = if scored { json!([]) } else { json!(["no_speech"]) };
        json!({ "type": "voice", "start_s": i * 4, "end_s": i * 4 + 4, "p_masked": scored.then_some(0.3), "speech_ratio": 0.8,
            "state": if scored { "scored" } else { "absent" }, "reasons": reasons })
    }));
    records.extend((0..20).map(event));
    records.push(json!({ "type": "warning", "code": "several_tracks", "message": "two audio tracks; the first is analysed", "count": 1 }));
    records.push(verdict());
    let text: String = records.iter().map(|r| format!("{r}\n")).collect();
    Timeline::read(text.as_bytes(), "call.jsonl").unwrap()
}

fn stills(dir: &Path) -> Vec<Still> {
    let path = dir.join("still.jpg");
    common::ffmpeg(&["-i", common::PORTRAIT, "-q:v", "2", path.to_str().unwrap()]);
    let jpeg = std::fs::read(path).unwrap();
    let [x, y, w, h] = common::FACE;
    let parts = (0..36u8).map(|i| Prob::new(f32::from(i) / 36.0).unwrap()).collect();
    let map = FaceMap { columns: 6, parts, to_still: [w, 0.0, 0.0, h, x, y] };
    let face = StillFace { box_px: common::FACE, p_masked: Prob::new(0.8), map: Some(map) };
    let moments = [Moment::Before, Moment::During, Moment::After];
    let still = |i: usize| Still {
        event: i / 3,
        moment: moments[i % 3],
        pts_s: 20.0 + (i / 3) as f64 * 27.5 + (i % 3) as f64,
        width: 640,
        height: 384,
        jpeg: jpeg.clone(),
        faces: vec![face.clone()],
    };
    (0..60).map(still).collect()
}

fn rows() -> Vec<IndexRow> {
    let outcomes = [Outcome::SignsFound, Outcome::Inconclusive, Outcome::NoSignsFound, Outcome::NotAssessed];
    let mut rows: Vec<IndexRow> = (0..200usize)
        .map(|i| {
            let overall = outcomes[i % 4];
            let p = Prob::new(i as f32 / 200.0);
            let done = CallFinding {
                overall,
                face: overall,
                voice: Outcome::NotAssessed,
                p_masked: p,
                range: p.zip(Prob::new(0.99)),
                signs: if i % 4 == 0 { vec![("face looks masked".into(), 12.0); i % 5] } else { vec![] },
                length_s: 600.0,
                partial: i % 9 == 0,
            };
            let state = match i % 10 {
                7 => CallState::Failed("the file breaks off: download it again".into()),
                8 => CallState::Waiting,
                _ => CallState::Done(done),
            };
            let name = format!("call-{i:03}");
            let files = vec![format!("{name}.html"), format!("{name}.jsonl")];
            IndexRow { input: format!("calls/{name}.mp4"), name, state, files }
        })
        .collect();
    rank(&mut rows);
    rows
}

#[test]
fn pages_open_without_an_error_and_without_a_barrier() {
    if browser_is_missing() {
        return;
    }
    let dir = common::folder("pages");
    common::clip(&dir, "call.webm", &["-c:v", "libvpx", "-c:a", "libopus", "-deadline", "realtime"]);
    let (timeline, stills) = (timeline(), stills(&dir));
    let html = Page { timeline: &timeline, stills: &stills, recording: Some("call.webm"), links: &[] }.html().unwrap();
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    std::fs::write(dir.join("call.html"), html).unwrap();
    std::fs::write(dir.join("index.html"), index_html(&rows()).unwrap()).unwrap();
    let pages = [dir.join("call.html"), dir.join("index.html")];
    node("check.mjs", &dir.join("pictures"), &pages.map(|page| page.to_str().unwrap().to_owned()));
}

#[test]
fn calls_are_sent_read_and_deleted_by_hand() {
    if browser_is_missing() {
        return;
    }
    let dir = service::fresh("review");
    let (secret, line) = service::key("hr@acme:admin");
    let (keys, clip) = (dir.join("keys"), dir.join("call.mp4"));
    std::fs::write(&keys, line).unwrap();
    std::fs::write(&clip, service::call()).unwrap();
    let open = service::serve(&dir.join("open"), &[]);
    let closed = service::serve(&dir.join("closed"), &["--keys", keys.to_str().unwrap()]);
    let key = secret.trim_start_matches("Bearer ");
    let given = [&open.address, &closed.address, key, clip.to_str().unwrap()].map(str::to_owned);
    node("review.mjs", &dir.join("pictures"), &given);
    let bundle = dir.join("pictures/call.evidence");
    let verified = common::unmask(&["verify", bundle.to_str().unwrap(), "--input", clip.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", common::stderr(&verified));
}

/// Runs a script of tests/pages, which must succeed.
fn node(script: &str, pictures: &Path, given: &[String]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages").join(script);
    let mut node = Command::new("node");
    node.arg(script).arg(common::web_modules()).arg(pictures).args(given);
    let output = node.env("CHROMIUM", common::chromium()).output().expect("node is installed by scripts/setup --dev");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}pictures in {}", pictures.display());
    assert!(output.status.success(), "{wrong}");
}

fn browser_is_missing() -> bool {
    let missing = !common::web_modules().join("node_modules").is_dir() || !common::chromium().exists();
    if missing {
        assert!(std::env::var_os("CI").is_none(), "Chromium or its driver is missing: run scripts/setup --dev");
        eprintln!("NOT TESTED: Chromium or its driver is missing: run scripts/setup --dev");
    }
    missing
}
