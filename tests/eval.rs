//! `unmask eval` from outside: a manifest in, error rates out.

mod common;

use std::path::Path;

use common::{clip, folder, stderr, unmask};
use serde_json::Value;

fn manifest(dir: &Path, rows: &str) -> String {
    let path = dir.join("manifest.csv");
    std::fs::write(&path, rows).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn labelled_clips_get_figures_and_one_bad_file_stops_nothing() {
    let dir = folder("eval");
    for (name, shrink) in [("a.mp4", "scale=640:384"), ("b.mp4", "scale=320:192,scale=640:384")] {
        clip(&dir, name, &[&["-vf", shrink], common::H264].concat());
    }
    std::fs::write(dir.join("c.mp4"), "no recording").unwrap();
    let rows = "path,label,method,person\na.mp4,real,,ann\nb.mp4,fake,swap:none,ann\nc.mp4,fake,swap:none,bob\n";
    let manifest = manifest(&dir, rows);
    let output = unmask(&["eval", &manifest, "--device", "cpu", "--json", "--jobs", "2"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "unmask-eval/1");
    let failed = report["failed"].as_array().unwrap();
    assert!(failed.len() == 1 && failed[0]["path"].as_str().unwrap().ends_with("c.mp4"), "{failed:?}");
    let clips = report["clips"].as_array().unwrap();
    assert_eq!(clips.iter().map(|c| c["label"].as_str().unwrap()).collect::<Vec<_>>(), ["real", "fake"]);
    let face = &report["figures"][0];
    let p = |i: usize| clips[i]["face"]["p_masked"].as_f64().unwrap();
    let expected = if p(1) > p(0) { 1.0 } else { 0.0 };
    assert_eq!(face["auc"]["value"].as_f64(), Some(expected), "one pair is in order or not");
    assert_eq!((face["real"].as_u64(), face["fakes"].as_u64()), (Some(1), Some(1)));
    let models: Vec<&str> =
        report["tool"]["models"].as_array().unwrap().iter().filter_map(|m| m["task"].as_str()).collect();
    assert!(models.contains(&"face_score"), "{models:?}");

    let output = unmask(&["eval", &manifest, "--device", "cpu"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["FACE: 1 genuine and 1 masked", "AUC by clip", "BPCER", "swap:none", "not scanned", "c.mp4"] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

#[test]
fn a_manifest_that_says_nothing_usable_is_refused() {
    let dir = folder("eval-bad");
    let no_label = manifest(&dir, "path,label\na.mp4,perhaps\n");
    let output = unmask(&["eval", &no_label]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 2") && stderr(&output).contains("real or fake"), "{}", stderr(&output));
    assert_eq!(unmask(&["eval", "/no/manifest.csv"]).status.code(), Some(2));
}
