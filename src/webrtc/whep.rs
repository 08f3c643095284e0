//! Pulling a stream (WHEP, draft-ietf-wish-whep). In: a server's address. Out: a pipe that gives Matroska as it comes.

use std::io::{PipeReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::Receiver;
use percent_encoding::percent_decode_str;
use url::Url;

use super::desk::{Desk, MOST_SDP, OfferError};
use super::session::Control;

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long it may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Longest session: as long as a live interview of the service may be set to at most.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A stream that cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The server does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses.
    #[error("the server answered {status}{hint}")]
    Refused {
        /// Of HTTP.
        status: u16,
        /// What to do.
        hint: &'static str,
    },
    /// The answer is none.
    #[error("the server's answer does not do: {0}")]
    Answer(#[from] OfferError),
    /// This machine lacks something.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A stream that is being pulled; it ends with this value.
pub struct Pull {
    pipe: PipeReader,
    control: Arc<Control>,
    server: Server,
    /// What is deleted at the end.
    resource: Option<Url>,
    _desk: Desk,
}

impl Pull {
    /// Asks the server at an http or https address; a user name in it is sent as bearer token (RFC 6750) instead.
    pub fn open(address: &Url) -> Result<Self, PullError> {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER));
        let agent: ureq::Agent = agent.build().into();
        let token = percent_decode_str(address.username()).decode_utf8_lossy();
        let server = Server { agent, token: (!token.is_empty()).then(|| format!("Bearer {token}")) };
        let mut plain = address.clone();
        // Addresses with a host take both.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        let here = towards(address)?;
        let desk = Desk::open(here, Some(here.ip()), LONGEST)?;
        let mut resource = None;
        let (media, control) = desk.request(|offer| {
            let answer = server.post(&plain, offer)?;
            resource = answer.resource;
            Ok::<_, PullError>(answer.sdp)
        })?;
        let pipe = pass(media, Arc::clone(&control))?;
        Ok(Self { pipe, control, server, resource, _desk: desk })
    }

    /// Where the stream is read, for whoever opens descriptors; it is this value's.
    pub fn descriptor(&self) -> i32 {
        self.pipe.as_raw_fd()
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.control.end();
        if let Some(resource) = &self.resource {
            self.server.delete(resource);
        }
    }
}

/// Who is asked, and what it is shown.
struct Server {
    agent: ureq::Agent,
    token: Option<String>,
}

struct Answer {
    sdp: String,
    resource: Option<Url>,
}

impl Server {
    fn authorised<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", token),
            None => request,
        }
    }

    fn post(&self, url: &Url, offer: &str) -> Result<Answer, PullError> {
        let unreachable = |e: ureq::Error| PullError::Unreachable(e.to_string());
        let request = self.authorised(self.agent.post(url.as_str()));
        let request = request.header("Content-Type", "application/sdp").header("Accept", "application/sdp");
        let mut answer = request.send(offer).map_err(unreachable)?;
        let status = answer.status().as_u16();
        if !(200..=201).contains(&status) {
            let hint = match status {
                401 | 403 => ": put its token before the host (whep+https://TOKEN@host/path)",
                _ => "",
            };
            return Err(PullError::Refused { status, hint });
        }
        let place = answer.headers().get("location").and_then(|to| to.to_str().ok());
        // Nowhere else is the token's business, nor ours.
        let resource = place.and_then(|to| url.join(to).ok()).filter(|to| to.origin() == url.origin());
        let sdp = answer.body_mut().with_config().limit(MOST_SDP as u64).read_to_string().map_err(unreachable)?;
        Ok(Answer { sdp, resource })
    }

    /// A server that hears no goodbye notices by itself.
    fn delete(&self, resource: &Url) {
        let request = self.authorised(self.agent.delete(resource.as_str()));
        let _ = request.config().timeout_global(Some(GOODBYE)).build().call();
    }
}

/// An address of this machine from which the server can be reached; no packet is sent.
fn towards(server: &Url) -> Result<SocketAddr, PullError> {
    let found = server.socket_addrs(|| None)?;
    let mut last = std::io::Error::other("its name leads to no address");
    for to in found {
        let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
        match UdpSocket::bind(any).and_then(|socket| socket.connect(to).and_then(|()| socket.local_addr())) {
            Ok(here) => return Ok(SocketAddr::new(here.ip(), 0)),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// Writes pieces to a pipe until nobody reads it, or nothing comes.
fn pass(media: Receiver<Vec<u8>>, control: Arc<Control>) -> Result<PipeReader, PullError> {
    let (reader, mut writer) = std::io::pipe()?;
    control.listen();
    Builder::new().name("whep".into()).spawn(move || {
        while let Ok(piece) = media.recv() {
            if writer.write_all(&piece).is_err() {
                break;
            }
        }
        control.end();
    })?;
    Ok(reader)
}
