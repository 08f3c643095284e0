//! Nothing leaves the machine: a scan under a system-call filter (Linux seccomp) that kills whatever asks for a
//! socket gives the records of a scan without it. Works for root and for plain users, in containers too; where filters
//! cannot be set, the test fails.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use common::{folder, h264, program, records, stderr, unmask};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Number of `socket`, without which there is no connection, and of `io_uring_setup`, by which one could be had
/// without it.
const DENIED: [i64; 2] = [if cfg!(target_arch = "x86_64") { 41 } else { 198 }, 425];

const SIGSYS: i32 = 31;

/// Runs the program so that any request for a socket, by it or by a library, kills it.
fn without_sockets(args: &[&str]) -> Output {
    let rules: BTreeMap<i64, Vec<_>> = DENIED.map(|call| (call, Vec::new())).into();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, arch).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    std::thread::scope(|scope| {
        // A filter holds for the thread that sets it, and for what that thread starts.
        let run = scope.spawn(|| {
            apply_filter(&filter).expect("seccomp filters can be set");
            program().args(args).output().unwrap()
        });
        run.join().unwrap()
    })
}

/// The records without the last, which says what the run cost.
fn comparable(output: &Output) -> Vec<serde_json::Value> {
    assert!(output.status.success(), "{:?} {}", output.status, stderr(output));
    let mut records = records(&output.stdout);
    records.pop();
    records
}

#[test]
fn a_scan_needs_no_socket_and_asks_for_none() {
    let call = h264(&folder("privacy"));
    let args = ["scan", call.to_str().unwrap(), "--format", "jsonl", "--device", "cpu", "--fps", "5"];
    assert_eq!(comparable(&without_sockets(&args)), comparable(&unmask(&args)));
}

#[test]
fn the_filter_bites() {
    let output = without_sockets(&["scan", "http://127.0.0.1:9/call.mp4", "--device", "cpu"]);
    assert_eq!(output.status.signal(), Some(SIGSYS), "{:?} {}", output.status, stderr(&output));
}
