//! What can be decoded: containers, codecs, and the oddities that recordings have. Each oddity has a stated choice.

mod common;

use std::path::Path;
use std::process::Stdio;

use common::{
    FACE, H264, PORTRAIT, SPEECH, clip, ffmpeg, folder, h264, median_box, median_score, of, program, scan, warnings,
};
use serde_json::Value;

/// Every box coordinate within `tolerance` of the portrait's, scaled.
fn face_is_at(records: &[Value], scale: f64, tolerance: f64, name: &str) {
    let found = median_box(records);
    for (f, e) in found.iter().zip(FACE.map(|v| v * scale)) {
        assert!((f - e).abs() <= tolerance, "{name}: {found:?}");
    }
}

#[test]
fn containers_and_codecs() {
    let dir = folder("formats");
    let table: [(&str, &str, Option<&str>, &[&str]); 12] = [
        ("a.mov", "h264", Some("aac"), &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"]),
        (
            "a.mkv",
            "h265",
            Some("flac"),
            &["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p", "-c:a", "flac"],
        ),
        ("a.webm", "vp8", Some("vorbis"), &["-c:v", "libvpx", "-b:v", "1M", "-c:a", "libvorbis"]),
        ("b.webm", "vp9", Some("opus"), &["-c:v", "libvpx-vp9", "-b:v", "1M", "-cpu-used", "8", "-c:a", "libopus"]),
        (
            "av1.mkv",
            "av1",
            Some("opus"),
            &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-b:v", "1M", "-c:a", "libopus"],
        ),
        ("a.ts", "h264", Some("aac"), &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"]),
        ("a.mpg", "mpeg2video", None, &["-c:v", "mpeg2video", "-r", "25", "-q:v", "2", "-c:a", "mp2"]),
        ("b.mpg", "mpeg1video", None, &["-c:v", "mpeg1video", "-r", "25", "-q:v", "2", "-c:a", "mp2"]),
        ("a.avi", "mpeg4", Some("mp3"), &["-c:v", "mpeg4", "-q:v", "2", "-c:a", "libmp3lame"]),
        ("pcm.mov", "h264", Some("pcm"), &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le"]),
        ("a.gif", "", None, &["-an", "-vf", "scale=320:192"]),
        ("a.mp4", "mpeg4", Some("aac"), &["-c:v", "mpeg4", "-q:v", "2", "-c:a", "aac"]),
    ];
    for (name, video, audio, args) in table {
        let records = scan(&clip(&dir, name, args), &["--fps", "5"]);
        let source = &records[0]["source"];
        if !video.is_empty() {
            assert_eq!(source["video"]["codec"], video, "{name}");
        }
        if let Some(audio) = audio {
            assert_eq!(source["audio"]["codec"], audio, "{name}");
        }
        let scale = if name == "a.gif" { 0.5 } else { 1.0 };
        face_is_at(&records, scale, 12.0 * scale, name);
        let heard = of(&records, "verdict")[0]["coverage"]["audio_s"].as_f64().unwrap();
        let seen = of(&records, "verdict")[0]["coverage"]["video_s"].as_f64().unwrap();
        assert!((1.5..2.1).contains(&seen), "{name}: {seen} s of pictures");
        assert!(name == "a.gif" || (heard - 2.0).abs() < 0.2, "{name}: {heard} s of sound");
    }
}

/// A camera that is not quite still.
const SWAY: &str = "crop=608:352:16+14*sin(t*3):16+12*cos(t*2.3)";

#[test]
fn the_same_call_in_other_clothes_scores_the_same() {
    let dir = folder("formats-same");
    let call = clip(&dir, "sway.mp4", &[H264, &["-vf", SWAY]].concat());
    // Stored lying on its side, shown upright by its metadata.
    let side = clip(&dir, "side.mp4", &[H264, &["-vf", &format!("{SWAY},transpose=1")]].concat());
    let rotated = dir.join("rotated.mp4");
    common::rotate(&side, &rotated, 270);
    let other = |name: &str, codec: &str| {
        let picture = ["-vf", SWAY, "-c:v", codec, "-pix_fmt", "yuv420p", "-crf", "20", "-b:v", "0", "-cpu-used", "8"];
        clip(&dir, name, &[&picture[..], &["-c:a", "libopus"]].concat())
    };
    let first = scan(&call, &[]);
    for other in [other("vp9.webm", "libvpx-vp9"), other("av1.mkv", "libaom-av1"), rotated] {
        let records = scan(&other, &[]);
        let pairs: Vec<_> = of(&first, "frame").into_iter().zip(of(&records, "frame")).collect();
        let of_face = |frame: &Value, i: usize| frame["faces"][0]["box_px"][i].as_f64().unwrap();
        for i in 0..4 {
            let off = pairs.iter().map(|(a, b)| (of_face(a, i) - of_face(b, i)).abs() / of_face(a, 2 + i % 2));
            let off = common::median(off.collect());
            assert!(off <= 0.02, "{}: coordinate {i} is off by {off:.3} of the face", other.display());
        }
        let score = |frame: &Value| frame["faces"][0]["p_masked"].as_f64().unwrap();
        let off = common::median(pairs.iter().map(|(a, b)| (score(a) - score(b)).abs()).collect());
        assert!(off <= 0.1, "{}: scores differ by {off:.3}", other.display());
    }
}

#[test]
fn sound_alone_and_pictures_alone_are_normal() {
    let dir = folder("formats-alone");
    let records = scan(Path::new(SPEECH), &[]);
    assert!(of(&records, "frame").is_empty());
    assert!(!of(&records, "voice").is_empty());
    let verdict = of(&records, "verdict")[0];
    assert_eq!(verdict["face"]["reasons"][0], "no_video_stream");
    assert_eq!(verdict["background"]["reasons"][0], "no_video_stream");
    let silent = clip(&dir, "silent.mp4", &[H264, &["-an"]].concat());
    let records = scan(&silent, &[]);
    assert_eq!(of(&records, "frame").len(), 20);
    assert!(of(&records, "voice").is_empty());
    let verdict = of(&records, "verdict")[0];
    assert_eq!(
        (&verdict["voice"]["result"], &verdict["voice"]["reasons"][0]),
        (&"not_assessed".into(), &"no_audio_stream".into())
    );
}

#[test]
fn variable_frame_rate_keeps_its_times() {
    let dir = folder("formats-vfr");
    let path = dir.join("vfr.mp4");
    let text = path.to_str().unwrap();
    let select = "select='not(between(n,5,14))'";
    ffmpeg(&[
        "-loop",
        "1",
        "-framerate",
        "10",
        "-i",
        PORTRAIT,
        "-t",
        "2",
        "-vf",
        select,
        "-fps_mode",
        "vfr",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        text,
    ]);
    let records = scan(&path, &[]);
    let times: Vec<f64> = of(&records, "frame").iter().map(|f| f["pts_s"].as_f64().unwrap()).collect();
    assert_eq!(times.len(), 10);
    assert!((times[5] - times[4] - 1.1).abs() < 0.01, "a gap of eleven frames: {times:?}");
}

#[test]
fn wide_pixels_are_seen_as_squares() {
    let dir = folder("formats-par");
    let narrow = clip(&dir, "narrow.mp4", &[H264, &["-vf", "scale=320:384,setsar=2/1"]].concat());
    let records = scan(&narrow, &[]);
    let found = median_box(&records);
    for (i, (f, e)) in found.iter().zip(FACE).enumerate() {
        let e = if i % 2 == 0 { e / 2.0 } else { e };
        assert!((f - e).abs() < 8.0, "{found:?}");
    }
    let square = median_score(&scan(&h264(&dir), &[]));
    assert!((median_score(&records) - square).abs() < 0.25, "the crop is not squeezed");
}

#[test]
fn interlaced_video_gives_a_frame_a_frame() {
    let dir = folder("formats-interlaced");
    let args = [
        "-vf",
        "tinterlace=interleave_top,fieldorder=tff",
        "-c:v",
        "mpeg2video",
        "-q:v",
        "2",
        "-r",
        "25",
        "-flags",
        "+ilme+ildct",
        "-c:a",
        "mp2",
    ];
    let records = scan(&clip(&dir, "i.ts", &args), &[]);
    // Ten frames a second become five of two fields each.
    assert_eq!(of(&records, "frame").len(), 10, "frames, not fields");
    face_is_at(&records, 1.0, 12.0, "interlaced");
}

#[test]
fn of_several_audio_tracks_the_first_is_heard() {
    let dir = folder("formats-tracks");
    let path = dir.join("tracks.mkv");
    let text = path.to_str().unwrap();
    let silence = "anullsrc=r=16000:cl=mono";
    ffmpeg(&[
        "-loop",
        "1",
        "-framerate",
        "5",
        "-i",
        PORTRAIT,
        "-i",
        SPEECH,
        "-f",
        "lavfi",
        "-i",
        silence,
        "-t",
        "3",
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "2:a",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "flac",
        text,
    ]);
    let records = scan(&path, &[]);
    assert!(warnings(&records).contains(&"several_audio_streams".into()));
    assert!(of(&records, "verdict")[0]["coverage"]["audio_s"].as_f64().unwrap() > 2.5);
    assert!(!of(&records, "voice").is_empty(), "speech is on the first track");
}

#[test]
fn a_gap_in_the_times_is_kept() {
    let dir = folder("formats-gap");
    let call = clip(&dir, "first.ts", H264);
    let later = dir.join("later.ts");
    ffmpeg(&["-i", call.to_str().unwrap(), "-c", "copy", "-output_ts_offset", "7", later.to_str().unwrap()]);
    let joined = dir.join("joined.ts");
    std::fs::write(&joined, [std::fs::read(&call).unwrap(), std::fs::read(&later).unwrap()].concat()).unwrap();
    let records = scan(&joined, &[]);
    assert!(of(&records, "frame").len() >= 38, "{} frames", of(&records, "frame").len());
}

#[test]
fn standard_input_reads_any_container() {
    let dir = folder("formats-stdin");
    // Its index is at the end: a pipe alone could not play it.
    let call = h264(&dir);
    let file = std::fs::File::open(&call).unwrap();
    let output = program()
        .args(["scan", "-", "--format", "jsonl", "--device", "cpu"])
        .stdin(Stdio::from(file))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    let piped = common::records(&output.stdout);
    let read = scan(&call, &[]);
    assert_eq!(piped[0]["source"]["sha256"], read[0]["source"]["sha256"]);
    assert_eq!(of(&piped, "frame"), of(&read, "frame"));
}

/// A picture or sound track that pauses for minutes, as a camera switched off or a muted track does.
#[test]
fn long_pauses_lose_nothing() {
    let dir = folder("formats-pauses");
    let video = ["-loop", "1", "-framerate", "5", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", "300"];
    let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
    let table: [(&str, &[&str]); 2] = [
        ("camera-off.mkv", &["-vf", "select='not(between(t,5,290))'", "-fps_mode", "vfr"]),
        ("muted.mkv", &["-af", "aselect='not(between(t,10,280))'"]),
    ];
    for (name, args) in table {
        let path = dir.join(name);
        ffmpeg(&[&video[..], &h264, args, &[path.to_str().unwrap()]].concat());
        let records = scan(&path, &["--fps", "1"]);
        let codes = warnings(&records);
        assert!(!codes.contains(&"stream_error".into()), "{name}: {codes:?}");
        let verdict = of(&records, "verdict")[0];
        assert_eq!(verdict["partial"], false, "{name}");
        let last = |kind: &str, key: &str| of(&records, kind).last().unwrap()[key].as_f64().unwrap();
        assert!(last("frame", "pts_s") > 295.0, "{name}: frames up to the end");
        assert!(last("voice", "end_s") > 295.0, "{name}: speech up to the end");
    }
}

#[test]
fn one_frame_in_many_minutes_does_not_block_the_sound() {
    let dir = folder("formats-sparse");
    let path = dir.join("long.mkv");
    let input = ["-loop", "1", "-framerate", "2", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", "200"];
    let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
    ffmpeg(&[&input[..], &h264, &[path.to_str().unwrap()]].concat());
    let records = scan(&path, &["--fps", "0.002"]);
    assert_eq!(of(&records, "frame").len(), 1);
    assert!(of(&records, "verdict")[0]["coverage"]["audio_s"].as_f64().unwrap() > 195.0);
    assert!(warnings(&records).is_empty(), "{:?}", warnings(&records));
}

/// Serves a folder over HTTP/1.0 until the test ends.
fn serve(dir: std::path::PathBuf) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let Some(request) = lines.next() else { continue };
            let headers = lines.take_while(|l| !l.is_empty()).count();
            let name = request.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
            let body = std::fs::read(dir.join(name)).unwrap_or_default();
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\nX-Seen: {headers}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    port
}

#[test]
fn http_and_hls() {
    let dir = folder("formats-http");
    let call = h264(&dir);
    let playlist = dir.join("call.m3u8");
    ffmpeg(&[
        "-i",
        call.to_str().unwrap(),
        "-c",
        "copy",
        "-hls_time",
        "1",
        "-hls_playlist_type",
        "vod",
        playlist.to_str().unwrap(),
    ]);
    let port = serve(dir);
    for name in ["call.mp4", "call.m3u8"] {
        let records = scan(Path::new(&format!("http://127.0.0.1:{port}/{name}")), &[]);
        assert_eq!(of(&records, "frame").len(), 20, "{name}");
        face_is_at(&records, 1.0, 4.0, name);
    }
}

/// Opens in four threads at once, so that GStreamer's own threads race: none may be lost.
#[test]
fn every_open_finds_its_streams_on_a_busy_machine() {
    let path = h264(&folder("formats-busy"));
    let open = || {
        for _ in 0..40 {
            let limits = unmask::Config::default().limits;
            let input = unmask::SourceSpec::Gst(unmask::Input::File(path.clone()));
            let source = unmask::media::build(input, &limits, &unmask::Cancel::default());
            let found = source.map(|s| (s.info().video.is_some(), s.info().audio.is_some()));
            assert_eq!(found.map_err(|e| e.to_string()), Ok((true, true)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(open);
        }
    });
}
