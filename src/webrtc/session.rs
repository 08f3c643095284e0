//! One who publishes. In: an offer, or an answer to ours, datagrams, the time. Out: the answer, datagrams, a Matroska
//! stream in pieces; why it ended.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Sender, TrySendError};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::Codec as Format;
use str0m::media::{Direction, KeyframeRequestKind, MediaData, MediaKind, Mid, Rid};
use str0m::net::Transmit;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

use super::desk::OfferError;
use super::matroska::Codec;
use super::stream::{Sample, Step, Stream};

/// How long it may take until media come.
const OPENING: Duration = Duration::from_secs(20);

/// A session in which no media come for so long has ended.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a packet that is missing holds up those behind it.
const MISSING: Duration = Duration::from_millis(500);

/// How often a key frame is asked for, at most.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Codecs as SDP names them.
const KNOWN: [&str; 3] = [" VP8/", " H264/", " opus/"];

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Somebody asked for it.
    #[error("it was ended")]
    Asked,
    /// By the other side.
    #[error("the publisher ended it")]
    Closed,
    /// Nothing came any more.
    #[error("no media came for {} seconds", SILENCE.as_secs())]
    Silent,
    /// Nothing ever came.
    #[error(
        "no media came: check that UDP from the publisher reaches --live-port, and that --live-address is where it sends to"
    )]
    Never,
    /// It lasted as long as it may.
    #[error("it lasted as long as --live-max allows")]
    Long,
}

/// What the two ends of a session tell each other.
#[derive(Debug, Default)]
pub struct Control {
    listens: AtomicBool,
    ends: AtomicBool,
    passed: AtomicU64,
    lost: AtomicU64,
    ended: OnceLock<Ended>,
}

impl Control {
    /// Somebody reads the stream: it may begin.
    pub fn listen(&self) {
        self.listens.store(true, Ordering::SeqCst);
    }

    /// Asks for its end.
    pub fn end(&self) {
        self.ends.store(true, Ordering::SeqCst);
    }

    /// Frames and pieces of sound that were passed on.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Those that were not, as whoever reads could not follow.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Why it has ended.
    pub fn ended(&self) -> Option<Ended> {
        self.ended.get().copied()
    }
}

/// One who publishes.
pub(super) struct Session {
    rtc: Rtc,
    stream: Stream,
    control: Arc<Control>,
    out: Sender<Vec<u8>>,
    began: Instant,
    heard: Option<Instant>,
    asked: Option<Instant>,
    longest: Duration,
    /// Where pictures come from: the first of several sizes.
    video: Option<(Mid, Option<Rid>)>,
}

impl Session {
    /// Accepts an offer; the answer names `announced` as where datagrams go to.
    pub fn accept(
        offer: &str,
        announced: SocketAddr,
        longest: Duration,
        way: (Arc<Control>, Sender<Vec<u8>>),
    ) -> Result<(Self, String), OfferError> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(no_sdp)?;
        let mut rtc = receiver(Rtc::builder().set_ice_lite(true), announced)?;
        let answer = rtc.sdp_api().accept_offer(offer).map_err(malformed)?.to_sdp_string();
        while !matches!(rtc.poll_output().map_err(malformed)?, Output::Timeout(_)) {}
        let kinds = ["video", "audio"].map(|kind| goes(&answer, kind, "a=recvonly"));
        Ok((Self::of(rtc, kinds, longest, way)?, answer))
    }

    /// Offers to receive at `announced`; `ask` brings the offer to whoever publishes, and their answer back.
    pub fn request<E: From<OfferError>>(
        announced: SocketAddr,
        longest: Duration,
        way: (Arc<Control>, Sender<Vec<u8>>),
        ask: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let mut rtc = receiver(Rtc::builder(), announced)?;
        let mut change = rtc.sdp_api();
        for kind in [MediaKind::Video, MediaKind::Audio] {
            change.add_media(kind, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = change.apply().ok_or(OfferError::Nothing)?;
        let answer = ask(&offer.to_sdp_string())?;
        let read = SdpAnswer::from_sdp_string(&answer).map_err(no_sdp)?;
        rtc.sdp_api().accept_answer(pending, read).map_err(malformed)?;
        let kinds = ["video", "audio"].map(|kind| goes(&answer, kind, "a=sendonly"));
        Ok(Self::of(rtc, kinds, longest, way)?)
    }

    fn of(
        rtc: Rtc,
        [has_video, has_audio]: [bool; 2],
        longest: Duration,
        (control, out): (Arc<Control>, Sender<Vec<u8>>),
    ) -> Result<Self, OfferError> {
        if !has_video && !has_audio {
            return Err(OfferError::Nothing);
        }
        let stream = Stream::new(has_video, has_audio);
        let (began, heard, asked, video) = (Instant::now(), None, None, None);
        Ok(Self { rtc, stream, control, out, began, heard, asked, longest, video })
    }

    /// True for a datagram of this session.
    pub fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// Takes a datagram, or the time; returns when it must be asked again, or why it has ended.
    pub fn take(&mut self, input: Input<'_>, send: &mut dyn FnMut(Transmit)) -> Result<Instant, Ended> {
        let done = self.rtc.handle_input(input).map_err(|_| Ended::Closed).and_then(|()| self.drain(send));
        let ended = match (done, self.over(Instant::now())) {
            (Ok(next), None) => return Ok(next),
            (_, Some(ended)) => ended,
            (Err(Ended::Closed), None) if self.heard.is_none() => Ended::Never,
            (Err(ended), None) => ended,
        };
        // The other side is told; where that fails, it finds out by itself.
        if self.rtc.close().is_ok() {
            let _ = self.drain(send);
        }
        self.control.ended.get_or_init(|| ended);
        Err(ended)
    }

    fn over(&self, now: Instant) -> Option<Ended> {
        let since = |then: Instant| now.saturating_duration_since(then);
        match self.heard {
            _ if self.control.ends.load(Ordering::SeqCst) => Some(Ended::Asked),
            _ if since(self.began) > self.longest => Some(Ended::Long),
            None if since(self.began) > OPENING => Some(Ended::Never),
            Some(heard) if since(heard) > SILENCE => Some(Ended::Silent),
            _ => None,
        }
    }

    fn drain(&mut self, send: &mut dyn FnMut(Transmit)) -> Result<Instant, Ended> {
        loop {
            match self.rtc.poll_output().map_err(|_| Ended::Closed)? {
                Output::Timeout(next) if self.rtc.is_alive() => return Ok(next),
                Output::Timeout(_) => return Err(Ended::Closed),
                Output::Transmit(datagram) => send(datagram),
                Output::Event(Event::IceConnectionStateChange(IceConnectionState::Disconnected)) => {
                    return Err(Ended::Closed);
                }
                Output::Event(Event::MediaData(data)) => self.media(&data)?,
                Output::Event(_) => {}
            }
        }
    }

    fn media(&mut self, data: &MediaData) -> Result<(), Ended> {
        let codec = match data.params.spec().codec {
            Format::Vp8 => Codec::Vp8,
            Format::H264 => Codec::H264,
            Format::Opus => Codec::Opus,
            _ => return Ok(()),
        };
        let from = (data.mid, data.rid);
        if codec != Codec::Opus && *self.video.get_or_insert(from) != from {
            return Ok(());
        }
        self.heard = Some(data.network_time);
        let sample = Sample {
            codec,
            rtp_ns: nanoseconds(data.time),
            report: data.last_sender_info.as_ref().map(|i| (since_1970(i.ntp_time), nanoseconds(i.rtp_time))),
            came: data.network_time,
            is_key: data.is_keyframe(),
            is_next: data.contiguous,
            data: &data.data,
        };
        match self.stream.take(&sample, self.control.listens.load(Ordering::SeqCst)) {
            Step::Pass(bytes) => match self.out.try_send(bytes) {
                Ok(()) => _ = self.control.passed.fetch_add(1, Ordering::Relaxed),
                Err(TrySendError::Full(_)) => {
                    self.stream.lost();
                    self.control.lost.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return Err(Ended::Asked),
            },
            Step::AskForKey => self.ask_for_key(data.network_time),
            Step::Drop => {}
        }
        Ok(())
    }

    fn ask_for_key(&mut self, now: Instant) {
        let Some((mid, rid)) = self.video else { return };
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ASK_EVERY) {
            return;
        }
        self.asked = Some(now);
        let asked = self.rtc.writer(mid).map(|mut writer| writer.request_keyframe(rid, KeyframeRequestKind::Pli));
        // A publisher that takes no such wish sends key frames when it pleases.
        tracing::debug!(?asked, "a key frame is asked for");
    }
}

/// One that takes what this program can decode, at this address.
fn receiver(config: RtcConfig, announced: SocketAddr) -> Result<Rtc, OfferError> {
    let config = config.clear_codecs().set_reordering_timeout_video(Some(MISSING));
    let mut rtc = config.enable_opus(true, false).enable_vp8(true).enable_h264(true).build(Instant::now());
    rtc.add_local_candidate(Candidate::host(announced, "udp").map_err(malformed)?);
    Ok(rtc)
}

fn malformed(error: impl std::fmt::Display) -> OfferError {
    OfferError::Malformed(error.to_string())
}

/// The parser's own words name places in memory: they are for the log.
fn no_sdp(error: impl std::fmt::Display) -> OfferError {
    tracing::debug!(%error, "what should be SDP is not");
    malformed("it is not SDP (RFC 8866)")
}

/// True where an answer has media of a kind, `audio` or `video`, in a codec that is known, going that way or both.
fn goes(answer: &str, kind: &str, way: &str) -> bool {
    answer.split("\r\nm=").skip(1).any(|section| {
        let mut words = section.split_whitespace();
        let named = words.next() == Some(kind) && words.next().is_some_and(|port| port != "0");
        let has = |line: &str| section.lines().any(|l| l == line);
        let known = |line: &str| line.starts_with("a=rtpmap:") && KNOWN.iter().any(|name| line.contains(name));
        named && (has(way) || has("a=sendrecv")) && section.lines().any(known)
    })
}

fn nanoseconds(time: str0m::media::MediaTime) -> i64 {
    let ns = i128::from(time.numer()) * 1_000_000_000 / i128::from(time.denom().max(1));
    i64::try_from(ns).unwrap_or(i64::MAX)
}

fn since_1970(time: SystemTime) -> i64 {
    let passed = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_will_come() {
        let video = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=recvonly\r\n";
        let takes = |answer: &str, kind| goes(answer, kind, "a=recvonly");
        assert!(takes(video, "video") && !takes(video, "audio") && !goes(video, "video", "a=sendonly"));
        for (from, to) in [("video 9", "video 0"), ("recvonly", "inactive"), ("VP8", "rtx")] {
            assert!(!takes(&video.replace(from, to), "video"), "{to}");
        }
    }

    #[test]
    fn an_offer_is_answered_with_one_address() {
        let mut rtc = Rtc::builder().build(Instant::now());
        let mut change = rtc.sdp_api();
        change.add_media(str0m::media::MediaKind::Audio, str0m::media::Direction::SendOnly, None, None, None);
        let offer = change.apply().unwrap().0.to_sdp_string();
        let there = "192.0.2.7:4000".parse().unwrap();
        let accept = |text: &str| {
            let (out, _media) = crossbeam_channel::bounded(1);
            Session::accept(text, there, Duration::from_secs(9), (Arc::default(), out)).map(|session| session.1)
        };
        let answer = accept(&offer).unwrap();
        assert!(answer.contains("192.0.2.7 4000") && answer.contains("a=ice-lite"), "{answer}");
        assert!(matches!(accept("v=0"), Err(OfferError::Malformed(_))));
        assert!(matches!(accept(&offer.replace("opus", "G728")), Err(OfferError::Nothing)));
    }
}
