//! Media from browsers (WebRTC). In: an SDP offer of somebody who publishes. Out: the answer, and the media as Matroska,
//! block by block, as they come.
//!
//! One thread (`webrtc`) and one UDP socket serve all sessions; ICE (RFC 8445, the lite side), DTLS-SRTP (RFC 5764) and
//! RTP are the crate `str0m`'s, which does no input or output itself and forbids itself `unsafe` code; its ciphers are
//! AWS-LC's. Nothing is decoded here: that is left to a child process that reaches no network (`batch`), so that what a
//! stranger sends meets codecs written in C only there.

mod desk;
mod matroska;
mod session;
mod stream;

pub use desk::{Desk, Line, MOST_SDP, OfferError};
pub use session::{Control, Ended};
