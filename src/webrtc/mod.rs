//! Media by WebRTC. In: an SDP offer of somebody who publishes (WHIP), or a server's address (WHEP). Out: the answer, and
//! the media as Matroska, block by block, as they come.
//!
//! One thread (`webrtc`) and one UDP socket serve all sessions; ICE (RFC 8445, the lite side where we answer), DTLS-SRTP
//! (RFC 5764) and RTP are the crate `str0m`'s, which does no input or output itself and forbids itself `unsafe` code; its
//! ciphers are AWS-LC's. Nothing is decoded here: the service leaves that to a child process that reaches no network (`batch`), so that
//! what a stranger sends meets codecs written in C only there.

mod desk;
mod matroska;
mod session;
mod stream;
mod whep;

pub use desk::{Desk, Line, MOST_SDP, OfferError};
pub use session::{Control, Ended};
pub use whep::{Pull, PullError};
