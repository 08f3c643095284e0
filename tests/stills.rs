//! Single frames of recordings: the picture at a time is the one that a player shows there.

mod common;

use std::path::Path;

use common::{ffmpeg, folder};
use unmask::config::Limits;
use unmask::media::gst::FramePicker;
use unmask::types::{MediaTime, Picture};
use unmask::{Cancel, Input};

/// Twelve seconds whose luma rises by 16 a second, with sound.
fn rising(dir: &Path, name: &str, codecs: &[&str]) -> std::path::PathBuf {
    let path = dir.join(name);
    let source = "nullsrc=s=160x120:r=10:d=12,geq=lum='30+16*T':cb=128:cr=128";
    let sound = "sine=frequency=300:duration=12";
    let input = ["-f", "lavfi", "-i", source, "-f", "lavfi", "-i", sound];
    ffmpeg(&[&input[..], codecs, &[path.to_str().unwrap()]].concat());
    path
}

fn luma(picture: &Picture) -> f64 {
    let view = picture.plane(0);
    let rows = (0..picture.height as usize).map(|y| &view.data[y * view.stride..][..picture.width as usize]);
    let sum: f64 = rows.flatten().map(|v| f64::from(*v)).sum();
    sum / f64::from(picture.width * picture.height)
}

#[test]
fn the_frame_at_a_time_is_the_one_shown_there() {
    let dir = folder("stills");
    let h264: &[&str] = &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "35", "-bf", "2", "-c:a", "aac"];
    let clips = [
        ("a.mp4", h264),
        ("a.mkv", h264),
        ("a.ts", h264),
        ("a.webm", &["-c:v", "libvpx", "-g", "35", "-c:a", "libopus"]),
        ("a.avi", &["-c:v", "mpeg4", "-c:a", "mp3"]),
    ];
    for (name, codecs) in clips {
        let input = Input::File(rising(&dir, name, codecs));
        let mut picker = FramePicker::open(&input, &Limits::default(), &Cancel::default()).unwrap().unwrap();
        for seconds in [0.0, 0.4, 1.0, 3.7, 4.0, 8.2, 11.0] {
            let frame = picker.at(MediaTime::from_secs(seconds)).unwrap().unwrap();
            let (found, expected) = (luma(&frame.picture), 30.0 + 16.0 * seconds);
            assert!((found - expected).abs() < 4.0, "{name} at {seconds} s: {found}, not {expected}");
            assert!((frame.pts.as_secs() - seconds).abs() < 0.15, "{name} at {seconds} s: {:?}", frame.pts);
        }
        let end = picker.at(MediaTime::from_secs(11.95)).unwrap().unwrap();
        assert!(luma(&end.picture) > 210.0, "{name}: behind the last frame it is the last");
    }
}

#[test]
fn what_has_no_pictures_gives_none() {
    let dir = folder("stills-none");
    let path = dir.join("sound.wav");
    std::fs::copy(common::SPEECH, &path).unwrap();
    let opened = FramePicker::open(&Input::File(path), &Limits::default(), &Cancel::default());
    assert!(!matches!(opened, Ok(Some(_))));
    let stdin = FramePicker::open(&Input::Stdin, &Limits::default(), &Cancel::default());
    assert!(matches!(stdin, Ok(None)));
}
