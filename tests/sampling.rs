//! Sampling from YUV against a reference conversion (ffmpeg's, with full chroma and accurate rounding).

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common::{PORTRAIT, ffmpeg, folder};
use proptest::prelude::*;
use unmask::config::Limits;
use unmask::face::{Affine, crop};
use unmask::media::{self, OwnedPlanes};
use unmask::types::{Orientation, Picture, PictureFormat};
use unmask::{Cancel, Input, SourceSpec};

/// The first frame, and what the source says of it.
fn first_frame(path: &Path) -> Picture {
    let spec = SourceSpec::Gst(Input::parse(path.to_str().unwrap()).unwrap());
    let mut source = media::build(spec, &Limits::default(), &Cancel::default()).unwrap();
    source.streams().video.unwrap().next_frame().unwrap().unwrap().picture
}

/// The first frame as ffmpeg converts it, turned upright: R, G, B bytes interleaved.
fn reference(path: &Path) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-nostdin", "-i", path.to_str().unwrap(), "-frames:v", "1", "-pix_fmt", "rgb24"])
        .args(["-sws_flags", "bicubic+accurate_rnd+full_chroma_int", "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Mean absolute difference of the whole upright frame, in code values.
fn difference(path: &Path) -> f64 {
    let picture = first_frame(path);
    let (w, h) = picture.upright_size();
    let (w, h) = (w as usize, h as usize);
    let ours = crop(&picture, &Affine::scale(1.0, 1.0), w, h);
    let theirs = reference(path);
    assert_eq!(ours.len(), theirs.len(), "{}: {w}x{h}", path.display());
    let plane = w * h;
    let sum: f64 = (0..plane)
        .flat_map(|i| (0..3).map(move |c| (i, c)))
        .map(|(i, c)| (f64::from(ours[c * plane + i]) - f64::from(theirs[3 * i + c])).abs())
        .sum();
    sum / theirs.len() as f64
}

#[test]
fn every_pixel_format_matches_the_reference() {
    let dir = folder("sampling");
    let x264 = ["-c:v", "libx264", "-crf", "10"];
    let table: [(&str, &[&str]); 7] = [
        ("601.mp4", &["-pix_fmt", "yuv420p"]),
        ("709.mp4", &["-pix_fmt", "yuv420p", "-vf", "scale=1280:768:out_color_matrix=bt709", "-colorspace", "bt709"]),
        ("full.mp4", &["-pix_fmt", "yuvj420p", "-color_range", "pc"]),
        ("odd.mp4", &["-pix_fmt", "yuv444p", "-vf", "scale=639:383"]),
        ("422.mp4", &["-pix_fmt", "yuv422p"]),
        ("10bit.mp4", &["-pix_fmt", "yuv420p10le"]),
        ("small.mp4", &["-pix_fmt", "yuv420p", "-vf", "scale=98:58"]),
    ];
    for (name, args) in table {
        let path = dir.join(name);
        let input = ["-loop", "1", "-i", PORTRAIT, "-frames:v", "3"];
        ffmpeg(&[&input[..], &x264, args, &[path.to_str().unwrap()]].concat());
        let d = difference(&path);
        assert!(d < 2.5, "{name}: {d:.2} code values from the reference");
    }
}

#[test]
fn metadata_rotation_matches_the_reference() {
    let dir = folder("sampling");
    let plain = dir.join("plain.mp4");
    ffmpeg(&[
        "-loop",
        "1",
        "-i",
        PORTRAIT,
        "-frames:v",
        "3",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        plain.to_str().unwrap(),
    ]);
    for degrees in [90, 180, 270] {
        let path = dir.join(format!("rotated-{degrees}.mp4"));
        common::rotate(&plain, &path, degrees);
        let d = difference(&path);
        assert!(d < 2.5, "{degrees} degrees: {d:.2} code values from the reference");
    }
}

fn picture(nv12: bool, orientation: Orientation) -> Picture {
    let luma = |x: usize, y: usize| (16 + (x * 7 + y * 11) % 200) as u8;
    let planes = OwnedPlanes::i420(37, 23, luma, |x, y| ((60 + x * 5) as u8, (200 - y * 7) as u8));
    let (planes, format) = if nv12 { (planes.into_nv12(), PictureFormat::Nv12) } else { (planes, PictureFormat::I420) };
    let mut picture = Picture::new(Arc::new(planes), format, 37, 23).unwrap();
    picture.orientation = orientation;
    picture
}

proptest! {
    #[test]
    fn nv12_equals_i420(
        a in 0.2f32..3.0, b in -1.0f32..1.0, x in -20.0f32..40.0, y in -20.0f32..30.0,
        quarter_turns in 0u8..4, mirrored: bool
    ) {
        let map = Affine { linear: [a, -b, b, a], shift: [x, y] };
        let orientation = Orientation { quarter_turns, mirrored };
        let one = crop(&picture(false, orientation), &map, 16, 12);
        prop_assert_eq!(&one, &crop(&picture(true, orientation), &map, 16, 12));
        prop_assert!(one.iter().all(|v| (0.0..=255.0).contains(v)));
    }

    #[test]
    fn a_crop_over_the_edge_is_that_of_a_picture_with_its_edge_repeated(
        a in 0.3f32..1.7, b in -0.5f32..0.5, x in -40.0f32..40.0, y in -40.0f32..24.0
    ) {
        const REPEATED: u32 = 128;
        let (w, h) = (40u32, 24u32);
        let inner = |v: usize, last: u32| v.saturating_sub(REPEATED as usize).min(last as usize);
        let half = |v: usize, last: u32| v.saturating_sub(REPEATED as usize / 2).min(last as usize);
        let luma = |x: usize, y: usize| (16 + (x * 7 + y * 11) % 200) as u8;
        let chroma = |x: usize, y: usize| ((60 + x * 5) as u8, (200 - y * 7) as u8);
        let small = OwnedPlanes::i420(w, h, luma, chroma);
        let wide = OwnedPlanes::i420(
            w + 2 * REPEATED,
            h + 2 * REPEATED,
            |x, y| luma(inner(x, w - 1), inner(y, h - 1)),
            |x, y| chroma(half(x, w / 2 - 1), half(y, h / 2 - 1)),
        );
        let of = |planes: OwnedPlanes, more: u32, shift: [f32; 2]| {
            let picture = Picture::new(Arc::new(planes), PictureFormat::I420, w + more, h + more).unwrap();
            crop(&picture, &Affine { linear: [a, -b, b, a], shift }, 37, 20)
        };
        let far = REPEATED as f32;
        let pairs = of(small, 0, [x, y]).into_iter().zip(of(wide, 2 * REPEATED, [x + far, y + far]));
        for (edge, inside) in pairs {
            prop_assert!((edge - inside).abs() < 2.0, "{edge} at the edge, {inside} inside");
        }
    }
}

#[test]
fn a_plane_too_small_for_its_picture_is_refused() {
    let planes = OwnedPlanes::i420(16, 16, |_, _| 0, |_, _| (0, 0));
    assert!(Picture::new(Arc::new(planes), PictureFormat::I420, 32, 16).is_none());
}
