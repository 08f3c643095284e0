//! A publisher: offers by WHIP what ffmpeg has encoded, or answers by WHEP, and sends it by the clock.

#![allow(dead_code)] // each test binary uses a part

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::common::ffmpeg;
use super::service::{Reply, Service};

/// Frames or packets with their times.
type Frames = Vec<(Duration, Vec<u8>)>;

/// A call, encoded.
#[derive(Clone)]
pub struct Encoded {
    pub codec: Codec,
    pub video: Frames,
    pub audio: Frames,
}

impl Encoded {
    /// Reads the H.264 or VP8 video, ten frames a second, and the sound of a recording.
    pub fn of(call: &Path, codec: Codec) -> Self {
        let path = |ending| call.with_extension(ending).to_str().unwrap().to_owned();
        let (video, audio, input) = (path("video"), path("ogg"), call.to_str().unwrap());
        let copy = match codec {
            Codec::Vp8 => ["-f", "ivf"].as_slice(),
            _ => &["-bsf:v", "h264_mp4toannexb,h264_metadata=aud=insert", "-f", "h264"],
        };
        ffmpeg(&[&["-i", input, "-an", "-c", "copy"], copy, &[&video]].concat());
        let opus = ["-c:a", "libopus", "-ar", "48000", "-ac", "2", "-page_duration", "20000"];
        ffmpeg(&[&["-i", input, "-vn"][..], &opus, &[&audio]].concat());
        let bytes = std::fs::read(video).unwrap();
        let frames = if codec == Codec::Vp8 { ivf(&bytes) } else { access_units(&bytes) };
        let video = (0..).map(|i| Duration::from_millis(100 * i)).zip(frames).collect();
        let packets = ogg(&std::fs::read(audio).unwrap());
        let audio = (0..).map(|i| Duration::from_millis(20 * i)).zip(packets).collect();
        Self { codec, video, audio }
    }
}

fn ivf(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut out) = (32, Vec::new());
    while at + 12 <= bytes.len() {
        let size = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        out.push(bytes[at + 12..at + 12 + size].to_vec());
        at += 12 + size;
    }
    out
}

/// Each begins with a delimiter.
fn access_units(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = bytes.windows(5).enumerate().filter(|(_, w)| *w == [0, 0, 0, 1, 9]).map(|w| w.0).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| bytes[*start..end].to_vec()).collect()
}

/// Each page holds one packet; the first two pages are headers.
fn ogg(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut out) = (0, Vec::new());
    while at + 27 <= bytes.len() {
        let segments = usize::from(bytes[at + 26]);
        let size: usize = bytes[at + 27..at + 27 + segments].iter().map(|n| usize::from(*n)).sum();
        let begin = at + 27 + segments;
        out.push(bytes[begin..begin + size].to_vec());
        at = begin + size;
    }
    out.split_off(2)
}

/// One that has not been answered yet.
pub struct Offered {
    rtc: Rtc,
    pending: str0m::change::SdpPendingOffer,
    socket: UdpSocket,
    video: Mid,
    audio: Mid,
    pub offer: String,
}

pub fn offer() -> Offered {
    offer_of(Rtc::builder())
}

fn offer_of(config: RtcConfig) -> Offered {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut rtc = config.set_rtcp_report_interval_audio(Duration::from_millis(500)).build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let mut change = rtc.sdp_api();
    let video = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let audio = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) = change.apply().unwrap();
    Offered { rtc, pending, socket, video, audio, offer: offer.to_sdp_string() }
}

/// One that publishes until it is dropped.
pub struct Publisher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pub id: String,
    /// Where the service wants its datagrams.
    pub to: SocketAddr,
    /// How often a key frame was asked for.
    pub asked: Arc<Mutex<usize>>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.vanish();
    }
}

pub fn post(service: &Service, offer: &str, headers: &[(&str, &str)]) -> Reply {
    let kind = ("Content-Type", "application/sdp");
    service.send("POST", "/v1/live", &[&[kind], headers].concat(), offer.as_bytes())
}

impl Publisher {
    /// Offers and sends; loses, for good, each packet with a number that `loses` says.
    pub fn start(service: &Service, call: Encoded, headers: &[(&str, &str)], loses: Option<fn(usize) -> bool>) -> Self {
        let config = Rtc::builder();
        let mut offered = offer_of(if loses.is_some() { config.set_send_buffer_video(1) } else { config });
        let reply = post(service, &offered.offer, headers);
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (201, Some("application/sdp")), "{text}");
        let id = reply.header("location").unwrap().strip_prefix("/v1/live/").unwrap().to_owned();
        let words: Vec<&str> = text.lines().find(|l| l.starts_with("a=candidate:")).unwrap().split(' ').collect();
        let to = format!("{}:{}", words[4], words[5]).parse().unwrap();
        let answer = SdpAnswer::from_sdp_string(&text).unwrap();
        offered.rtc.sdp_api().accept_answer(offered.pending, answer).unwrap();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(0)));
        let (its, wishes) = (stop.clone(), asked.clone());
        let Offered { rtc, socket, video, audio, .. } = offered;
        let thread = std::thread::spawn(move || {
            let tracks = vec![(MediaKind::Video, video), (MediaKind::Audio, audio)];
            Sender { wishes, loses, ..Sender::new(rtc, socket, tracks) }.run(&call, &its);
        });
        Self { stop, thread: Some(thread), id, to, asked }
    }

    /// Says nothing more, and no goodbye.
    pub fn vanish(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Sender {
    rtc: Rtc,
    socket: UdpSocket,
    next: Instant,
    connected: Option<Instant>,
    wishes: Arc<Mutex<usize>>,
    sent: usize,
    loses: Option<fn(usize) -> bool>,
    tracks: Vec<(MediaKind, Mid)>,
}

impl Sender {
    fn new(rtc: Rtc, socket: UdpSocket, tracks: Vec<(MediaKind, Mid)>) -> Self {
        let (next, connected, wishes) = (Instant::now(), None, Arc::default());
        Self { rtc, socket, next, connected, wishes, sent: 0, loses: None, tracks }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(next) => {
                    self.next = next;
                    return;
                }
                Output::Transmit(out) => {
                    self.sent += 1;
                    if !self.loses.is_some_and(|loses| loses(self.sent)) {
                        let _ = self.socket.send_to(&out.contents, out.destination);
                    }
                }
                Output::Event(Event::Connected) => self.connected = Some(Instant::now()),
                Output::Event(Event::MediaAdded(added)) => self.tracks.push((added.kind, added.mid)),
                Output::Event(Event::KeyframeRequest(_)) => *self.wishes.lock().unwrap() += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self) {
        let wait = self.next.saturating_duration_since(Instant::now());
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(5));
        self.socket.set_read_timeout(Some(wait)).unwrap();
        let mut bytes = [0; 2048];
        let here = self.socket.local_addr().unwrap();
        if let Ok((length, from)) = self.socket.recv_from(&mut bytes) {
            let input = Receive::new(Protocol::Udp, from, here, &bytes[..length]).unwrap();
            self.rtc.handle_input(Input::Receive(Instant::now(), input)).unwrap();
            self.drain();
        }
        if Instant::now() >= self.next {
            self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            self.drain();
        }
    }

    fn write(&mut self, kind: MediaKind, codec: Codec, at: Duration, data: &[u8]) {
        let Some((_, mid)) = self.tracks.iter().find(|track| track.0 == kind) else { return };
        let Some(writer) = self.rtc.writer(*mid) else { return };
        let params = writer.payload_params().find(|p| p.spec().codec == codec).unwrap();
        let (pt, rate) = (params.pt(), params.spec().clock_rate);
        let count = MediaTime::new((at.as_micros() * u128::from(rate.get()) / 1_000_000) as u64, rate);
        writer.write(pt, Instant::now(), count, data.to_vec()).unwrap();
        self.drain();
    }

    fn run(&mut self, call: &Encoded, stop: &AtomicBool) {
        let (mut frames, mut packets) = (call.video.iter().peekable(), call.audio.iter().peekable());
        self.drain();
        while !stop.load(Ordering::SeqCst) && self.rtc.is_alive() {
            self.receive();
            let Some(connected) = self.connected else { continue };
            let now = connected.elapsed();
            while let Some((at, data)) = frames.next_if(|frame| frame.0 <= now) {
                self.write(MediaKind::Video, call.codec, *at, data);
            }
            while let Some((at, data)) = packets.next_if(|packet| packet.0 <= now) {
                self.write(MediaKind::Audio, Codec::Opus, *at, data);
            }
        }
    }
}

/// A WHEP server that gives each who asks a call from its beginning, and cuts the first off after a while.
pub struct Whep {
    pub address: String,
    /// The first lines of what was asked.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Whep {
    /// `token` is what it wants to see; the first connection vanishes after `first`.
    pub fn start(call: Encoded, token: &'static str, first: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut calls = 0;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (head, body) = request(&mut stream);
                told.lock().unwrap().push(head.lines().next().unwrap().to_owned());
                let answer = if !head.contains(&format!("Bearer {token}")) {
                    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned()
                } else if head.starts_with("POST /call") {
                    calls += 1;
                    let until = if calls == 1 { first } else { Duration::from_secs(60) };
                    let sdp = give(&body, call.clone(), until);
                    let length = sdp.len();
                    format!("HTTP/1.1 201 Created\r\nLocation: /gone/{calls}\r\nContent-Length: {length}\r\n\r\n{sdp}")
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
                };
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { address, asked }
    }
}

/// Head and body of a request.
fn request(stream: &mut std::net::TcpStream) -> (String, String) {
    let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut block).unwrap();
        bytes.extend_from_slice(&block[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let wanted = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if n == 0 || body.len() >= wanted.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(n > 0, "half a request: {text}");
    }
}

/// Answers an offer to receive, and sends until the time is over.
fn give(offer: &str, call: Encoded, time: Duration) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut rtc = Rtc::builder().set_rtcp_report_interval_audio(Duration::from_millis(500)).build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer).unwrap()).unwrap().to_sdp_string();
    std::thread::spawn(move || {
        let stop = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(time);
            its.store(true, Ordering::SeqCst);
        });
        Sender::new(rtc, socket, Vec::new()).run(&call, &stop);
    });
    answer
}
