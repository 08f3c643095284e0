//! Many calls from outside: isolation, resumption, what is skipped, the index, and deletion.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{H264, PORTRAIT, SPEECH, clip, ffmpeg, folder, program, records, stderr, unmask};
use serde_json::Value;

/// A folder of this test's own, empty.
fn fresh(name: &str) -> PathBuf {
    let _ = std::fs::remove_dir_all(folder(name));
    folder(name)
}

/// A call of two seconds, made once.
fn call() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| clip(&folder("batch-clips"), "call.mp4", H264)).clone()
}

/// A call that takes long enough to be interrupted; `seconds` of it.
fn long(path: &Path, seconds: &str) {
    let input = ["-loop", "1", "-framerate", "30", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", seconds];
    ffmpeg(&[&input[..], H264, &["-preset", "ultrafast", path.to_str().unwrap()]].concat());
}

fn copy(to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(call(), to).unwrap();
}

fn args<'a>(input: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let fps: &[&str] = if more.contains(&"--fps") { &[] } else { &["--fps", "2"] };
    let fixed = ["scan", input.to_str().unwrap(), "--out", out.to_str().unwrap(), "--device", "cpu"];
    [&fixed[..], fps, more].concat()
}

fn scan(input: &Path, out: &Path, more: &[&str]) -> Output {
    unmask(&args(input, out, more))
}

fn start(input: &Path, out: &Path, more: &[&str]) -> Child {
    program().args(args(input, out, more)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn last_line(output: &Output) -> String {
    stderr(output).lines().last().unwrap_or_default().to_owned()
}

/// What the store says, by name.
fn store(out: &Path) -> BTreeMap<String, Value> {
    let output = unmask(&["store", "export", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let calls = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    calls.map(|call| (call["name"].as_str().unwrap().to_owned(), call)).collect()
}

fn index(out: &Path) -> String {
    std::fs::read_to_string(out.join("index.csv")).unwrap()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let from = Instant::now();
    while !done() {
        assert!(from.elapsed() < Duration::from_secs(60), "{what} took too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that `parent` has started.
fn children(parent: &Child) -> Vec<String> {
    let pid = parent.id().to_string();
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &pid]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

fn kill(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

#[test]
fn broken_files_do_not_stop_the_others_and_the_index_lists_all() {
    let dir = fresh("batch-broken");
    copy(&dir.join("in/a.mp4"));
    copy(&dir.join("in/sub/=b.mp4"));
    std::fs::write(dir.join("in/empty.mp4"), b"").unwrap();
    std::fs::write(dir.join("in/noise.mkv"), [7; 9000]).unwrap();
    std::fs::write(dir.join("in/readme.md"), b"no call").unwrap();
    let output = scan(&dir.join("in"), &dir.join("out"), &["--report", "csv,vtt,json", "--jobs", "2"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("empty.mp4: is empty: record or copy it again"), "{}", stderr(&output));
    assert!(last_line(&output).starts_with("2 done, 0 skipped, 2 failed: "), "{}", stderr(&output));
    let out = dir.join("out");
    for file in ["a.jsonl", "a.csv", "a.vtt", "a.summary.json", "=b.jsonl", "index.html"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    records(&std::fs::read(out.join("a.jsonl")).unwrap());
    let index = index(&out);
    assert_eq!(index.lines().count(), 5, "{index}");
    assert!(index.lines().any(|l| l.starts_with("'=b,")), "no cell is a formula: {index}");
    assert!(index.lines().nth(1).unwrap().contains(",failed,"), "what failed is on top of what is clear: {index}");
    assert!(!out.join("a.jsonl.part").exists());
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let dir = fresh("batch-killed");
    for i in 0..4 {
        copy(&dir.join(format!("in/call-{i}.mp4")));
    }
    long(&dir.join("in/call-9-long.mp4"), "60");
    std::fs::write(dir.join("in/call-5.mp4"), b"").unwrap();
    let (input, out) = (dir.join("in"), dir.join("out"));
    let mut child = start(&input, &out, &["--jobs", "1"]);
    until("the long call", || out.join("call-9-long.jsonl.part").exists());
    let worker = children(&child).pop().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    until("the child's end", || !Path::new(&format!("/proc/{worker}")).exists());
    assert!(!out.join("call-9-long.jsonl").exists() && out.join("call-0.jsonl").exists());
    let again = scan(&input, &out, &["--jobs", "2"]);
    assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
    assert!(last_line(&again).starts_with("1 done, 4 skipped, 1 failed: "), "{}", stderr(&again));
    let calls = store(&out);
    let attempts = |name: &str| calls[name]["attempts"].as_i64().unwrap();
    assert_eq!((attempts("call-0"), attempts("call-3"), attempts("call-9-long")), (1, 1, 2));
    assert!(!out.join("call-9-long.jsonl.part").exists());
    let unbroken = scan(&input, &dir.join("other"), &["--jobs", "2"]);
    assert_eq!(unbroken.status.code(), Some(3));
    assert_eq!(index(&out), index(&dir.join("other")));
    let html = |out: &Path| std::fs::read_to_string(out.join("index.html")).unwrap();
    assert_eq!(html(&out), html(&dir.join("other")));
}

#[test]
fn ctrl_c_keeps_what_is_done_and_leaves_the_rest() {
    let dir = fresh("batch-interrupt");
    copy(&dir.join("in/a.mp4"));
    long(&dir.join("in/b.mp4"), "60");
    copy(&dir.join("in/c.mp4"));
    let (input, out) = (dir.join("in"), dir.join("out"));
    let child = start(&input, &out, &["--jobs", "1"]);
    until("the long call", || out.join("b.jsonl.part").exists());
    kill("-INT", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(last_line(&output).starts_with("1 done, 0 skipped, 0 failed: "), "{}", stderr(&output));
    assert!(!out.join("b.jsonl").exists() && !out.join("b.jsonl.part").exists());
    let index = index(&out);
    assert_eq!(index.lines().filter(|l| l.contains(",waiting,")).count(), 2, "{index}");
    let states: Vec<Value> = store(&out).values().map(|c| c["state"].clone()).collect();
    assert_eq!(states, ["done", "waiting", "waiting"]);
}

#[test]
fn a_crash_takes_no_other_call_with_it() {
    let dir = fresh("batch-crash");
    long(&dir.join("a.mp4"), "60");
    copy(&dir.join("b.mp4"));
    let list = dir.join("calls.txt");
    std::fs::write(&list, "# both\na.mp4\nb.mp4\n").unwrap();
    let out = dir.join("out");
    let child = start(&list, &out, &["--jobs", "1"]);
    until("the first call", || out.join("a.jsonl.part").exists());
    kill("-ABRT", &children(&child)[0]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(70), "{}", stderr(&output));
    assert!(stderr(&output).contains("a.mp4: the analysis crashed (signal 6)"), "{}", stderr(&output));
    assert!(last_line(&output).starts_with("1 done, 0 skipped, 1 failed: "), "{}", stderr(&output));
    records(&std::fs::read(out.join("b.jsonl")).unwrap());
}

#[test]
fn only_what_has_changed_is_scanned_again() {
    let dir = fresh("batch-changed");
    let (input, out) = (dir.join("in"), dir.join("out"));
    copy(&input.join("a.mp4"));
    copy(&input.join("x/call.mp4"));
    copy(&input.join("y/call.mp4"));
    let tally = |more: &[&str]| last_line(&scan(&input, &out, more)).split(':').next().unwrap().to_owned();
    assert_eq!(tally(&[]), "3 done, 0 skipped, 0 failed");
    let inputs = || store(&out).into_iter().map(|(name, c)| (name, c["input"].clone())).collect::<BTreeMap<_, _>>();
    let names = inputs();
    assert!(names["call"].as_str().unwrap().contains("/x/") && names["call-2"].as_str().unwrap().contains("/y/"));
    assert_eq!(tally(&[]), "0 done, 3 skipped, 0 failed");
    clip(&input, "a.mp4", &[H264, &["-vf", "negate"]].concat());
    assert_eq!(tally(&[]), "1 done, 2 skipped, 0 failed");
    std::fs::remove_file(out.join("call.jsonl")).unwrap();
    assert_eq!(tally(&[]), "1 done, 2 skipped, 0 failed", "a result that is gone is made again");
    assert_eq!(tally(&["--report", "vtt"]), "3 done, 0 skipped, 0 failed", "a new report needs a scan");
    assert_eq!(tally(&["--report", "vtt"]), "0 done, 3 skipped, 0 failed");
    assert_eq!(tally(&["--report", "vtt", "--fps", "1"]).as_str(), "3 done, 0 skipped, 0 failed");
    assert_eq!(tally(&["--fps", "1", "--again"]), "3 done, 0 skipped, 0 failed");
    assert_eq!(inputs(), names, "names stay");
}

#[test]
fn two_runs_on_one_folder_are_refused() {
    let dir = fresh("batch-lock");
    long(&dir.join("a.mp4"), "60");
    let out = dir.join("out");
    let mut child = start(&dir.join("a.mp4"), &out, &[]);
    until("the first run", || out.join("a.jsonl.part").exists());
    let second = scan(&dir.join("a.mp4"), &out, &[]);
    assert_eq!(second.status.code(), Some(7));
    assert!(stderr(&second).contains("another unmask works in this folder"), "{}", stderr(&second));
    assert_eq!(store(&out)["a"]["state"], "running", "looking is always possible");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn results_are_listed_and_deleted_with_a_receipt() {
    let dir = fresh("batch-store");
    copy(&dir.join("in/a.mp4"));
    copy(&dir.join("in/b.mp4"));
    let out = dir.join("out");
    let text = out.to_str().unwrap();
    assert!(scan(&dir.join("in"), &out, &["--report", "csv", "--keep-days", "30"]).status.success());
    let list = String::from_utf8(unmask(&["store", "list", text]).stdout).unwrap();
    assert!(list.contains("| a ") && list.contains("done"), "{list}");
    let json: Value = serde_json::from_slice(&unmask(&["store", "list", text, "--json"]).stdout).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[1]["reports"][0]), (2, &Value::from("csv")));
    let receipt: Value = serde_json::from_slice(&unmask(&["store", "delete", text, "a"]).stdout).unwrap();
    let files = receipt["calls"][0]["files"].as_array().unwrap();
    assert_eq!(files.iter().map(|f| f["file"].as_str().unwrap()).collect::<Vec<_>>(), ["a.jsonl", "a.csv"]);
    assert!(files.iter().all(|f| f["sha256"].as_str().unwrap().len() == 64));
    assert!(!out.join("a.csv").exists() && out.join("b.csv").exists());
    assert!(!index(&out).contains("/a.mp4"), "it is gone from the index, too");
    assert_eq!(unmask(&["store", "delete", text, "a"]).status.code(), Some(2));
    let young: Value = serde_json::from_slice(&unmask(&["store", "gc", text]).stdout).unwrap();
    assert_eq!(young["calls"], Value::Array(vec![]), "30 days are kept");
    let old: Value = serde_json::from_slice(&unmask(&["store", "gc", text, "--keep-days", "0"]).stdout).unwrap();
    assert_eq!(old["calls"][0]["name"], "b");
    assert_eq!(unmask(&["store", "list", dir.to_str().unwrap()]).status.code(), Some(2));
}

#[test]
fn options_of_a_batch_need_a_folder() {
    for option in ["--report=html", "--jobs=2", "--again", "--keep-days=1"] {
        let output = unmask(&["scan", "a.mp4", option]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(stderr(&output).contains("--out"), "{option}: {}", stderr(&output));
    }
    let out = fresh("batch-stdin");
    let output = scan(Path::new("-"), &out, &["a.mp4"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("scan it alone"));
}

#[test]
fn standard_input_can_go_into_a_folder() {
    let out = fresh("batch-pipe");
    let file = std::fs::File::open(call()).unwrap();
    let output = program().args(args(Path::new("-"), &out, &[])).stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    records(&std::fs::read(out.join("stdin.jsonl")).unwrap());
    assert!(index(&out).contains("stdin,standard input,done,"));
}
