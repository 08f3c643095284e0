//! The service under attack: each row is what somebody may try, and the answer it must get. No recording that is sent makes
//! the service ask anybody else; no tenant sees another's calls; nothing that was sent shows up as something else.

mod common;
#[path = "common/service.rs"]
mod service;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use common::{folder, unmask};
use serde_json::Value;
use service::{Service, call, fresh, key, key_file, long, serve, until};
use tungstenite::Message;

/// A server that must not be asked.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn was_asked(listener: &TcpListener) -> bool {
    !matches!(listener.accept(), Err(e) if e.kind() == ErrorKind::WouldBlock)
}

/// What leads elsewhere, as a file.
fn leading_to(port: u16) -> Vec<(&'static str, Vec<u8>)> {
    let to = format!("http://127.0.0.1:{port}/a.ts");
    let hls = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{to}\n#EXT-X-ENDLIST\n");
    let dash = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT2S\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet \
         mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>{to}</BaseURL></Representation>\
         </AdaptationSet></Period></MPD>"
    );
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:rtsp://127.0.0.1:{port}/\r\n");
    let wide = format!("\u{feff}{hls}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("HLS", hls.clone().into_bytes()),
        ("HLS behind blanks", format!("\n\n  {hls}").into_bytes()),
        ("HLS in UTF-16", wide),
        ("DASH", dash.into_bytes()),
        ("SDP", sdp.into_bytes()),
        ("a list of addresses", to.into_bytes()),
        ("pls", format!("[playlist]\nFile1=http://127.0.0.1:{port}/\n").into_bytes()),
    ]
}

#[test]
fn what_leads_elsewhere_is_refused_and_nobody_is_asked() {
    let (listener, port) = silent();
    let service = serve(&fresh("attacks-playlists"), &[]);
    for (what, bytes) in leading_to(port) {
        let detail = service.post("call.mp4", &bytes, &[]).problem(422);
        assert!(detail.contains("leads elsewhere"), "{what}: {detail}");
    }
    assert!(!was_asked(&listener));
}

/// Also where the first look at a file is deceived: the scan itself has no network and knows no playlists.
#[test]
fn a_scan_of_what_was_sent_asks_nobody() {
    let (listener, port) = silent();
    let dir = fresh("attacks-scan");
    for (i, (what, bytes)) in leading_to(port).into_iter().enumerate() {
        let path = dir.join(format!("{i}.m3u8"));
        std::fs::write(&path, bytes).unwrap();
        let said = service::work(&dir, &path);
        assert!(said.contains("\"failed\""), "{what}: {said}");
    }
    let said = service::work(&dir, std::path::Path::new(&format!("http://127.0.0.1:{port}/a.mp4")));
    assert!(said.contains("\"failed\""), "{said}");
    assert!(!was_asked(&listener));
}

/// Answers every request with this, and counts them.
fn server(answer: impl Fn(u16) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer(port));
        }
    };
    std::thread::Builder::new().spawn(serve).unwrap();
    port
}

fn send_uri(service: &Service, uri: &str, key: &[(&str, &str)]) -> service::Reply {
    let body = serde_json::json!({ "uri": uri }).to_string();
    let kind = [("Content-Type", "application/json")];
    service.send("POST", "/v1/calls", &[&kind[..], key].concat(), body.as_bytes())
}

#[test]
fn addresses_are_fetched_and_lead_nowhere_else() {
    let (listener, inside) = silent();
    let recording = server(|_| [&b"HTTP/1.0 200 OK\r\n\r\n"[..], call()].concat());
    let away = server(move |_| format!("HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:{inside}/a\r\n\r\n").into());
    let list = server(move |_| format!("HTTP/1.0 200 OK\r\n\r\n#EXTM3U\nhttp://127.0.0.1:{inside}/a.ts\n").into());
    let round = server(|port| format!("HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:{port}/a\r\n\r\n").into());
    let allow = [recording, away, list, round].map(|port| format!("http://127.0.0.1:{port}/"));
    let mut more = vec!["--allow-private"];
    allow.iter().for_each(|prefix| more.extend(["--allow-uri", prefix]));
    let service = serve(&fresh("attacks-fetch"), &more);
    let ended = |port: u16| {
        let reply = send_uri(&service, &format!("http://127.0.0.1:{port}/calls/a.mp4"), &[]);
        service.ended(reply.json()["id"].as_str().unwrap())
    };
    let done = ended(recording);
    assert_eq!((&done["state"], &done["bytes"]), (&"done".into(), &call().len().into()), "{done}");
    for (port, why) in [(away, "--allow-uri"), (list, "leads elsewhere"), (round, "leads on and on")] {
        let failed = ended(port);
        assert_eq!(failed["state"], "failed");
        assert!(failed["error"].as_str().unwrap().contains(why), "{failed}");
    }
    assert!(!was_asked(&listener));
}

#[test]
fn no_address_of_the_own_network_is_asked() {
    let (listener, port) = silent();
    let allow =
        [format!("http://localhost:{port}/"), format!("http://[::1]:{port}/"), "http://169.254.169.254/".into()];
    let mut more = Vec::new();
    allow.iter().for_each(|prefix| more.extend(["--allow-uri", prefix.as_str()]));
    let service = serve(&fresh("attacks-inside"), &more);
    for prefix in &allow {
        assert!(send_uri(&service, &format!("{prefix}a.mp4"), &[]).problem(403).contains("own network"), "{prefix}");
        let hook = serde_json::json!({ "uri": "http://example.org/", "webhook": prefix }).to_string();
        service.send("POST", "/v1/calls", &[("Content-Type", "application/json")], hook.as_bytes()).problem(403);
    }
    let hook = format!("http://127.0.0.1:{port}/");
    let body = [
        format!("--x\r\nContent-Disposition: form-data; name=\"webhook\"\r\n\r\n{hook}\r\n").as_bytes(),
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        call(),
        b"\r\n--x--\r\n",
    ]
    .concat();
    let kind = [("Content-Type", "multipart/form-data; boundary=x")];
    let refused = service.send("POST", "/v1/calls", &kind, &body).problem(422);
    assert!(refused.contains("--webhook-allow-private"), "{refused}");
    assert!(!was_asked(&listener));
}

#[test]
fn a_tenant_never_sees_anothers_calls() {
    let dir = fresh("attacks-tenants");
    let ((one, a), (two, b), (ops, c)) = (key("a@one:admin"), key("b@two:admin"), key("ops:read"));
    let file = key_file(&dir, &[&a, &b, &c]);
    let data = dir.join("data");
    let service = serve(&data, &["--keys", &file]);
    let secret =
        service.post("a.mp4", call(), &[("Authorization", &one), ("Idempotency-Key", "k"), ("Prefer", "wait=60")]);
    assert_eq!(secret.json()["state"], "done");
    let id = secret.json()["id"].as_str().unwrap().to_owned();
    let ask = |method: &str, path: &str, key: &str| service.send(method, path, &[("Authorization", key)], b"");
    let call_path = format!("/v1/calls/{id}");
    for rest in ["", "/records", "/report.html", "/evidence", "/events"] {
        ask("GET", &format!("{call_path}{rest}"), &two).problem(404);
        assert_eq!(ask("GET", &format!("{call_path}{rest}"), &one).status, 200, "{rest}");
    }
    ask("DELETE", &call_path, &two).problem(404);
    let listed = |key: &str| ask("GET", "/v1/calls", key).json()["calls"].as_array().unwrap().len();
    assert_eq!((listed(&one), listed(&two), listed(&ops)), (1, 0, 0));
    let other = service.post("b.mp4", b"no recording", &[("Authorization", &two), ("Idempotency-Key", "k")]);
    assert_ne!(other.json()["id"], id.as_str(), "another's Idempotency-Key is none");
    ask("GET", "/metrics", &one).problem(403);
    assert_eq!(ask("GET", "/metrics", &ops).status, 200);
    assert_eq!(ask("DELETE", &call_path, &one).status, 200);
    let log = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    let rows: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |who: &str, action: &str, status: u16| {
        rows.iter()
            .any(|r| r["who"] == who && r["action"] == action && r["status"] == status && r["call"] == id.as_str())
    };
    assert!(has("a", "submit", 200) && has("b", "delete", 404) && has("a", "delete", 200), "{log}");
    for secret in [&one, &two, &ops] {
        assert!(!log.contains(secret.trim_start_matches("Bearer ")) && !log.contains("a.mp4"));
    }
}

#[test]
fn names_and_headers_stay_what_they_are() {
    let service = serve(&fresh("attacks-names"), &[]);
    for (name, shown) in [
        ("../../../etc/passwd", "passwd"),
        ("..%2f..%2fetc%2fpasswd", "..%2f..%2fetc%2fpasswd"),
        ("<img src=x onerror=alert(1)>.mp4", "<img src=x onerror=alert(1)>.mp4"),
        ("=cmd|' .mp4", "=cmd|' .mp4"),
        ("a\u{202e}4pm.exe", "a4pm.exe"),
    ] {
        let reply = service.post(name, call(), &[("Prefer", "wait=60")]).json();
        assert_eq!((&reply["source"], &reply["state"]), (&shown.into(), &"done".into()), "{name}");
        let report = service.get(&format!("/v1/calls/{}/report.html", reply["id"].as_str().unwrap()));
        let page = String::from_utf8(report.body.clone()).unwrap();
        assert!(!page.contains("<img src=x") && page.contains("Content-Security-Policy"));
        assert!(report.header("content-security-policy").unwrap().contains("frame-ancestors 'self'"));
        let (_, named) = report.header("content-disposition").unwrap().split_once("filename=").unwrap();
        assert_eq!(
            named,
            format!("\"{}.html\"", reply["id"].as_str().unwrap()),
            "named by the call, not by its sender"
        );
    }
    for (method, path, header, status) in [
        ("GET", "/v1/calls/..%2f..%2funmask.db", ("X", "y"), 404),
        ("GET", "/v1/calls/%00/records", ("X", "y"), 404),
        ("GET", "/../unmask.db", ("X", "y"), 404),
        ("GET", "/audit.jsonl", ("X", "y"), 404),
        ("GET", "/v1/calls?cursor=1%20OR%201=1", ("X", "y"), 400),
        ("GET", "/v1/calls?state=done'--", ("X", "y"), 400),
        ("GET", "/healthz", ("Host", "evil.example"), 421),
        ("DELETE", "/v1/calls/x", ("Origin", "http://evil.example"), 403),
        ("DELETE", "/v1/calls/x", ("Origin", "null"), 403),
        ("TRACE", "/v1/calls", ("X", "y"), 405),
    ] {
        let reply = service.send(method, path, &[header], b"");
        reply.problem(status);
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{method} {path}");
    }
    let split = service.send("GET", "/v1/calls/x%0d%0aX-Evil:%201", &[], b"");
    assert!(split.status >= 400 && split.header("x-evil").is_none());
}

#[test]
fn a_browser_that_signed_in_is_no_tool_of_other_sites() {
    let dir = fresh("attacks-session");
    let (hr, line) = key("hr@acme:admin");
    let file = key_file(&dir, &[&line]);
    let data = dir.join("data");
    let service = serve(&data, &["--keys", &file]);
    let secret = hr.trim_start_matches("Bearer ");
    let body = serde_json::json!({ "key": secret }).to_string();
    let json = ("Content-Type", "application/json");
    let sign_in = |headers: &[(&str, &str)], body: &str| service.send("POST", "/v1/session", headers, body.as_bytes());
    sign_in(&[json], "{\"key\": \"wrong\"}").problem(401);
    sign_in(&[("Content-Type", "text/plain")], &body).problem(415);
    sign_in(&[json, ("Origin", "http://evil.example")], &body).problem(403);
    let signed_in = sign_in(&[json], &body);
    assert_eq!(
        (signed_in.status, &signed_in.json()["name"], &signed_in.json()["tenant"]),
        (200, &"hr".into(), &"acme".into())
    );
    let set = signed_in.header("set-cookie").unwrap().to_owned();
    assert!(set.contains("HttpOnly; SameSite=Strict") && !set.contains(secret), "{set}");
    let cookie = ("Cookie", set.split(';').next().unwrap());
    assert_eq!(service.send("GET", "/v1/calls", &[cookie], b"").status, 200);
    let own = format!("http://{}", service.address);
    for (origin, status) in
        [(None, 403), (Some("http://evil.example"), 403), (Some("null"), 403), (Some(own.as_str()), 404)]
    {
        let headers: Vec<_> = [cookie].into_iter().chain(origin.map(|o| ("Origin", o))).collect();
        service.send("DELETE", &format!("/v1/calls/{}", "0".repeat(32)), &headers, b"").problem(status);
    }
    // What a socket says is no secret from the page that opened it, so only pages of ours may.
    let socket =
        |headers: &[(&str, &str)]| service.socket(&format!("/v1/calls/{}/socket", "0".repeat(32)), headers).err();
    for (headers, status) in [
        (&[][..], 401),
        (&[cookie], 403),
        (&[cookie, ("Origin", "http://evil.example")], 403),
        (&[cookie, ("Origin", "null")], 403),
        (&[cookie, ("Origin", &own)], 404),
        (&[("Authorization", hr.as_str())], 404),
    ] {
        assert_eq!(socket(headers), Some(status), "{headers:?}");
    }
    let forged = ("Cookie", "unmask_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    service.send("GET", "/v1/calls", &[forged], b"").problem(401);
    let both = [cookie, ("Authorization", "Bearer wrong")];
    service.send("GET", "/v1/calls", &both, b"").problem(401);
    assert_eq!(service.send("DELETE", "/v1/session", &[cookie, ("Origin", &own)], b"").status, 204);
    service.send("GET", "/v1/calls", &[cookie], b"").problem(401);
    let mut wrong = 0;
    while sign_in(&[json], "{\"key\": \"wrong\"}").status == 401 {
        wrong += 1;
        assert!(wrong < 100, "wrong keys are counted");
    }
    let log = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    let rows: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |who: &str, action: &str, status: u16| {
        rows.iter().any(|r| r["who"] == who && r["action"] == action && r["status"] == status)
    };
    assert!(has("hr", "sign_in", 200) && has("", "sign_in", 401) && has("hr", "sign_out", 204), "{log}");
    assert!(!log.contains(secret) && !log.contains(cookie.1.split_once('=').unwrap().1));
}

/// A certificate for `localhost` that nobody has signed but itself, and its key.
fn certificate(dir: &std::path::Path) -> (String, String) {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let (cert, key) = (cert.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned());
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext \
                subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -out";
    let made = std::process::Command::new("openssl").args(args.split(' ')).args([&cert, "-keyout", &key]).output();
    let made = made.expect("openssl is installed by scripts/setup");
    assert!(made.status.success(), "{}", common::stderr(&made));
    (cert, key)
}

#[test]
fn tls_is_spoken_and_plain_http_is_not() {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let dir = fresh("attacks-tls");
    let (cert, secret) = certificate(&dir);
    let (hr, line) = key("hr:admin");
    let file = key_file(&dir, &[&line]);
    let tls = ["--tls-cert", &cert, "--tls-key", &secret, "--keys", &file];
    let service = serve(&dir.join("data"), &tls);
    let address = format!("https://{}", service.address.replace("127.0.0.1", "localhost"));
    let agent = |roots: RootCerts| {
        let tls = TlsConfig::builder().root_certs(roots).build();
        ureq::Agent::new_with_config(ureq::Agent::config_builder().tls_config(tls).build())
    };
    let known = Certificate::from_pem(&std::fs::read(&cert).unwrap()).unwrap();
    let trusting = agent(RootCerts::new_with_certs(&[known]));
    assert_eq!(trusting.get(format!("{address}/healthz")).call().unwrap().status(), 200);
    let body = serde_json::json!({ "key": hr.trim_start_matches("Bearer ") }).to_string();
    let signed_in =
        trusting.post(format!("{address}/v1/session")).header("content-type", "application/json").send(body).unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/;"), "{cookie}");
    let doubting = agent(RootCerts::new_with_certs(&[])).get(format!("{address}/healthz")).call();
    assert!(doubting.is_err(), "nobody has to take any certificate");
    let mut plain = TcpStream::connect(&service.address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    // In one piece: at its first bytes the service knows better, and hangs up.
    plain.write_all(format!("GET /healthz HTTP/1.0\r\nHost: {}\r\n\r\n", service.address).as_bytes()).unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP") && !String::from_utf8_lossy(&said).contains("provider"), "{said:?}");
}

#[test]
fn a_socket_is_opened_by_no_other_site_and_listens_to_nothing() {
    let service = serve(&fresh("attacks-socket"), &["--jobs", "1"]);
    let id = service.accept(call());
    service.ended(&id);
    let path = format!("/v1/calls/{id}/socket");
    // Without keys nobody signs in: whatever page is open on this machine could ask.
    for (headers, status) in [
        (&[("Origin", "http://evil.example")][..], 403),
        (&[("Origin", "null")], 403),
        (&[("Host", "evil.example")], 421),
        (&[("Sec-WebSocket-Version", "12")], 426),
    ] {
        assert_eq!(service.socket(&path, headers).err(), Some(status), "{headers:?}");
    }
    let plain = service.get(&path);
    assert!(plain.problem(426).contains("WebSocket") && plain.header("upgrade") == Some("websocket"));
    let own = format!("http://{}", service.address);
    let (told, code) = service.socket(&path, &[("Origin", &own)]).unwrap().rest();
    assert!(told.len() == 1 && told[0]["event"] == "end" && told[0]["data"]["id"] == id, "{told:?}");
    assert_eq!(code, 1000);
    // A call that waits behind a long one has nothing to say for a while.
    service.accept(long());
    let waiting = format!("/v1/calls/{}/socket", service.accept(call()));
    let mut left = service.socket(&waiting, &[]).unwrap().0;
    left.close(None).unwrap();
    let end = loop {
        if let Err(e) = left.read() {
            break e;
        }
    };
    assert!(matches!(end, tungstenite::Error::ConnectionClosed), "a client that leaves is let go in order: {end}");
    for (said, code) in [(Message::text("x"), Some(1008)), (Message::binary(vec![0; 5000]), None)] {
        let mut socket = service.socket(&waiting, &[]).unwrap().0;
        socket.send(said).unwrap();
        let mut closed = None;
        let broken = loop {
            match socket.read() {
                Ok(Message::Close(frame)) => closed = frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(e) => break e,
            }
        };
        let late = matches!(&broken, tungstenite::Error::Io(e) if e.kind() == ErrorKind::WouldBlock);
        assert!(closed == code && !late, "{closed:?}, {broken}");
    }
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn one_tenant_does_not_take_the_places_of_another() {
    let dir = fresh("attacks-queue");
    let ((one, a), (two, b)) = (key("a@one:submit"), key("b@two:submit"));
    let file = key_file(&dir, &[&a, &b]);
    // A scan takes longer than many uploads of two seconds.
    let service = serve(&dir.join("data"), &["--keys", &file, "--jobs", "1", "--queue-per-tenant", "2"]);
    let send = |key: &str| service.post("a.mp4", call(), &[("Authorization", key)]);
    let mut full = None;
    for _ in 0..50 {
        let reply = send(&one);
        if reply.status == 429 {
            full = Some(reply);
            break;
        }
    }
    let full = full.expect("one that sends on and on meets its limit");
    full.problem(429);
    assert!(full.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(send(&two).status, 202, "another has its own places");
}

#[test]
fn no_more_uploads_at_once_than_there_are_places_for() {
    let service = serve(&fresh("attacks-uploads"), &[]);
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9999\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf",
        service.address
    );
    let slow = |_| {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let held: Vec<TcpStream> = (0..16).map(slow).collect();
    until("sixteen uploads", || service.post("b.mp4", call(), &[]).status == 429);
    let refused = service.post("b.mp4", call(), &[]);
    assert!(refused.problem(429).contains("at once") && refused.header("retry-after").is_some());
    assert_eq!(service.get("/v1/calls").status, 200, "whoever only looks is answered");
    drop(held);
    until("free places", || service.post("b.mp4", call(), &[]).status == 202);
}

/// A parser keeps what it cannot make anything of: it is not given more and more of it.
#[test]
fn a_body_without_parts_breaks_off() {
    let service = serve(&fresh("attacks-endless"), &[]);
    for begin in ["", "--x\r\nContent-Disposition: form-data; name=\""] {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "POST /v1/calls HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=x\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            service.address
        );
        stream.write_all(head.as_bytes()).unwrap();
        let piece = format!("10000\r\n{}\r\n", "a".repeat(1 << 16));
        let first = format!("{:x}\r\n{begin}\r\n", begin.len());
        let first = if begin.is_empty() { String::new() } else { first };
        // Far more than any buffer on the way holds.
        let all = stream
            .write_all(first.as_bytes())
            .and_then(|()| (0..1000).try_for_each(|_| stream.write_all(piece.as_bytes())));
        assert!(all.is_err(), "{begin:?}: 64 MB were taken");
        assert_eq!(service.get("/healthz").status, 200);
    }
}

#[test]
fn a_change_that_has_begun_is_audited_though_its_client_is_gone() {
    let dir = fresh("attacks-gone");
    let service = serve(&dir, &[]);
    let id = service.accept(call());
    service.ended(&id);
    let mut stream = TcpStream::connect(&service.address).unwrap();
    write!(stream, "DELETE /v1/calls/{id} HTTP/1.1\r\nHost: {}\r\n\r\n", service.address).unwrap();
    drop(stream);
    until("a line in the audit log", || {
        let log = std::fs::read_to_string(dir.join("audit.jsonl")).unwrap();
        log.lines().any(|line| line.contains("delete") && line.contains(&id))
    });
    assert_eq!(service.get(&format!("/v1/calls/{id}")).status, 404);
}

#[test]
fn a_key_that_only_sends_learns_nothing_of_what_was_found() {
    let dir = fresh("attacks-submit");
    let (hr, line) = key("hr:submit");
    let file = key_file(&dir, &[&line]);
    let service = serve(&dir.join("data"), &["--keys", &file]);
    let wait = [("Authorization", hr.as_str()), ("Prefer", "wait=60"), ("Idempotency-Key", "one")];
    for status in [200, 200] {
        let reply = service.post("a.mp4", call(), &wait);
        assert_eq!(reply.status, status);
        let call = reply.json();
        assert_eq!(call["state"], "done");
        assert!(call["finding"].is_null() && call["sha256"].is_null(), "{call}");
    }
}

#[test]
fn no_secret_is_logged() {
    let dir = fresh("attacks-log");
    let (hr, line) = key("hr:admin");
    let file = key_file(&dir, &[&line]);
    let log = dir.join("log");
    let more = ["--log-format", "json", "--keys", &file, "--allow-uri", "http://127.0.0.1:9/", "--allow-private"];
    let service = service::serve_logging(&dir.join("data"), &more, &log);
    let key = [("Authorization", hr.as_str())];
    let uri = "http://user:hidden-word@127.0.0.1:9/a.mp4?token=hidden-token";
    let id = send_uri(&service, uri, &key).json()["id"].as_str().unwrap().to_owned();
    let failed = service.send("GET", &format!("/v1/calls/{id}"), &[key[0], ("Prefer", "wait=60")], b"").json();
    assert_eq!(failed["state"], "failed");
    let sent = service.post("hidden-name.mp4", b"no recording", &[key[0], ("Prefer", "wait=60")]).json();
    let body = serde_json::json!({ "key": hr.trim_start_matches("Bearer ") }).to_string();
    let signed_in = service.send("POST", "/v1/session", &[("Content-Type", "application/json")], body.as_bytes());
    let cookie = signed_in.header("set-cookie").unwrap().split([';', '=']).nth(1).unwrap().to_owned();
    service.send("GET", "/v1/calls?name=hidden-search", &key, b"");
    service.send("GET", "/v1/calls", &[("Authorization", "Bearer hidden-key")], b"").problem(401);
    drop(service);
    let text = std::fs::read_to_string(log).unwrap();
    let rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    assert!(rows.iter().any(|r| r["call"] == id.as_str() && r["message"] == "scan begins"), "{text}");
    assert!(rows.iter().any(|r| r["call"] == sent["id"] && r["action"] == "submit" && r["status"] == 200), "{text}");
    let audit = std::fs::read_to_string(dir.join("data/audit.jsonl")).unwrap();
    for secret in ["hidden", &cookie, hr.trim_start_matches("Bearer ")] {
        assert!(!text.contains(secret) && !audit.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_recording_named_like_a_formula_is_none_in_the_index() {
    let dir = fresh("attacks-csv");
    std::fs::create_dir(dir.join("in")).unwrap();
    for name in ["=1+1.mp4", "@SUM(1).mp4"] {
        std::fs::write(dir.join("in").join(name), b"no recording").unwrap();
    }
    let (input, out) = (dir.join("in"), dir.join("out"));
    unmask(&["scan", input.to_str().unwrap(), "--out", out.to_str().unwrap(), "--device", "cpu"]);
    let table =
        csv::Reader::from_path(out.join("index.csv")).unwrap().records().map(Result::unwrap).collect::<Vec<_>>();
    let names: Vec<&str> = table.iter().map(|row| &row[0]).collect();
    assert_eq!(names, ["'=1+1", "'@SUM(1)"]);
    assert!(table.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{table:?}");
}

#[test]
fn whoever_asks_too_often_has_to_wait() {
    let service = serve(&fresh("attacks-rate"), &["--rate", "60"]);
    let replies: Vec<_> = (0..40).map(|_| service.get("/v1/calls")).collect();
    let busy: Vec<_> = replies.iter().filter(|r| r.status == 429).collect();
    assert!((1..=10).contains(&busy.len()), "{} of 40", busy.len());
    busy[0].problem(429);
    assert!(busy[0].header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let mut silent = TcpStream::connect(&service.address).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    silent.write_all(b"GET / HT").unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"), "one that never finishes its request is closed");
}

#[test]
fn a_webhook_is_signed_and_told_again_by_the_next_process() {
    use std::sync::mpsc::sync_channel;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, told) = sync_channel(9);
    let serve_hooks = move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let status = if n == 0 { "503 Busy" } else { "204 Done" };
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
            let _ = heard.send(String::from_utf8_lossy(&bytes).into_owned());
        }
    };
    std::thread::Builder::new().spawn(serve_hooks).unwrap();
    let dir = fresh("attacks-webhook");
    let service = serve(&dir, &["--webhook-allow-private"]);
    let hook =
        format!("--x\r\nContent-Disposition: form-data; name=\"webhook\"\r\n\r\nhttp://127.0.0.1:{port}/hook\r\n");
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n";
    let body = [hook.as_bytes(), file.as_bytes(), b"no recording", b"\r\n--x--\r\n"].concat();
    let kind = [("Content-Type", "multipart/form-data; boundary=x")];
    let id = service.send("POST", "/v1/calls", &kind, &body).json()["id"].as_str().unwrap().to_owned();
    let first = told.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(service);
    let service = serve(&dir, &["--webhook-allow-private"]);
    let second = told.recv_timeout(Duration::from_secs(90)).unwrap();
    for request in [&first, &second] {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let line = head.lines().find(|l| l.to_lowercase().starts_with(&format!("{name}: ")));
            line.and_then(|l| l.split_once(": ")).unwrap().1.to_owned()
        };
        assert_eq!(header("webhook-id"), id);
        let secret = unmask(&["serve", "--data-dir", dir.to_str().unwrap(), "--webhook-secret"]);
        let secret = String::from_utf8(secret.stdout).unwrap();
        let signed = service::hmac(&secret, &format!("{id}.{}.{body}", header("webhook-timestamp")));
        assert_eq!(header("webhook-signature"), format!("v1,{signed}"));
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["type"], "call.failed");
    }
    assert!(told.recv_timeout(Duration::from_secs(4)).is_err(), "it was told");
    assert!(folder("attacks-webhook").exists());
    drop(service);
}
