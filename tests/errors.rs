//! The table of bad inputs: each with its exit code, and a message that names the input and the remedy.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{clip, ffmpeg, folder, h264, of, program, scan, stderr, unmask, warnings};

const USAGE: i32 = 2;
const INPUT: i32 = 3;
const LIMIT: i32 = 4;
const MODEL: i32 = 5;
const ENVIRONMENT: i32 = 6;

/// Runs a scan that must fail with this code and a message that holds these words.
fn fails(input: &str, args: &[&str], code: i32, words: &[&str]) {
    let output = unmask(&[&["scan", input, "--device", "cpu"], args].concat());
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{input}: {message}");
    for word in words {
        assert!(message.contains(word), "{input}: {word:?} is not in {message}");
    }
    assert!(message.lines().count() == 1, "one line, no backtrace: {message}");
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Bytes without structure, the same every time.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    let dir = folder("errors-files");
    let faststart = clip(&dir, "whole.mp4", common::H264);
    let bytes = std::fs::read(&faststart).unwrap();
    let table: [(String, &[&str]); 6] = [
        ("/no/such/call.mp4".into(), &["/no/such/call.mp4", "no such file", "check the path"]),
        (dir.to_str().unwrap().into(), &["is a directory", "name a recording"]),
        (write(&dir, "empty.mp4", b""), &["empty.mp4", "is empty"]),
        (write(&dir, "notes.mp4", "these are my notes\n".repeat(99).as_bytes()), &["notes.mp4", "text file"]),
        (write(&dir, "noise.mp4", &noise(65_536)), &["noise.mp4", "known format"]),
        (write(&dir, "cut.mp4", &bytes[..bytes.len() / 2]), &["cut.mp4", "damaged", "copy or export it again"]),
    ];
    for (input, words) in table {
        fails(&input, &[], INPUT, words);
    }
}

#[test]
fn a_recording_without_picture_and_sound_is_refused() {
    let dir = folder("errors-streams");
    let subtitles = write(&dir, "s.srt", b"1\n00:00:00,000 --> 00:00:01,000\nhello\n");
    let path = dir.join("subtitles.mkv");
    ffmpeg(&["-i", &subtitles, path.to_str().unwrap()]);
    fails(path.to_str().unwrap(), &[], INPUT, &["subtitles.mkv", "no video and no audio"]);
}

#[test]
fn a_sound_file_without_sound_is_refused_soon() {
    let dir = folder("errors-header");
    let header = std::fs::read(common::SPEECH).unwrap()[..44].to_vec();
    let started = std::time::Instant::now();
    fails(&write(&dir, "header.wav", &header), &[], INPUT, &["header.wav", "no frame and no sound"]);
    assert!(started.elapsed().as_secs() < 25);
}

#[test]
fn an_unreadable_file_names_its_permissions() {
    let dir = folder("errors-permissions");
    let file = write(&dir, "locked.mp4", b"x");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    // The superuser may read anything: there the file is simply no recording.
    let words: &[&str] = if std::fs::File::open(&file).is_ok() { &["locked.mp4"] } else { &["permissions"] };
    fails(&file, &[], INPUT, words);
}

/// Answers every request with this status line, until the test ends.
fn server(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream
                .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
        }
    });
    port
}

#[test]
fn addresses_that_do_not_answer_are_named_without_credentials() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = format!("http://me:secret@127.0.0.1:{free}/call.mp4?token=secret");
    fails(&refused, &[], INPUT, &["cannot connect", &format!("127.0.0.1:{free}/call.mp4"), "server runs"]);
    assert!(!stderr(&unmask(&["scan", &refused])).contains("secret"));
    let rtsp = format!("rtsp://127.0.0.1:{free}/live");
    fails(&rtsp, &[], INPUT, &["cannot connect"]);
    let missing = format!("http://127.0.0.1:{}/call.mp4", server("404 Not Found"));
    fails(&missing, &[], INPUT, &["not found on the server", "check the address"]);
    fails("ftpx://example.org/a", &[], INPUT, &["unknown kind of address ftpx"]);
}

#[test]
fn a_server_that_goes_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let open: Vec<_> = listener.incoming().collect();
        drop(open);
    });
    let dir = folder("errors-stall");
    let config = write(&dir, "c.toml", b"[limits]\nstall_s = 2.0\n");
    let started = std::time::Instant::now();
    fails(&format!("http://127.0.0.1:{port}/a.mp4"), &["--config", &config], INPUT, &["gave no data for 2 s"]);
    assert!(started.elapsed().as_secs() < 30);
}

#[test]
fn a_missing_decoder_is_named_with_its_package() {
    let dir = folder("errors-decoder");
    let call = h264(&dir);
    let ranks = ["avdec_h264", "openh264dec", "vah264dec", "nvh264dec", "v4l2slh264dec", "v4l2h264dec"];
    let ranks = ranks.map(|r| format!("{r}:0")).join(",");
    let output = program()
        .args(["scan", call.to_str().unwrap(), "--device", "cpu"])
        .env("GST_PLUGIN_FEATURE_RANK", ranks)
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(ENVIRONMENT), "{message}");
    assert!(message.contains("no decoder for H.264") && message.contains("install gstreamer1.0-libav"), "{message}");
}

#[test]
fn limits_are_refused_with_their_key() {
    let dir = folder("errors-limits");
    let call = h264(&dir);
    let call = call.to_str().unwrap();
    for (key, value) in [("max_duration_s", "1.0"), ("max_pixels", "1000"), ("max_bytes", "100"), ("max_tracks", "1")] {
        let config = write(&dir, &format!("{key}.toml"), format!("[limits]\n{key} = {value}\n").as_bytes());
        fails(call, &["--config", &config], LIMIT, &["call.mp4", &format!("limits.{key}")]);
    }
}

#[test]
fn a_faulty_installation_says_what_to_do() {
    let dir = folder("errors-install");
    let call = h264(&dir);
    let call = call.to_str().unwrap();
    fails(call, &["--ort-lib", "/nope.so"], ENVIRONMENT, &["/nope.so", "scripts/setup"]);
    let not_a_library = write(&dir, "libonnxruntime.so", b"no library");
    fails(call, &["--ort-lib", &not_a_library], ENVIRONMENT, &["libonnxruntime.so", "scripts/setup"]);
    fails(call, &["--models", dir.to_str().unwrap()], MODEL, &["yunet", "scripts/setup"]);
    fails(call, &["--models", "/no/models"], MODEL, &["/no/models"]);
    fails(call, &["--require-gpu"], ENVIRONMENT, &["no GPU"]);
    let config = write(&dir, "c.toml", b"[face]\nscorer = \"yunet\"\n");
    fails(call, &["--config", &config], USAGE, &["yunet", "face_score"]);
    let typo = write(&dir, "typo.toml", b"[faec]\n");
    fails(call, &["--config", &typo], USAGE, &["typo.toml", "faec"]);
    fails(call, &["--fps", "0"], USAGE, &["fps"]);
}

/// Copies the models, so that one can be spoilt.
fn models(dir: &Path) -> PathBuf {
    let home = dir.join("home");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, to) in
        [(root.join("models"), home.join("models")), (root.join(".runtime/models"), home.join(".runtime/models"))]
    {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = std::process::Command::new("cp").arg("-rT").args([&from, &to]).status().unwrap();
        assert!(copied.success());
    }
    home
}

#[test]
fn a_changed_model_is_refused_before_the_first_frame() {
    let dir = folder("errors-model");
    let call = h264(&dir);
    let call = call.to_str().unwrap();
    let home = models(&dir);
    let dir = home.join("models");
    let weights = home.join(".runtime/models/yunet/model.onnx");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let named = ["--models", dir.to_str().unwrap()];
    fails(call, &named, MODEL, &["yunet", "sha256", "scripts/setup"]);
    std::fs::remove_file(&weights).unwrap();
    fails(call, &named, MODEL, &["yunet", "is missing", "scripts/setup"]);
}

#[test]
fn a_half_truncated_file_is_scanned_with_a_warning() {
    let dir = folder("errors-truncated");
    let whole = clip(&dir, "whole.mp4", &[common::H264, &["-movflags", "+faststart", "-g", "5"]].concat());
    let bytes = std::fs::read(&whole).unwrap();
    let half = write(&dir, "half.mp4", &bytes[..bytes.len() * 6 / 10]);
    let records = scan(Path::new(&half), &[]);
    assert!(warnings(&records).contains(&"truncated".into()), "{:?}", warnings(&records));
    let warning = of(&records, "warning").into_iter().find(|w| w["code"] == "truncated").unwrap();
    assert!(warning["message"].as_str().unwrap().contains(" s of the declared length are missing"));
    let frames = of(&records, "frame").len();
    assert!(frames > 0 && frames < 20, "{frames}");
    assert!(!warnings(&scan(&whole, &[])).contains(&"truncated".into()));
}

#[test]
fn corrupted_data_is_scanned_with_a_count() {
    let dir = folder("errors-corrupted");
    let args = [
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-crf",
        "12",
        "-g",
        "5",
        "-c:a",
        "aac",
        "-vf",
        "noise=alls=20:allf=t",
    ];
    let whole = clip(&dir, "whole.ts", &args);
    let mut bytes = std::fs::read(&whole).unwrap();
    let from = bytes.len() / 4;
    for (i, garbage) in noise(12 * 188).chunks(188).enumerate() {
        let at = from + i * bytes.len() / 25;
        let end = (at + garbage.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
    }
    let path = write(&dir, "corrupted.ts", &bytes);
    let records = scan(Path::new(&path), &[]);
    let codes = warnings(&records);
    assert!(codes.iter().any(|c| c == "corrupted" || c == "decoder_warnings"), "{codes:?}");
    assert!(of(&records, "warning").iter().all(|w| w["count"].as_u64().unwrap() > 0));
}

#[test]
fn a_full_disk_ends_the_scan() {
    let call = h264(&folder("errors-full"));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let args = ["scan", call.to_str().unwrap(), "--format", "jsonl", "--device", "cpu"];
    let output = program().args(args).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(ENVIRONMENT), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write standard output"), "{}", stderr(&output));
}

#[test]
fn results_that_cannot_be_written_end_the_scan_without_a_final_name() {
    let dir = folder("errors-part");
    let (call, out) = (h264(&dir), dir.join("out"));
    // A folder in the place of the file.
    std::fs::create_dir_all(out.join("call.jsonl.part")).unwrap();
    fails(call.to_str().unwrap(), &["--out", out.to_str().unwrap()], ENVIRONMENT, &["cannot write", "call.jsonl"]);
    assert!(!out.join("call.jsonl").exists(), "an incomplete stream never gets the final name");
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let dir = folder("errors-several");
    let call = h264(&dir);
    let empty = write(&dir, "empty.mp4", b"");
    let out = dir.join("out");
    let output = unmask(&["scan", &empty, call.to_str().unwrap(), "--device", "cpu", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(INPUT), "{}", stderr(&output));
    assert!(stderr(&output).contains("empty.mp4: is empty"));
    common::records(&std::fs::read(out.join("call.jsonl")).unwrap());
}
