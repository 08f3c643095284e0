//! The desk. In: offers, and datagrams at one socket. Out: a line for each session that was accepted.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use str0m::Input;
use str0m::net::{Protocol, Receive, Transmit};

use super::session::{Control, Session};

/// Pieces of a stream that wait to be read, a frame each: some five seconds; 25 MB when a picture takes 100 kB.
const PIECES: usize = 256;

/// Sessions that wait to be begun.
const WAITING: usize = 16;

/// How often the thread looks up when nothing comes.
const POLL: Duration = Duration::from_millis(20);

/// Largest datagram.
const DATAGRAM: usize = 2048;

/// Longest offer, in bytes.
pub const MOST_SDP: usize = 64 << 10;

/// An offer that cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// It is no SDP, or not of WebRTC.
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    /// Nothing in it can be received.
    #[error("the offer has neither H.264 or VP8 video nor Opus sound to receive")]
    Nothing,
    /// The thread is gone, or behind.
    #[error("no session can be begun now")]
    Busy,
}

/// A session that was accepted.
pub struct Line {
    /// For the publisher.
    pub answer: String,
    /// A Matroska stream in pieces, each whole; it closes when the session has ended.
    pub media: Receiver<Vec<u8>>,
    /// To begin and end it.
    pub control: Arc<Control>,
}

/// Takes offers; its thread ends with it.
pub struct Desk {
    announced: SocketAddr,
    longest: Duration,
    sessions: Sender<Session>,
}

impl Desk {
    /// Opens the socket. Publishers send to `announced`, or where none is given to the address that is listened on, or
    /// where that is any, to the one this machine reaches others from. A session ends after `longest`.
    pub fn open(listen: SocketAddr, announced: Option<IpAddr>, longest: Duration) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(listen)?;
        let port = socket.local_addr()?.port();
        let ip = match announced {
            Some(ip) => ip,
            None if listen.ip().is_unspecified() => own_address(listen)?,
            None => listen.ip(),
        };
        let announced = SocketAddr::new(ip, port);
        let (sessions, waiting) = bounded(WAITING);
        Builder::new().name("webrtc".into()).spawn(move || run(&socket, announced, &waiting))?;
        Ok(Self { announced, longest, sessions })
    }

    /// Where publishers send to.
    pub fn announced(&self) -> SocketAddr {
        self.announced
    }

    /// Accepts an offer (RFC 8829). Nothing is passed on before [`Control::listen`].
    pub fn accept(&self, offer: &str) -> Result<Line, OfferError> {
        if offer.len() > MOST_SDP {
            return Err(OfferError::Malformed(format!("it is longer than {MOST_SDP} bytes")));
        }
        let (out, media) = bounded(PIECES);
        let control = Arc::new(Control::default());
        let (session, answer) = Session::accept(offer, self.announced, self.longest, (Arc::clone(&control), out))?;
        self.sessions.try_send(session).map_err(|_| OfferError::Busy)?;
        Ok(Line { answer, media, control })
    }

    /// Offers to receive: `ask` brings the offer to whoever publishes, and their answer back.
    pub(super) fn request<E: From<OfferError>>(
        &self,
        ask: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<(Receiver<Vec<u8>>, Arc<Control>), E> {
        let (out, media) = bounded(PIECES);
        let control = Arc::new(Control::default());
        let session = Session::request(self.announced, self.longest, (Arc::clone(&control), out), ask)?;
        self.sessions.try_send(session).map_err(|_| OfferError::Busy)?;
        Ok((media, control))
    }
}

/// The address that packets to elsewhere leave from; none is sent.
fn own_address(listen: SocketAddr) -> std::io::Result<IpAddr> {
    let elsewhere = if listen.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let socket = UdpSocket::bind(SocketAddr::new(listen.ip(), 0))?;
    socket.connect(elsewhere)?;
    Ok(socket.local_addr()?.ip())
}

/// A session and when it must be asked again.
struct Open {
    session: Session,
    next: Instant,
}

fn run(socket: &UdpSocket, announced: SocketAddr, waiting: &Receiver<Session>) {
    let mut open: Vec<Open> = Vec::new();
    let mut datagram = [0; DATAGRAM];
    let mut send = |out: Transmit| {
        // What is lost on the way out is lost as on the way.
        let _ = socket.send_to(&out.contents, out.destination);
    };
    loop {
        match waiting.try_recv() {
            Ok(session) => open.push(Open { session, next: Instant::now() }),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let now = Instant::now();
        open.retain_mut(|one| one.next > now || one.take(Input::Timeout(now), &mut send));
        let due = open.iter().map(|one| one.next.saturating_duration_since(now)).min();
        let wait = due.unwrap_or(POLL).clamp(Duration::from_millis(1), POLL);
        let received = socket.set_read_timeout(Some(wait)).and_then(|()| socket.recv_from(&mut datagram));
        let (bytes, source) = match received {
            Ok((length, source)) => (&datagram[..length], source),
            // A datagram that nobody took comes back as an error: of no session, and of no interest.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
        };
        let Ok(receive) = Receive::new(Protocol::Udp, source, announced, bytes) else { continue };
        let input = Input::Receive(Instant::now(), receive);
        let Some(at) = open.iter().position(|one| one.session.accepts(&input)) else { continue };
        if !open[at].take(input, &mut send) {
            open.swap_remove(at);
        }
    }
}

impl Open {
    /// True while it goes on. It is asked at least as often as the thread looks up, for its end has no other news.
    fn take(&mut self, input: Input<'_>, send: &mut dyn FnMut(Transmit)) -> bool {
        match self.session.take(input, send) {
            Ok(next) => self.next = next.min(Instant::now() + POLL),
            Err(ended) => {
                tracing::info!(%ended, "a live session has ended");
                return false;
            }
        }
        true
    }
}
