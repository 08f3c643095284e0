//! Traces of the service, as a collector sees them.

mod common;
#[path = "common/service.rs"]
mod service;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::stderr;
use service::{call, command, fresh, start};

/// A collector: each body that is posted to `/v1/traces`.
fn collector() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                head += &line.to_ascii_lowercase();
                line.clear();
            }
            assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // Kept before it is answered: what waits for the answer may end with it.
            sender.send(body).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, bodies)
}

fn has(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[test]
fn requests_and_scans_are_told_to_a_collector() {
    let (address, bodies) = collector();
    let mut command = command(&fresh("traces"), &[]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).env("OTEL_SERVICE_NAME", "interviews").stderr(Stdio::null());
    let mut service = start(&mut command);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let sent = service.post("a-name.mp4", call(), &[("traceparent", &parent), ("Prefer", "wait=60")]);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(service.ended(&id)["state"], "done");
    assert!(Command::new("kill").args(["-TERM", &service.child.id().to_string()]).status().unwrap().success());
    assert!(service.child.wait().unwrap().success());
    let all: Vec<u8> = bodies.try_iter().flatten().collect();
    for word in ["interviews", "submit", "look", "scan", "http.response.status_code", &id] {
        assert!(has(&all, word.as_bytes()), "{word} in {}", String::from_utf8_lossy(&all));
    }
    let bytes: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&trace[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert!(has(&all, &bytes), "the sender's trace goes on");
    assert!(!has(&all, b"a-name") && !has(&all, b"scan begins"), "{}", String::from_utf8_lossy(&all));
}

#[test]
fn a_collector_that_is_gone_holds_nothing_up() {
    let (address, bodies) = collector();
    // It listens, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = silent.local_addr().unwrap();
    let mut command = command(&fresh("traces-gone"), &[]);
    let mut service = start(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{gone}")).stderr(Stdio::null()));
    let id = service.accept(call());
    assert_eq!(service.ended(&id)["state"], "done");
    let from = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &service.child.id().to_string()]).status().unwrap().success());
    assert!(service.child.wait().unwrap().success() && from.elapsed() < Duration::from_secs(20));
    // A scan has none, whatever the environment says.
    let mut scan = common::program();
    let scan = scan.args(["scan", "missing.mp4"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).output().unwrap();
    assert_eq!((scan.status.code(), bodies.try_iter().count()), (Some(3), 0), "{}", stderr(&scan));
    let mut wrong = self::command(&fresh("traces-wrong"), &[]);
    let wrong = wrong.env("OTEL_EXPORTER_OTLP_ENDPOINT", "no address").output().unwrap();
    assert!(wrong.status.code() == Some(2) && stderr(&wrong).contains("OTEL_EXPORTER_OTLP"), "{}", stderr(&wrong));
}
