//! The same person under several names, from outside: consent, groups, sealed prints, deletion.

mod common;

use std::path::Path;

use common::{H264, SPEECH, clip, folder, stderr, unmask};
use serde_json::Value;

fn linked(list: &Path, out: &Path, key: &Path, more: &[&str]) -> std::process::Output {
    let (list, out, key) = (list.to_str().unwrap(), out.to_str().unwrap(), key.to_str().unwrap());
    let fixed = ["scan", list, "--out", out, "--fps", "10", "--device", "cpu", "--link", "--link-key", key];
    unmask(&[&fixed[..], more].concat())
}

const CONSENT: &[&str] = &["--consent", "all three, by e-mail, 2 March"];

#[test]
fn one_face_under_two_names_is_a_group_and_leaves_nothing_readable() {
    let dir = folder("link");
    let (out, key) = (dir.join("out"), dir.join("link.key"));
    let _ = std::fs::remove_dir_all(&out);
    for name in ["a.mp4", "b.mp4"] {
        clip(&dir, name, H264);
    }
    std::fs::copy(SPEECH, dir.join("c.wav")).unwrap();
    let list = dir.join("calls.txt");
    std::fs::write(&list, "a.mp4\tAda\nb.mp4\tBob <b>\nc.wav\tCy\n").unwrap();
    let done = linked(&list, &out, &key, CONSENT);
    assert!(done.status.success(), "{}", stderr(&done));
    let links: Value = serde_json::from_slice(&std::fs::read(out.join("links.json")).unwrap()).unwrap();
    let groups = links["face"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{links}");
    let names: Vec<&str> =
        groups[0]["calls"].as_array().unwrap().iter().map(|c| c["candidate"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ada", "Bob <b>"]);
    assert_eq!(links["face"]["not_compared"], serde_json::json!(["c"]));
    let page = std::fs::read_to_string(out.join("links.html")).unwrap();
    assert!(page.contains("Bob &lt;b&gt;") && page.matches("data:image/jpeg").count() == 2);

    let again = linked(&list, &out, &key, CONSENT);
    assert!(stderr(&again).contains("0 done, 3 skipped"), "{}", stderr(&again));
    let other = linked(&list, &out, &dir.join("other.key"), CONSENT);
    assert_eq!(other.status.code(), Some(6), "{}", stderr(&other));

    let hidden = linked(&list, &out, &key, &[CONSENT, &["--redact=all"]].concat());
    assert!(hidden.status.success(), "{}", stderr(&hidden));
    let page = std::fs::read_to_string(out.join("links.html")).unwrap();
    assert!(page.contains("Bob &lt;b&gt;") && !page.contains("data:image/jpeg"), "all faces are unrecognisable");

    let gone = unmask(&["store", "delete", out.to_str().unwrap(), "a"]);
    let receipt: Value = serde_json::from_slice(&gone.stdout).unwrap();
    assert_eq!(receipt["calls"][0]["print"], true, "{receipt}");
    assert!(!out.join("links.html").exists() && !out.join("links.json").exists(), "they showed the face of a");
}

#[test]
fn without_consent_nothing_is_compared() {
    let dir = folder("link-consent");
    let out = dir.join("out");
    let refused = linked(&dir.join("none.txt"), &out, &dir.join("k"), &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--consent"), "{}", stderr(&refused));
    assert!(!out.join("links.json").exists() && !dir.join("k").exists());
    clip(&dir, "a.mp4", H264);
    let plain = unmask(&["scan", dir.join("a.mp4").to_str().unwrap(), "--out", out.to_str().unwrap(), "--fps", "2"]);
    assert!(plain.status.success() && !out.join("links.json").exists(), "it is off by default");
}
