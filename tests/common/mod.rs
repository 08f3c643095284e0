//! What integration tests share: clips made by ffmpeg, and running the program.

#![allow(dead_code)] // each test binary uses a part

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// NASA's public-domain portrait of Eileen Collins, 640×384, in which detectors find one face.
pub const PORTRAIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/yunet/golden.png");

/// Four seconds of synthetic speech.
pub const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/silero-vad/golden.wav");

/// Where the portrait's face is, in its 640×384 pixels: x, y, width, height.
pub const FACE: [f64; 4] = [314.6, 143.4, 90.7, 109.4];

/// A folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Runs ffmpeg; a failure fails the test with what ffmpeg said.
pub fn ffmpeg(args: &[&str]) {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(args)
        .output()
        .expect("ffmpeg is installed by scripts/setup");
    assert!(output.status.success(), "ffmpeg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a clip of the portrait with speech: two seconds at ten frames a second. `args` come before the file.
pub fn clip(dir: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = dir.join(name);
    let text = path.to_str().unwrap().to_owned();
    let input = ["-loop", "1", "-framerate", "10", "-i", PORTRAIT, "-i", SPEECH, "-t", "2"];
    ffmpeg(&[&input[..], args, &[&text]].concat());
    path
}

/// The usual clip: H.264 and AAC in mp4.
pub fn h264(dir: &Path) -> PathBuf {
    let path = dir.join("call.mp4");
    if !path.exists() {
        clip(dir, "call.mp4", H264);
    }
    path
}

/// ffmpeg's options for the usual clip.
pub const H264: &[&str] = &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-c:a", "aac"];

/// Copies an mp4 whose video is its first track, telling players to turn it clockwise by `degrees`: writes the
/// matrix of the track header (ISO/IEC 14496-12, 8.3.2), which not every ffmpeg can.
pub fn rotate(from: &Path, to: &Path, degrees: u32) {
    let mut bytes = std::fs::read(from).unwrap();
    let header = bytes.windows(4).position(|w| w == b"tkhd").unwrap() + 4;
    let matrix: [i32; 4] = match degrees {
        90 => [0, 1, -1, 0],
        180 => [-1, 0, 0, -1],
        270 => [0, -1, 1, 0],
        _ => [1, 0, 0, 1],
    };
    for (slot, value) in [0, 1, 3, 4].into_iter().zip(matrix) {
        let at = header + 40 + slot * 4;
        bytes[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
    }
    std::fs::write(to, bytes).unwrap();
}

/// Where scripts/setup --dev puts what the browser is driven with.
pub fn web_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/web")
}

/// `CHROMIUM`, or where Debian has it.
pub fn chromium() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}

/// The program, with the processor as its device.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmask"));
    command.stdin(Stdio::null()).env("UNMASK_LOG", "off");
    command
}

/// Runs the program to its end.
pub fn unmask(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Scans to JSON Lines; the scan must succeed, and every line must be valid.
pub fn scan(path: &Path, args: &[&str]) -> Vec<Value> {
    let output = unmask(&[&["scan", path.to_str().unwrap(), "--format", "jsonl", "--device", "cpu"], args].concat());
    assert!(output.status.success(), "{}: {}", path.display(), stderr(&output));
    records(&output.stdout)
}

/// Parses JSON Lines and checks them: schema, order, invariants.
pub fn records(bytes: &[u8]) -> Vec<Value> {
    let validator = jsonschema::validator_for(&unmask::report::schema()).unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &records {
        if let Err(error) = validator.validate(record) {
            panic!("{error}: {record}");
        }
    }
    let kind = |r: &Value| r["type"].as_str().unwrap().to_owned();
    assert_eq!(records.first().map(kind).as_deref(), Some("start"));
    assert_eq!(records.last().map(kind).as_deref(), Some("end"));
    assert_eq!(of(&records, "verdict").len(), 1);
    let times: Vec<f64> = of(&records, "frame").iter().map(|r| r["pts_s"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|w| w[0] < w[1]), "presentation times strictly increase");
    records
}

/// The records of a kind.
pub fn of<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|r| r["type"] == kind).collect()
}

/// The codes of all warnings.
pub fn warnings(records: &[Value]) -> Vec<String> {
    of(records, "warning").iter().map(|w| w["code"].as_str().unwrap().to_owned()).collect()
}

/// The median box of the first track.
pub fn median_box(records: &[Value]) -> [f64; 4] {
    let faces: Vec<&Value> = of(records, "frame").iter().filter_map(|f| f["faces"].get(0)).collect();
    assert!(!faces.is_empty(), "a face is found");
    std::array::from_fn(|i| median(faces.iter().map(|f| f["box_px"][i].as_f64().unwrap()).collect()))
}

/// The median score of the first track.
pub fn median_score(records: &[Value]) -> f64 {
    let faces = of(records, "frame").into_iter().filter_map(|f| f["faces"].get(0)?["p_masked"].as_f64());
    median(faces.collect())
}

pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty());
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
