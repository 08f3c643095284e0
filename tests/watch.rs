//! Live streams end to end: each way in gives the records that a scan of the same recording gives, and a stream that is
//! cut comes back. What publishes is ffmpeg, and GStreamer's RTSP server where there is one.

mod common;

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{PORTRAIT, SPEECH, ffmpeg, folder, median_score, of, program, records, scan, warnings};
use serde_json::Value;

/// A process that ends with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Twenty seconds of the portrait with speech, with a key frame a second.
fn call(dir: &Path) -> PathBuf {
    let path = dir.join("live.mp4");
    let input = ["-loop", "1", "-framerate", "10", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", "20"];
    let coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-crf", "18"];
    ffmpeg(&[&input[..], &coded, &["-c:a", "aac", path.to_str().unwrap()]].concat());
    path
}

/// Publishes a recording in real time.
fn publish(call: &Path, args: &[&str]) -> Running {
    let input = ["-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-i", call.to_str().unwrap()];
    let child = Command::new("ffmpeg").args(input).args(args).stdin(Stdio::null()).spawn();
    Running(child.expect("ffmpeg is installed by scripts/setup"))
}

fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Two neighbouring ports, the first one even, as RTP and RTCP take them.
fn free_udp() -> u16 {
    loop {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() & !1;
        if port > 1024 && [port, port + 1].iter().all(|p| UdpSocket::bind(("127.0.0.1", *p)).is_ok()) {
            return port;
        }
    }
}

fn watch(source: &str, args: &[&str]) -> std::process::Output {
    let common = ["watch", source, "--format", "jsonl", "--device", "cpu"];
    program().args(common).args(args).output().unwrap()
}

/// Watches until a source that has just been started answers.
fn watch_soon(source: &str, args: &[&str]) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let output = watch(source, args);
        if output.status.success() {
            return records(&output.stdout);
        }
        assert!(Instant::now() < until, "{source}: {}", common::stderr(&output));
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Records as a scan gives them, of frames that carry their time of day.
fn is_like_the_scan(watched: &[Value], scanned: &[Value], what: &str) {
    let frames = of(watched, "frame");
    assert!(frames.len() >= 10, "{what}: {} frames", frames.len());
    assert!(frames.iter().all(|f| f["utc"].as_str().is_some_and(|utc| utc.ends_with('Z'))), "{what}");
    let (live, file) = (median_score(watched), median_score(scanned));
    assert!((live - file).abs() <= 0.05, "{what}: {live} and {file}");
    assert_eq!(of(watched, "verdict")[0]["partial"], false, "{what}");
    assert!(of(watched, "end")[0]["stats"]["live"]["delay_p95_ms"].is_number(), "{what}");
}

#[test]
fn each_way_in_gives_what_a_scan_gives() {
    let dir = folder("watch-ways");
    let call = call(&dir);
    let scanned = scan(&call, &["--fps", "10"]);

    let port = free_udp();
    let target = format!("srt://127.0.0.1:{port}?mode=listener");
    let publisher = publish(&call, &["-c", "copy", "-f", "mpegts", &target]);
    std::thread::sleep(Duration::from_secs(1));
    is_like_the_scan(&watch_soon(&format!("srt://127.0.0.1:{port}"), &["--for", "4s"]), &scanned, "srt");
    drop(publisher);

    let (port, sdp) = (free_udp(), dir.join("call.sdp"));
    let target = format!("rtp://127.0.0.1:{port}");
    let rtp = ["-an", "-c:v", "copy", "-f", "rtp", "-sdp_file", sdp.to_str().unwrap(), &target];
    let publisher = publish(&call, &rtp);
    std::thread::sleep(Duration::from_secs(1));
    is_like_the_scan(&watch_soon(sdp.to_str().unwrap(), &["--for", "4s"]), &scanned, "rtp");
    drop(publisher);
}

#[test]
fn a_pipe_and_a_recording_play_by_the_clock() {
    let dir = folder("watch-pipe");
    let call = call(&dir);
    let scanned = scan(&call, &["--fps", "10"]);
    let (short, began) = (dir.join("short.mkv"), Instant::now());
    ffmpeg(&["-i", call.to_str().unwrap(), "-t", "4", "-c", "copy", short.to_str().unwrap()]);
    let piped = program()
        .args(["watch", "-", "--format", "jsonl", "--device", "cpu"])
        .stdin(Stdio::from(std::fs::File::open(&short).unwrap()))
        .output()
        .unwrap();
    assert!(piped.status.success(), "{}", common::stderr(&piped));
    assert!(began.elapsed() > Duration::from_secs(3), "a pipe that is faster than time is held to it");
    is_like_the_scan(&records(&piped.stdout), &scanned, "pipe");
    let played = watch(short.to_str().unwrap(), &[]);
    is_like_the_scan(&records(&played.stdout), &scanned, "recording");
}

/// True where there is an RTSP server; under CI one must be.
fn has_rtsp() -> bool {
    let ready = Command::new("/usr/bin/python3")
        .args(["-c", "import gi; gi.require_version('GstRtspServer', '1.0')"])
        .stderr(Stdio::null())
        .status();
    let there = ready.is_ok_and(|status| status.success());
    assert!(
        there || std::env::var_os("CI").is_none(),
        "python3-gi and gir1.2-gst-rtsp-server-1.0 are installed by scripts/setup --dev"
    );
    if !there {
        eprintln!("no RTSP server here: scripts/setup --dev installs one");
    }
    there
}

/// Serves a recording over RTSP.
fn serve_rtsp(call: &Path, port: u16) -> Running {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/watch/rtsp.py");
    let mut server = Command::new("/usr/bin/python3");
    Running(server.args([script, call.to_str().unwrap(), &port.to_string()]).spawn().unwrap())
}

#[test]
fn rtsp() {
    if !has_rtsp() {
        return;
    }
    let dir = folder("watch-rtsp");
    let call = call(&dir);
    let port = free_tcp();
    let _server = serve_rtsp(&call, port);
    let watched = watch_soon(&format!("rtsp://127.0.0.1:{port}/call"), &["--for", "5s"]);
    is_like_the_scan(&watched, &scan(&call, &["--fps", "10"]), "rtsp");
}

#[test]
fn hls_that_grows() {
    let dir = folder("watch-hls");
    let (call, stream, port) = (call(&dir), dir.join("stream"), free_tcp());
    let _ = std::fs::remove_dir_all(&stream);
    std::fs::create_dir(&stream).unwrap();
    let playlist = stream.join("call.m3u8");
    let args = ["-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "8", playlist.to_str().unwrap()];
    let _publisher = publish(&call, &args);
    let mut server = Command::new("python3");
    server.args([
        "-m",
        "http.server",
        "--bind",
        "127.0.0.1",
        "--directory",
        stream.to_str().unwrap(),
        &port.to_string(),
    ]);
    let _server = Running(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(20);
    let segments = || std::fs::read_to_string(&playlist).map_or(0, |text| text.matches("#EXTINF").count());
    while segments() < 3 {
        assert!(Instant::now() < until, "ffmpeg writes no playlist");
        std::thread::sleep(Duration::from_millis(200));
    }
    let watched = watch_soon(&format!("http://127.0.0.1:{port}/call.m3u8"), &["--for", "6s"]);
    is_like_the_scan(&watched, &scan(&call, &["--fps", "10"]), "hls");
}

#[test]
fn a_stream_that_is_cut_three_times_goes_on() {
    if !has_rtsp() {
        return;
    }
    let dir = folder("watch-cuts");
    let call = call(&dir);
    let port = free_tcp();
    let mut server = serve_rtsp(&call, port);
    let watching = std::thread::spawn(move || watch_soon(&format!("rtsp://127.0.0.1:{port}/call"), &["--for", "45s"]));
    std::thread::sleep(Duration::from_secs(8));
    for _ in 0..3 {
        drop(server);
        std::thread::sleep(Duration::from_secs(1));
        server = serve_rtsp(&call, port);
        std::thread::sleep(Duration::from_secs(10));
    }
    let watched = watching.join().unwrap();
    drop(server);
    let gaps = of(&watched, "event").into_iter().filter(|e| e["kind"] == "stream_gap").count();
    // Twenty seconds of recording end before the watch does: that is a fourth gap at most.
    assert!((3..=4).contains(&gaps), "{:?}", of(&watched, "event"));
    assert!(warnings(&watched).contains(&"stream_gaps".into()));
    let stats = &of(&watched, "end")[0]["stats"]["live"];
    assert_eq!(stats["gaps"], gaps);
    assert!(stats["gap_s"].as_f64().unwrap() > 1.5, "{stats}");
    assert_eq!(of(&watched, "verdict")[0]["partial"], false, "it went on to the end");
}

#[test]
fn what_is_not_there_is_named() {
    for (source, word) in [
        ("gopher://127.0.0.1/x", "gopher"),
        ("rtsp://127.0.0.1:9/x", "connect"),
        ("no-such-call.sdp", "no such file"),
        ("no-such-call.mp4", "no such file"),
    ] {
        let output = watch(source, &[]);
        let said = common::stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{source}: {said}");
        assert!(said.contains(word) && said.contains(source.trim_start_matches("gopher://")), "{source}: {said}");
    }
}
