//! The program from outside: options, output, interruption.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{H264, PORTRAIT, SPEECH, ffmpeg, folder, h264, of, program, records, stderr, unmask};

#[test]
fn help_names_every_command() {
    let output = unmask(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let commands =
        ["scan", "serve", "store", "eval", "verify", "replay", "key", "challenges", "doctor", "models", "schema"];
    for command in commands {
        assert!(text.contains(command), "{command}");
    }
    assert_eq!(unmask(&["scan"]).status.code(), Some(2), "an input is needed");
}

#[test]
fn the_schema_is_json_and_names_every_record() {
    let output = unmask(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = schema.to_string();
    for kind in ["start", "frame", "voice", "event", "warning", "verdict", "end"] {
        assert!(text.contains(&format!("\"const\":\"{kind}\"")), "{kind}");
    }
}

#[test]
fn challenges_fit_on_a_page_and_name_events_that_exist() {
    let page = String::from_utf8(unmask(&["challenges"]).stdout).unwrap();
    assert!(page.lines().count() <= 60 && page.lines().all(|l| l.chars().count() <= 100), "{page}");
    for word in ["hand", "turn your head fully", "stand up", "lamp", "pencil", "Why:", "Look for:"] {
        assert!(page.contains(word), "{word:?} is not in:\n{page}");
    }
    let json = unmask(&["challenges", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let schema = String::from_utf8(unmask(&["schema"]).stdout).unwrap();
    let challenges = json["challenges"].as_array().unwrap();
    assert!(challenges.len() >= 5);
    for challenge in challenges {
        assert!(page.split_whitespace().count() > 100 && challenge["say"].as_str().unwrap().starts_with("Please"));
        for event in challenge["events"].as_array().unwrap() {
            assert!(schema.contains(&format!("\"{}\"", event.as_str().unwrap())), "{event}");
        }
    }
}

#[test]
fn doctor_proves_the_provider() {
    let output = unmask(&["doctor", "--device", "cpu"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.lines().any(|l| l.starts_with("ok    provider") && l.contains("cpu")), "{text}");
    assert!(!text.contains("FAIL"));
    let auto = unmask(&["doctor"]);
    let text = String::from_utf8(auto.stdout).unwrap();
    let provider = text.lines().find(|l| l.contains("provider")).unwrap();
    assert!(provider.contains("cuda"), "auto says that it runs on cuda, or why not: {provider}");
    let broken = unmask(&["doctor", "--ort-lib", "/nope.so"]);
    assert_eq!(broken.status.code(), Some(6));
    assert!(String::from_utf8(broken.stdout).unwrap().contains("FAIL  onnxruntime"));
}

#[test]
fn models_are_listed_and_verified() {
    let list = String::from_utf8(unmask(&["models", "list"]).stdout).unwrap();
    for id in ["yunet", "retinaface-mnet025", "face-embed", "voice-embed", "speaker-segmentation", "silero-vad"] {
        assert!(list.contains(id), "{id}");
    }
    let verify = unmask(&["models", "verify"]);
    assert!(verify.status.success());
    let text = String::from_utf8(verify.stdout).unwrap();
    assert!(text.lines().all(|l| l.ends_with(" ok")), "{text}");
}

#[test]
fn a_summary_is_for_people() {
    let call = h264(&folder("cli-summary"));
    let output = unmask(&["scan", call.to_str().unwrap(), "--format", "summary", "--device", "cpu"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["overall", "face", "voice", "coverage", "20 of 20 frames", "Finding no signs does not show"] {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn a_missing_gpu_is_said_loudly() {
    let call = h264(&folder("cli-gpu"));
    let call = call.to_str().unwrap();
    let output = unmask(&["scan", call, "--format", "jsonl", "--fps", "2"]);
    let stream = records(&output.stdout);
    let runtime = &stream[0]["runtime"];
    if runtime["provider"] == "cpu" {
        assert!(runtime["provider_note"].as_str().unwrap().starts_with("cuda not used: "), "{runtime}");
        for args in [["--device", "cuda"], ["--device", "auto"]] {
            let output = unmask(&[&["scan", call, "--require-gpu"], &args[..]].concat());
            assert_eq!(output.status.code(), Some(6));
            assert!(stderr(&output).contains("no GPU: "), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_plug_in_that_does_not_do_is_said_with_its_reason() {
    let call = h264(&folder("cli-plugin"));
    let call = call.to_str().unwrap();
    let dir = folder("cli-plugin");
    let text = dir.join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let missing = dir.join("missing.so");
    for (args, said) in [
        (vec!["--device", "plugin"], "--ep-lib"),
        (vec!["--device", "plugin", "--ep-lib", missing.to_str().unwrap()], "No such file"),
        (vec!["--device", "plugin", "--ep-lib", text.to_str().unwrap()], "text.so not used: "),
    ] {
        let output = unmask(&[&["scan", call], &args[..]].concat());
        assert_eq!(output.status.code(), Some(6), "{args:?}");
        assert!(stderr(&output).contains("no GPU: ") && stderr(&output).contains(said), "{}", stderr(&output));
    }
    let args = ["scan", call, "--format", "jsonl", "--fps", "2", "--ep-lib", text.to_str().unwrap()];
    let output = unmask(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let runtime = records(&output.stdout)[0]["runtime"].clone();
    let note = runtime["provider_note"].as_str().unwrap();
    assert!(note.starts_with("text.so not used: ") && !note.contains("cli-plugin"), "no folder in records: {note}");
    assert!(runtime["provider"] == "cuda" || note.contains("cuda not used: "), "{runtime}");
}

#[test]
fn out_names_the_stream_after_the_recording() {
    let dir = folder("cli-out");
    let call = h264(&dir);
    let out = dir.join("new/folder");
    let output = unmask(&["scan", call.to_str().unwrap(), "--device", "cpu", "--out", out.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty());
    records(&std::fs::read(out.join("call.jsonl")).unwrap());
    assert!(!out.join("call.jsonl.part").exists());
}

#[test]
fn two_recordings_of_one_name_get_two_files() {
    let dir = folder("cli-names");
    let call = h264(&dir);
    let other = folder("cli-names/other").join("call.mp4");
    std::fs::copy(&call, &other).unwrap();
    let out = dir.join("out");
    let inputs = ["scan", call.to_str().unwrap(), other.to_str().unwrap()];
    let output = unmask(&[&inputs[..], &["--fps", "2", "--device", "cpu", "--out", out.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    for (name, source) in [("call.jsonl", &call), ("call-2.jsonl", &other)] {
        let stream = records(&std::fs::read(out.join(name)).unwrap());
        assert_eq!(stream[0]["source"]["uri"], source.to_str().unwrap(), "{name}");
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let call = h264(&folder("cli-pipe"));
    let mut child = program()
        .args(["scan", call.to_str().unwrap(), "--format", "jsonl", "--device", "cpu"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn ctrl_c_ends_the_stream_with_a_partial_verdict() {
    let dir = folder("cli-interrupt");
    let path = dir.join("long.mp4");
    let text = path.to_str().unwrap();
    let input = ["-loop", "1", "-framerate", "30", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", "120"];
    ffmpeg(&[&input[..], H264, &["-preset", "ultrafast", text]].concat());
    let out = dir.join("out");
    let mut child = program()
        .args(["scan", text, "--device", "cpu", "--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut stream = String::new();
    for _ in 0..5 {
        stdout.read_line(&mut stream).unwrap();
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    std::io::Read::read_to_string(&mut stdout, &mut stream).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(stderr(&output).contains("finishing with what was seen so far"));
    let stream = records(stream.as_bytes());
    let verdict = of(&stream, "verdict")[0];
    assert_eq!(verdict["partial"], true);
    assert!(of(&stream, "frame").len() < 3_600, "it did stop early");
    assert!(!out.exists());
}
