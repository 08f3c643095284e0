//! A recording drawn over: an ordinary file, with the drawing in it.

mod common;

use std::path::Path;
use std::process::Command;

use common::{ffmpeg, folder, h264};
use unmask::config::Limits;
use unmask::media::gst::{Draw, FramePicker, Tracks, draw_over};
use unmask::types::MediaTime;
use unmask::{Cancel, Input};

fn probe(path: &Path) -> String {
    let shown = ["-v", "error", "-show_entries", "stream=codec_name,width,height:format=duration", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(shown).arg(path).output().expect("ffprobe is installed by scripts/setup");
    String::from_utf8(output.stdout).unwrap()
}

fn white_square(at_s: f64) -> Draw {
    Box::new(move |time, (width, height)| {
        let square = "<rect x='0' y='0' width='64' height='64' fill='#fff'/>";
        let drawn = if time.as_secs() >= at_s { square } else { "" };
        format!("<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>{drawn}</svg>")
    })
}

#[test]
fn any_player_shows_what_was_drawn_when_it_was_drawn() {
    let dir = folder("overlay");
    let (input, out) = (Input::File(h264(&dir)), dir.join("drawn.webm"));
    let tracks = Tracks { video: true, audio: true };
    assert!(draw_over(&input, tracks, &out, white_square(1.0), &Limits::default(), &Cancel::default()).unwrap());
    let streams = probe(&out);
    assert!(streams.contains("vp8,640,384") && streams.contains("opus"), "{streams}");
    let length: f64 = streams.lines().last().unwrap().parse().unwrap();
    assert!((1.8..2.3).contains(&length), "{streams}");
    let mut picker = FramePicker::open(&Input::File(out), &Limits::default(), &Cancel::default()).unwrap().unwrap();
    let mut corner = |seconds: f64| {
        let frame = picker.at(MediaTime::from_secs(seconds)).unwrap().unwrap();
        let view = frame.picture.plane(0);
        view.data[20 * view.stride + 20]
    };
    let (before, after) = (corner(0.5), corner(1.5));
    assert!(after > 200 && after - before > 60, "{before} {after}");
}

/// Cut without encoding anew, video begins at the key frame before, seconds from where sound does.
#[test]
fn a_trimmed_recording_is_drawn_over_too() {
    let dir = folder("overlay-trimmed");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (whole, trimmed) = (path("whole.mp4"), path("trimmed.mp4"));
    let inputs =
        ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=12", "-f", "lavfi", "-i", "sine=duration=12"];
    let encode = ["-c:v", "libx264", "-g", "300", "-preset", "ultrafast", "-c:a", "aac", &whole];
    ffmpeg(&[&inputs[..], &encode].concat());
    ffmpeg(&["-ss", "5", "-i", &whole, "-c", "copy", &trimmed]);
    let limits = Limits { stall_s: 5.0, ..Limits::default() };
    let (tracks, out) = (Tracks { video: true, audio: true }, dir.join("drawn.webm"));
    let input = Input::File(trimmed.into());
    assert!(draw_over(&input, tracks, &out, white_square(0.0), &limits, &Cancel::default()).unwrap());
}

#[test]
fn a_cancelled_or_broken_recording_leaves_no_hang() {
    let dir = folder("overlay-broken");
    let tracks = Tracks { video: true, audio: true };
    let cancel = Cancel::default();
    cancel.cancel();
    let whole = h264(&dir);
    let done =
        draw_over(&Input::File(whole.clone()), tracks, &dir.join("a"), white_square(0.0), &Limits::default(), &cancel);
    assert!(!done.unwrap());
    let soon = Cancel::default();
    let later = soon.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        later.cancel();
    });
    let input = Input::File(whole.clone());
    let stopped = draw_over(&input, tracks, &dir.join("c"), white_square(0.0), &Limits::default(), &soon);
    assert!(stopped.is_ok(), "wherever it was: {stopped:?}");
    let cut = dir.join("cut.mp4");
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let limits = Limits { stall_s: 5.0, ..Limits::default() };
    let broken = draw_over(&Input::File(cut), tracks, &dir.join("b"), white_square(0.0), &limits, &Cancel::default());
    assert!(broken.is_err());
}
