//! What tests of the service share: starting it, asking it, and what a webhook's receiver does.

#![allow(dead_code)] // each test binary uses a part

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{HandshakeError, Message, WebSocket};

use super::common::{H264, PORTRAIT, SPEECH, clip, ffmpeg, folder, program, stderr, unmask};

pub fn fresh(name: &str) -> PathBuf {
    let _ = std::fs::remove_dir_all(folder(name));
    folder(name)
}

/// Two seconds, made once.
pub fn call() -> &'static [u8] {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| std::fs::read(clip(tempfile::tempdir().unwrap().path(), "call.mp4", H264)).unwrap())
}

/// Long enough to be interrupted.
pub fn long() -> &'static [u8] {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.mp4");
        let input = ["-loop", "1", "-framerate", "30", "-i", PORTRAIT, "-stream_loop", "-1", "-i", SPEECH, "-t", "30"];
        ffmpeg(&[&input[..], H264, &["-preset", "ultrafast", path.to_str().unwrap()]].concat());
        std::fs::read(path).unwrap()
    })
}

pub struct Service {
    pub child: Child,
    pub address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn serve(dir: &Path, more: &[&str]) -> Service {
    start(command(dir, more).stderr(Stdio::null()))
}

/// A service whose log, with all it says about requests, goes into a file.
pub fn serve_logging(dir: &Path, more: &[&str], log: &Path) -> Service {
    let log = std::fs::File::create(log).unwrap();
    start(command(dir, more).env("UNMASK_LOG", "info").stderr(log))
}

pub fn command(dir: &Path, more: &[&str]) -> Command {
    let fps: &[&str] = if more.contains(&"--fps") { &[] } else { &["--fps", "2"] };
    let key = folder("service-key").join("evidence.key");
    let fixed = [
        "serve",
        "--evidence-key",
        key.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        dir.to_str().unwrap(),
        "--device",
        "cpu",
    ];
    let mut command = program();
    command.args(fixed).args(fps).args(more).stdout(Stdio::piped());
    command
}

pub fn start(command: &mut Command) -> Service {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (_, address) = line.trim().split_once("://").unwrap_or_else(|| panic!("no address: {line:?}"));
    let address = address.to_owned();
    Service { child, address }
}

/// Writes a file for `--keys`; its path.
pub fn key_file(dir: &Path, lines: &[&str]) -> String {
    let file = dir.join("keys");
    std::fs::write(&file, lines.join("\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A key as a request shows it, and its line for the file of keys.
pub fn key(what: &str) -> (String, String) {
    let made = unmask(&["serve", "--new-key", what]);
    let line = stderr(&made).lines().last().unwrap().to_owned();
    (format!("Bearer {}", String::from_utf8(made.stdout).unwrap().trim()), line)
}

pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Checks that it is a problem as RFC 9457 has it.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        let body = self.json();
        assert_eq!((&body["type"], &body["status"]), (&Value::from("about:blank"), &Value::from(status)));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["kind"].as_str().unwrap().is_empty());
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl Service {
    /// HTTP/1.0, so that a body ends with its connection.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.0\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        if !headers.iter().any(|(name, _)| *name == "Content-Length") {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A refusal may come before all of the body has gone.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer has a head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: bytes.split_off(end) }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, name: &str, bytes: &[u8], headers: &[(&str, &str)]) -> Reply {
        let start = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        let body = [start.as_bytes(), bytes, b"\r\n--x--\r\n"].concat();
        let kind = ("Content-Type", "multipart/form-data; boundary=x");
        self.send("POST", "/v1/calls", &[&[kind], headers].concat(), &body)
    }

    /// Opens a WebSocket; the status of the answer where that is refused.
    pub fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        match tungstenite::client(request, stream) {
            Ok((inner, _)) => Ok(Socket(inner)),
            Err(HandshakeError::Failure(tungstenite::Error::Http(refused))) => Err(refused.status().as_u16()),
            Err(e) => panic!("{path}: {e}"),
        }
    }

    /// Posts and gives the id.
    pub fn accept(&self, bytes: &[u8]) -> String {
        let reply = self.post("call.mp4", bytes, &[]);
        assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("location"), Some(format!("/v1/calls/{id}").as_str()));
        id
    }

    pub fn state(&self, id: &str) -> String {
        self.get(&format!("/v1/calls/{id}")).json()["state"].as_str().unwrap().to_owned()
    }

    /// The call once it has ended.
    pub fn ended(&self, id: &str) -> Value {
        let reply = self.send("GET", &format!("/v1/calls/{id}"), &[("Prefer", "wait=60")], b"");
        assert_eq!(reply.header("preference-applied"), Some("wait=60"));
        reply.json()
    }
}

/// A WebSocket as a client holds it.
pub struct Socket(pub WebSocket<TcpStream>);

impl Socket {
    /// What is told until it is closed, and the close's code.
    pub fn rest(mut self) -> (Vec<Value>, u16) {
        let mut told = Vec::new();
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => told.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (told, frame.unwrap().code.into()),
                _ => {}
            }
        }
    }
}

pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let from = Instant::now();
    while !done() {
        assert!(from.elapsed() < Duration::from_secs(60), "{what} took too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A scan as the service starts it, of this input; what it said.
pub fn work(dir: &Path, input: &Path) -> String {
    let config = unmask::Config::default();
    let job = serde_json::json!({
        "input": input, "dir": dir, "name": "a", "reports": ["html"], "redact": "none", "key": null, "link": null,
        "posted": { "shown": "a.mp4", "links": [] }, "config": config, "places": {},
    });
    let mut command = program();
    let mut child = command.arg("work").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{job}").unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    drop(stdin);
    child.wait().unwrap();
    said
}

/// Base64 of HMAC-SHA256 as a receiver of webhooks computes it, from a secret that begins with `whsec_`.
pub fn hmac(secret: &str, message: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::Mac;
    let key = STANDARD.decode(secret.trim().strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
