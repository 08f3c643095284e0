//! The service from outside: uploads, results, errors, keys, and what survives `kill -9`.

mod common;
#[path = "common/service.rs"]
mod service;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use common::{folder, records, stderr, unmask};
use serde_json::Value;
use service::{Service, call, fresh, key, key_file, long, serve, until};

#[test]
fn an_upload_becomes_records_and_a_report_and_is_deleted_with_a_receipt() {
    let dir = fresh("service-upload");
    let service = serve(&dir, &[]);
    let id = service.accept(call());
    let path = format!("/v1/calls/{id}");
    let events = String::from_utf8(service.get(&format!("{path}/events")).body).unwrap();
    assert!(events.contains("event: state\n") && events.matches("event: end\n").count() == 1, "{events}");
    let done = service.get(&path).json();
    assert_eq!((&done["state"], &done["attempts"], &done["source"]), (&"done".into(), &1.into(), &"call.mp4".into()));
    assert!(done["finding"]["overall"].is_string() && done["bytes"] == call().len());
    let all = service.get(&format!("{path}/records"));
    assert_eq!((all.status, all.header("content-type")), (200, Some("application/jsonl")));
    records(&all.body);
    let part = service.send("GET", &format!("{path}/records"), &[("Range", "bytes=10-19")], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &all.body[10..20]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 10-19/{}", all.body.len()).as_str()));
    service.send("GET", &format!("{path}/records"), &[("Range", "bytes=99999999-")], b"").problem(416);
    let report = service.get(&format!("{path}/report.html"));
    assert!(report.status == 200 && report.body.starts_with(b"<!DOCTYPE html>"));
    assert!(report.header("content-security-policy").unwrap().contains("connect-src 'none'"));
    assert!(String::from_utf8_lossy(&report.body).contains("href=\"evidence\""));
    assert_eq!(records(&all.body)[0]["source"]["uri"], "call.mp4", "no path of the server");
    let bundle = service.get(&format!("{path}/evidence"));
    assert_eq!((bundle.status, bundle.header("content-type")), (200, Some("application/x-tar")));
    let (kept, upload) = (folder("service-key").join("call.evidence"), dir.join(format!("uploads/{id}")));
    std::fs::write(&kept, &bundle.body).unwrap();
    let verified = unmask(&["verify", kept.to_str().unwrap(), "--input", upload.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    let metrics = String::from_utf8(service.get("/metrics").body).unwrap();
    for line in [
        "unmask_calls{state=\"done\"} 1",
        "unmask_scans_total{result=\"done\"} 1",
        "unmask_queue_depth 0",
        "unmask_frames_total 4",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}: {metrics}");
    }
    let health = service.get("/healthz").json();
    assert_eq!((&health["ok"], &health["provider"]), (&true.into(), &"cpu".into()));
    let receipt = service.send("DELETE", &path, &[], b"").json();
    let files: Vec<&str> =
        receipt["calls"][0]["files"].as_array().unwrap().iter().map(|f| f["file"].as_str().unwrap()).collect();
    assert_eq!(files, [format!("{id}.jsonl"), format!("{id}.html"), format!("{id}.evidence"), format!("uploads/{id}")]);
    service.get(&path).problem(404);
    service.send("DELETE", &path, &[], b"").problem(404);
    let left: Vec<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(
        left.iter()
            .all(|name| name.contains("unmask") || ["uploads", "audit.jsonl", "webhook.key"].contains(&name.as_str())),
        "{left:?}"
    );
    assert_eq!(std::fs::read_dir(dir.join("uploads")).unwrap().count(), 0);
}

#[test]
fn what_was_accepted_survives_kill_9_and_ends_once() {
    let dir = fresh("service-killed");
    let service = serve(&dir, &["--jobs", "1"]);
    let first = service.accept(call());
    assert_eq!(service.ended(&first)["state"], "done");
    let running = service.accept(long());
    let waiting: Vec<String> = (0..3).map(|_| service.accept(call())).collect();
    until("the long call", || dir.join(format!("{running}.jsonl.part")).exists());
    assert_eq!(service.state(&running), "running");
    service.send("DELETE", &format!("/v1/calls/{running}"), &[], b"").problem(409);
    service.get(&format!("/v1/calls/{running}/records")).problem(409);
    drop(service);
    std::fs::write(dir.join("uploads/.part-x"), b"half").unwrap();
    std::fs::write(dir.join("uploads/orphan"), b"never answered").unwrap();
    let service = serve(&dir, &["--jobs", "2", "--fps", "0.5"]);
    assert!(!dir.join("uploads/.part-x").exists() && !dir.join("uploads/orphan").exists());
    let attempts = |id: &str| {
        let call = service.ended(id);
        assert_eq!(call["state"], "done", "{call}");
        records(&service.get(&format!("/v1/calls/{id}/records")).body);
        call["attempts"].as_i64().unwrap()
    };
    assert_eq!((attempts(&first), attempts(&running)), (1, 2));
    assert_eq!(waiting.iter().map(|id| attempts(id)).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn ctrl_c_lets_a_running_call_wait_and_ends_events() {
    let dir = fresh("service-stopped");
    let mut service = serve(&dir, &["--jobs", "1"]);
    let id = service.accept(long());
    until("the long call", || service.state(&id) == "running");
    let address = service.address.clone();
    let path = format!("/v1/calls/{id}/events");
    let events = std::thread::Builder::new().spawn(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    });
    let socket = service.socket(&format!("/v1/calls/{id}/socket"), &[]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let pid = service.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(service.child.wait().unwrap().success());
    let (told, code) = socket.rest();
    assert!(told[0]["data"]["state"] == "running" && code == 1001, "{told:?}, then {code}");
    let text = events.unwrap().join().unwrap();
    assert!(text.contains("event: state") && !text.contains("event: end"), "{text}");
    let stored = String::from_utf8(unmask(&["store", "export", dir.to_str().unwrap()]).stdout).unwrap();
    let stored: Value = serde_json::from_str(stored.trim()).unwrap();
    assert_eq!((&stored["state"], &stored["name"]), (&"waiting".into(), &id.into()));
    assert!(!dir.join(format!("{}.jsonl.part", stored["name"].as_str().unwrap())).exists());
}

#[test]
fn one_idempotency_key_is_one_call_and_pages_join() {
    let service = serve(&fresh("service-once"), &["--jobs", "1"]);
    let key = [("Idempotency-Key", "abc")];
    let first = service.post("a.mp4", call(), &key);
    let again = service.post("a.mp4", call(), &key);
    assert_eq!(
        (first.json()["id"].clone(), again.header("idempotent-replayed")),
        (again.json()["id"].clone(), Some("true"))
    );
    service.post("a.mp4", b"something else", &key).problem(422);
    let waited = service.post("b.mp4", call(), &[("Prefer", "wait=60")]);
    assert_eq!((waited.status, &waited.json()["state"]), (200, &"done".into()));
    let one = service.get("/v1/calls?limit=1").json();
    assert_eq!(one["calls"][0]["source"], "b.mp4");
    let next = service.get(&format!("/v1/calls?limit=1&cursor={}", one["next"].as_str().unwrap())).json();
    assert_eq!((&next["calls"][0]["id"], &next["next"]), (&first.json()["id"], &Value::Null));
    let states =
        |state: &str| service.get(&format!("/v1/calls?state={state}")).json()["calls"].as_array().unwrap().len();
    assert_eq!((states("done"), states("failed")), (2, 0));
    let named = |query: &str| service.get(&format!("/v1/calls?{query}")).json()["calls"].as_array().unwrap().len();
    let result = waited.json()["finding"]["overall"].as_str().unwrap().to_owned();
    assert_eq!((named("name=A.mp"), named("name=%25"), named(&format!("result={result}"))), (1, 0, 2));
    for query in ["result=x", "limit=0", "state=x", "limit=201", "limit=x", "cursor=x", "page=1"] {
        service.get(&format!("/v1/calls?{query}")).problem(400);
    }
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let dir = fresh("service-full");
    let service = serve(&dir, &["--jobs", "1", "--queue", "1"]);
    let running = service.accept(long());
    until("the first call", || service.state(&running) == "running");
    let waiting = service.accept(call());
    let full = service.post("call.mp4", call(), &[]);
    full.problem(429);
    assert!(full.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    service.post("call.mp4", call(), &[("Idempotency-Key", "k")]).problem(429);
    assert_eq!(std::fs::read_dir(dir.join("uploads")).unwrap().count(), 2, "what was refused is not kept");
    assert_eq!(service.send("DELETE", &format!("/v1/calls/{waiting}"), &[], b"").status, 200);
    service.accept(call());
}

#[test]
fn what_is_wrong_is_answered_with_a_problem() {
    let dir = fresh("service-wrong");
    let config = dir.join("small.toml");
    std::fs::write(&config, "[limits]\nmax_bytes = 20000\n").unwrap();
    let data = dir.join("data");
    let service = serve(&data, &["--config", config.to_str().unwrap()]);
    let text = service.post("../../etc/pass\\wd.txt", b"no recording at all, but some text", &[]);
    let failed = service.ended(text.json()["id"].as_str().unwrap());
    assert_eq!((&failed["state"], &failed["source"]), (&"failed".into(), &"wd.txt".into()));
    let message = failed["error"].as_str().unwrap();
    assert!(message.starts_with("wd.txt: ") && !message.contains("uploads"), "{message}");
    service.get(&format!("/v1/calls/{}/records", failed["id"].as_str().unwrap())).problem(409);
    assert!(!dir.join("etc").exists() && !data.join("etc").exists());
    let large = vec![0; 30_000];
    assert!(service.post("a.mp4", &large, &[]).problem(413).contains("limits.max_bytes"));
    let declared = [("Content-Type", "multipart/form-data; boundary=x"), ("Content-Length", "99999999999")];
    service.send("POST", "/v1/calls", &declared, b"").problem(413);
    let form =
        |body: &[u8]| service.send("POST", "/v1/calls", &[("Content-Type", "multipart/form-data; boundary=x")], body);
    form(b"--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x--\r\n").problem(422);
    form(b"--x--\r\n").problem(422);
    form(b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf").problem(400);
    let json = |body: &[u8]| service.send("POST", "/v1/calls", &[("Content-Type", "application/json")], body);
    json(b"{").problem(400);
    json(b"{\"url\": 1}").problem(422);
    json(b"{\"uri\": \"http://169.254.169.254/latest\"}").problem(403);
    json(b"{\"uri\": \"file:///etc/passwd\"}").problem(403);
    service.send("POST", "/v1/calls", &[("Content-Type", "text/plain")], b"x").problem(415);
    service.send("PUT", "/v1/calls", &[], b"").problem(405);
    for path in
        ["/x", "/v1/calls/x", "/v1/calls/..%2f..%2fetc%2fpasswd", "/v1/calls/%ff/records", "/v1/calls/../unmask.db"]
    {
        let status = service.get(path).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
        service.get(path).problem(status);
    }
    service.send("GET", "/healthz", &[("Host", "evil.example")], b"").problem(421);
    service.send("DELETE", "/v1/calls/x", &[("Origin", "http://evil.example")], b"").problem(403);
    let left = std::fs::read_dir(data.join("uploads")).unwrap().count();
    assert_eq!(left, 1, "what was refused is not kept");
}

#[test]
fn addresses_are_scanned_where_they_are_allowed() {
    let dir = fresh("service-uri");
    std::fs::write(dir.join("call.mp4"), call()).unwrap();
    let service = serve(&dir.join("data"), &["--allow-uri", "http://127.0.0.1:9/calls/"]);
    let json = |service: &Service, uri: &str| {
        let body = format!("{{\"uri\": \"{uri}\"}}");
        service.send("POST", "/v1/calls", &[("Content-Type", "application/json")], body.as_bytes())
    };
    assert!(json(&service, "http://127.0.0.1:9/calls/a.mp4").problem(403).contains("own network"));
    assert!(json(&service, "http://127.0.0.1:9/calls/../a.mp4").problem(403).contains("--allow-uri"));
    let more = ["--allow-uri", "http://127.0.0.1:9/calls/", "--allow-private"];
    let service = serve(&dir.join("other"), &more);
    let reply = json(&service, "http://me:secret@127.0.0.1:9/calls/a.mp4?token=secret");
    let failed = service.ended(reply.json()["id"].as_str().unwrap());
    assert_eq!((&failed["state"], &failed["source"]), (&"failed".into(), &"http://127.0.0.1:9/calls/a.mp4".into()));
    assert!(!failed.to_string().contains("secret"), "{failed}");
}

#[test]
fn keys_open_what_their_scopes_say_and_every_route_asks_for_one() {
    let dir = fresh("service-keys");
    let open = unmask(&["serve", "--listen", "0.0.0.0:0", "--data-dir", dir.to_str().unwrap()]);
    assert_eq!(open.status.code(), Some(2));
    assert!(stderr(&open).contains("give --keys FILE"), "{}", stderr(&open));
    let ((submit, a), (read, b), (admin, c)) = (key("in:submit"), key("out:read"), key("it:admin"));
    let file = key_file(&dir, &[&a, &b, &c]);
    let service = serve(&dir.join("data"), &["--keys", &file]);
    let with = |method, path, key: &str| service.send(method, path, &[("Authorization", key)], b"").status;
    assert_eq!((with("GET", "/v1/calls", &read), with("GET", "/v1/calls", &admin)), (200, 200));
    assert_eq!((with("GET", "/v1/calls", &submit), with("POST", "/v1/calls", &read)), (403, 403));
    assert_eq!((with("POST", "/v1/calls", &submit), with("DELETE", "/v1/calls/x", &read)), (415, 403));
    assert_eq!(with("GET", "/v1/calls", "Bearer wrong"), 401);
    let document = service.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let reply = service.send(&method.to_uppercase(), &path.replace("{id}", &"0".repeat(32)), &[], b"");
            match operation.get("security") {
                Some(_) => assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{method} {path}"),
                None if *path == "/v1/session" && method != "get" => assert!(reply.status < 500, "{method} {path}"),
                None => assert_eq!(reply.status, 200, "{method} {path}"),
            }
            routes.push(format!("{method} {path}"));
        }
    }
    assert_eq!(routes.len(), 18, "{routes:?}");
}
