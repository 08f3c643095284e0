//! Evidence bundles from outside: made by a scan, verified, held against the recording, replayed.

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::{clip, folder, h264, program, scan, stderr, unmask, warnings};
use sha2::{Digest, Sha256};
use unmask::batch::Watch;
use unmask::evidence::{Content, SecretKey, make};
use unmask::report::Redact;
use unmask::report::{ReportKind, Timeline};
use unmask::types::MediaTime;
use unmask::types::record::{SourceInfo, Start};
use unmask::{CallOutput, Cancel, Config, Device, Engines, Input, Tools, scan_call};

struct Nobody;

impl Watch for Nobody {
    fn opened(&mut self, _: &SourceInfo) {}
    fn reached(&mut self, _: MediaTime) {}
}

fn config() -> Config {
    let mut config = Config { fps: Some(5.0), ..Config::default() };
    config.runtime.device = Device::Cpu;
    config
}

/// A scanned call with its bundle.
struct Call {
    input: PathBuf,
    records: PathBuf,
    bundle: PathBuf,
    key: PathBuf,
}

fn scanned(name: &str) -> Call {
    let dir = folder(name);
    let (input, key) = (h264(&dir), dir.join("evidence.key"));
    let reports = vec![ReportKind::Evidence];
    let output = CallOutput {
        dir: dir.clone(),
        name: "call".into(),
        reports,
        redact: Redact::None,
        key: Some(key.clone()),
        posted: None,
    };
    let (config, cancel) = (config(), Cancel::default());
    let mut engines = Engines::load(&config).unwrap();
    let tools = Tools { config: &config, engines: &mut engines, cancel: &cancel };
    scan_call(&Input::File(input.clone()), &output, tools, &mut Nobody).unwrap();
    Call { input, records: dir.join("call.jsonl"), bundle: dir.join("call.evidence"), key }
}

fn verify(args: &[&Path]) -> Output {
    program().arg("verify").args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn part(bundle: &Path, name: &str) -> Vec<u8> {
    let mut archive = tar::Archive::new(std::fs::File::open(bundle).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().to_str() == Some(name) {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            return bytes;
        }
    }
    panic!("no {name}");
}

#[test]
fn a_bundle_is_verified_with_its_recording_and_its_key() {
    let call = scanned("evidence-verify");
    let output = verify(&[&call.bundle]);
    let text = stdout(&output);
    assert!(output.status.success(), "{text}{}", stderr(&output));
    for word in ["ok       manifest.json", "ok       records.jsonl", "not which person", "system clock"] {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
    let public = stdout(&unmask(&["key", "--key", call.key.to_str().unwrap()]));
    assert!(public.trim().len() == 64 && text.contains(public.trim()), "{public}");
    assert!(verify(&[&call.bundle, "--key".as_ref(), public.trim().as_ref()]).status.success());
    let other = folder("evidence-verify").join("other.key");
    let other = stdout(&unmask(&["key", "--key", other.to_str().unwrap()]));
    let output = verify(&[&call.bundle, "--key".as_ref(), other.trim().as_ref()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("another key"), "{}", stderr(&output));

    let manifest: serde_json::Value = serde_json::from_slice(&part(&call.bundle, "manifest.json")).unwrap();
    let start = Timeline::read(&*part(&call.bundle, "records.jsonl"), "x").unwrap().start;
    let of_config: String =
        Sha256::digest(part(&call.bundle, "config.json")).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(of_config, start.config_sha256);
    assert_eq!(manifest["config_sha256"], start.config_sha256);
    assert_eq!(manifest["input"]["sha256"], start.source.sha256.unwrap());
    assert_eq!(manifest["runtime"]["provider"], "cpu");
    assert_eq!(part(&call.bundle, "records.jsonl"), std::fs::read(&call.records).unwrap());

    let output = verify(&[&call.bundle, "--input".as_ref(), &call.input]);
    assert!(output.status.success() && stdout(&output).contains("byte for byte"), "{}", stderr(&output));
    let bytes = std::fs::read(&call.input).unwrap();
    let mut altered = bytes.clone();
    altered[20_000] ^= 1;
    let longer = [&bytes[..], b"x"].concat();
    let cases = [
        (&altered[..], "differs from byte 16384 (about second"),
        (&bytes[..20_000], "is cut"),
        (&longer, "1 bytes put"),
    ];
    for (copy, words) in cases {
        let path = folder("evidence-verify").join("copy.mp4");
        std::fs::write(&path, copy).unwrap();
        let output = verify(&[&call.bundle, "--input".as_ref(), &path]);
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_key_is_made_on_first_use_and_printed() {
    let dir = folder("evidence-key");
    let _gone = std::fs::remove_dir_all(dir.join("unmask"));
    let print = || program().arg("key").env("XDG_CONFIG_HOME", &dir).output().unwrap();
    let (first, second) = (print(), print());
    assert!(first.status.success(), "{}", stderr(&first));
    assert_eq!(first.stdout, second.stdout);
    let secret = dir.join("unmask/evidence.key");
    assert_ne!(std::fs::read(&secret).unwrap(), first.stdout, "the secret is not what is printed");
    std::fs::write(&secret, "nonsense").unwrap();
    let broken = print();
    assert_eq!(broken.status.code(), Some(6));
    assert!(stderr(&broken).contains("evidence.key"), "{}", stderr(&broken));
}

#[test]
fn an_altered_bundle_is_refused_and_the_part_is_named() {
    let call = scanned("evidence-altered");
    let mut bytes = std::fs::read(&call.bundle).unwrap();
    let at = bytes.windows(15).rposition(|w| w == b"\"type\":\"verdict").unwrap();
    bytes[at] ^= 1;
    let altered = folder("evidence-altered").join("altered.evidence");
    std::fs::write(&altered, bytes).unwrap();
    let output = verify(&[&altered]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("ALTERED  records.jsonl"), "{}", stdout(&output));
    assert!(stderr(&output).contains("was altered: records.jsonl"), "{}", stderr(&output));
    let output = unmask(&["replay", altered.to_str().unwrap(), call.input.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    for (path, words) in [(&call.input, "is no evidence bundle"), (&altered.join("none"), "cannot read")] {
        let output = verify(&[path]);
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

/// The bundle of the same call with other records, or another start, in it; signed as the first.
fn forged(call: &Call, records: &str, start: &Start) -> PathBuf {
    let (lines, out) = (call.records.with_extension("forged.jsonl"), call.bundle.with_extension("forged.evidence"));
    std::fs::write(&lines, records).unwrap();
    let config = config();
    let (html, input) = (&b"page"[..], Some(call.input.as_path()));
    let content = Content { start, config: &config, records: &lines, html, stills: &[], input };
    make(&content, &SecretKey::open(&call.key).unwrap(), std::time::SystemTime::now(), &out).unwrap();
    out
}

#[test]
fn a_new_run_finds_the_same_or_says_what_is_different() {
    let call = scanned("evidence-replay");
    let replay = |bundle: &Path, input: &Path| unmask(&["replay", bundle.to_str().unwrap(), input.to_str().unwrap()]);
    let output = replay(&call.bundle, &call.input);
    let text = stdout(&output);
    assert!(output.status.success() && text.contains("equal") && text.contains("0.02"), "{text}{}", stderr(&output));
    assert!(!text.contains("context"), "same machine, same versions: {text}");

    let records = std::fs::read_to_string(&call.records).unwrap();
    let mut start = Timeline::read(records.as_bytes(), "x").unwrap().start;
    let claimed = records.replacen("\"result\":\"inconclusive\"", "\"result\":\"signs_found\"", 1);
    assert_ne!(claimed, records);
    let less: Vec<&str> = records.lines().enumerate().filter(|(i, _)| *i != 3).map(|(_, line)| line).collect();
    for (records, words) in [(claimed, "finding"), (less.join("\n"), "frame: only in the second")] {
        let output = replay(&forged(&call, &records, &start), &call.input);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.contains("differs") && text.contains(words) && text.contains("tolerance"), "{text}");
    }

    let other = clip(&folder("evidence-replay"), "other.mp4", &[common::H264, &["-crf", "30"]].concat());
    let output = replay(&call.bundle, &other);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("differs from byte 0"), "{}", stderr(&output));

    start.models[1].sha256 = "00".into();
    let output = replay(&forged(&call, &records, &start), &call.input);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("other networks") && stderr(&output).contains(&start.models[1].id));
}

#[test]
fn content_credentials_are_reported_and_their_absence_is_no_sign() {
    let dir = folder("evidence-c2pa");
    let call = h264(&dir);
    let records = scan(&call, &["--fps", "1"]);
    assert_eq!(records[0]["source"]["c2pa"], false);
    assert!(warnings(&records).is_empty());
    let uuid = [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];
    let bytes = [&std::fs::read(&call).unwrap()[..], &[0, 0, 0, 32], b"uuid", &uuid, b"manifest"].concat();
    let with = dir.join("with.mp4");
    std::fs::write(&with, bytes).unwrap();
    let records = scan(&with, &["--fps", "1"]);
    assert_eq!(records[0]["source"]["c2pa"], true);
    assert_eq!(warnings(&records), ["c2pa_present"]);
}
