//! The parent's side of one call. In: a job. Out: what its child said, and how it ended: done, interrupted, failed, or
//! crashed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::BatchError;
use super::worker::{Found, Job, Said};
use crate::error::ErrorKind;
use crate::media::{Cancel, Input, redact_uri};

/// How long a child that was ended by Ctrl-C waits for its parent to hear of it, too.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// SIGHUP, SIGINT, SIGTERM: somebody wants an end; the same signal comes to the parent.
const ENDING: [i32; 3] = [1, 2, 15];

/// Longest line of a child's log; what is longer becomes several.
const LONGEST_LINE: u64 = 4096;

/// SIGKILL.
const KILLED: i32 = 9;

/// The child that one supervising thread has.
#[derive(Default)]
pub struct Slot(Mutex<Option<Child>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the child, if there is one. Its files are whole or not there.
    pub fn kill(&self) {
        if let Some(child) = self.lock().as_mut() {
            // One that has just ended needs no kill.
            let _ = child.kill();
        }
    }
}

/// Scans in a child of its own, to which `media` are passed on if it is live; `None` when it was interrupted.
pub fn scan_in_child(
    program: &Path,
    job: &Job,
    slot: &Slot,
    stop: &Cancel,
    media: Option<Receiver<Vec<u8>>>,
    say: &mut dyn FnMut(Said),
) -> Result<Option<Found>, BatchError> {
    let failed = |source| BatchError::Spawn { source };
    let mut command = Command::new(program);
    command.arg("work").stdin(Stdio::piped()).stdout(Stdio::piped());
    if job.live {
        // Ctrl-C is for the parent, whose end lets a live call end in order.
        command.process_group(0);
    }
    if job.posted.is_some() {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn().map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let log = child.stderr.take().map(|stderr| pass_on(stderr, &job.name)).transpose().map_err(failed)?;
    *slot.lock() = Some(child);
    if stop.is_cancelled() {
        slot.kill();
    }
    let mut stdin = stdin;
    if let Some(stdin) = stdin.as_mut() {
        let line = serde_json::to_string(job).map_err(|e| failed(e.into()))? + "\n";
        // A child that is gone already says why by its status.
        let _ = stdin.write_all(line.as_bytes());
    }
    if let (Some(media), Some(stdin)) = (media, stdin.take_if(|_| job.live)) {
        let feeder = Builder::new().name("live-feed".into()).spawn(move || feed(&media, stdin));
        feeder.map_err(failed)?;
    }
    let mut last = None;
    if let Some(stdout) = stdout {
        listen(BufReader::new(stdout), &mut last, say);
    }
    let Some(mut child) = slot.lock().take() else { return Ok(None) };
    let status = child.wait().map_err(failed)?;
    // Only now: the child ends when its standard input does.
    drop(stdin);
    if let Some(log) = log {
        // It ends with the child, and says nothing that counts.
        let _ = log.join();
    }
    outcome(&job.input, last, status, stop)
}

/// Passes the media on until they end, or the child is gone; with this its standard input ends.
fn feed(media: &Receiver<Vec<u8>>, mut stdin: ChildStdin) {
    while let Ok(piece) = media.recv() {
        if stdin.write_all(&piece).is_err() {
            return;
        }
    }
}

/// What a child of the service has to say is logged under its call's id.
fn pass_on(stderr: ChildStderr, call: &str) -> std::io::Result<JoinHandle<()>> {
    let call = call.to_owned();
    Builder::new().name("child-log".into()).spawn(move || {
        let (mut from, mut line) = (BufReader::new(stderr), Vec::new());
        while matches!(from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line), Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&line);
            tracing::warn!(call, said = text.trim_end(), "from its scan");
            line.clear();
        }
    })
}

/// Passes on what is said until the child is gone, and keeps the last word.
fn listen(mut from: impl BufRead, last: &mut Option<Said>, say: &mut dyn FnMut(Said)) {
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(n) if n > 0) {
        match serde_json::from_slice(&line) {
            Ok(said @ (Said::Done { .. } | Said::Failed { .. })) => *last = Some(said),
            Ok(said) => say(said),
            // A library that prints is not the child's word.
            Err(_) => {}
        }
        line.clear();
    }
}

fn outcome(input: &str, last: Option<Said>, status: ExitStatus, stop: &Cancel) -> Result<Option<Found>, BatchError> {
    match last {
        Some(Said::Done { found }) => return Ok(Some(found)),
        Some(Said::Failed { message, code, stops_all }) => {
            let kind = ErrorKind::of_exit_code(code).unwrap_or(ErrorKind::Bug);
            return Err(BatchError::Call { message, kind, stops_all });
        }
        _ => {}
    }
    let signal = status.signal();
    let from = Instant::now();
    while signal.is_some_and(|s| ENDING.contains(&s)) && !stop.is_cancelled() && from.elapsed() < SAME_SIGNAL {
        std::thread::sleep(Duration::from_millis(20));
    }
    let input = Input::parse(input).map_or_else(|_| redact_uri(input), |input| input.shown());
    match signal {
        _ if stop.is_cancelled() => Ok(None),
        Some(KILLED) => Err(BatchError::Killed { input }),
        Some(signal) => Err(BatchError::Crashed { input, signal }),
        None => Err(BatchError::Silent { input, code: status.code().unwrap_or(-1) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let config = crate::Config::default();
        let (dir, name) = ("/nowhere".into(), "a".into());
        let (reports, redact) = (vec![crate::report::ReportKind::Html], crate::report::Redact::Others);
        let (key, posted, live, link, places) = (None, None, false, None, Default::default());
        Job { input: "a.mp4".into(), dir, name, reports, redact, key, posted, live, link, config, places }
    }

    /// A program that stands in for the child.
    fn program(dir: &Path, text: &str) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join("child");
        std::fs::write(&path, format!("#!/bin/sh\nread -r job\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn scan(text: &str) -> (Result<Option<Found>, BatchError>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), text);
        let mut said = 0;
        let scanned = scan_in_child(&program, &job(), &Slot::default(), &Cancel::default(), None, &mut |_| said += 1);
        (scanned, said)
    }

    #[test]
    fn a_crash_is_told_from_an_error_and_from_silence() {
        let (crashed, said) = scan("echo '{\"type\":\"reached\",\"at_s\":1.5}'; echo noise; kill -SEGV $$");
        let message = crashed.unwrap_err().to_string();
        assert!(message.contains("a.mp4") && message.contains("signal 11"), "{message}");
        assert_eq!(said, 1);
        let (killed, _) = scan("kill -KILL $$");
        assert!(killed.unwrap_err().to_string().contains("lower --jobs"));
        let (failed, _) = scan("echo '{\"type\":\"failed\",\"message\":\"m\",\"code\":4,\"stops_all\":false}'; exit 4");
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Limit);
        let (silent, _) = scan("exit 9");
        assert!(silent.unwrap_err().to_string().contains("exit code 9"));
    }

    #[test]
    fn the_job_is_one_line_that_a_child_understands() {
        let text = serde_json::to_string(&job()).unwrap();
        let read: Job = serde_json::from_str(&text).unwrap();
        assert_eq!(read.config.sha256(), job().config.sha256());
        assert!(!text.contains('\n'));
    }

    #[test]
    fn a_stopped_child_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), "sleep 30");
        let stop = Cancel::default();
        stop.cancel();
        let scanned = scan_in_child(&program, &job(), &Slot::default(), &stop, None, &mut |_| {});
        assert!(matches!(scanned, Ok(None)));
    }
}
