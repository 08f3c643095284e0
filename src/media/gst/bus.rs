//! What GStreamer says on its bus. In: messages. Out: our own error or warning, with the remedy; the first error
//! is the one that explains (later ones are only its echo).

use std::sync::Mutex;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{BUS_DRAIN, frame::codec_name};
use crate::media::MediaError;

/// Reads HLS playlists.
const PLAYLIST_READER: &str = "hlsdemux2";

/// A stream as the container declares it.
#[derive(Debug, Clone)]
pub struct StreamEntry {
    pub kind: StreamKind,
    pub codec: String,
    pub width: u32,
    pub height: u32,
    pub fps: Option<f64>,
    pub rate_hz: u32,
    pub channels: u32,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    Video,
    Audio,
    Other,
}

/// What the bus has said so far.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    /// All streams of the newest collection.
    pub streams: Vec<StreamEntry>,
    /// Streams that will be decoded, once known.
    pub selected: Option<Vec<StreamKind>>,
    pub container: Option<String>,
    /// The first error: domain and code, text, debug text.
    pub error: Option<BusError>,
    /// Names of decoders or demuxers that are not installed.
    pub missing: Vec<String>,
    pub warnings: u64,
    /// Every sink has had its end.
    pub ended: bool,
}

/// An error message of GStreamer's.
#[derive(Debug, Clone)]
pub struct BusError {
    pub error: glib::Error,
    pub debug: String,
    /// Factory of the element that said it, such as `souphttpsrc`.
    pub element: String,
}

/// Reads the bus for whoever waits; may be used from several threads.
pub struct BusWatch {
    bus: gst::Bus,
    heard: Mutex<Heard>,
}

impl BusWatch {
    pub fn new(bus: gst::Bus) -> Self {
        Self { bus, heard: Mutex::new(Heard::default()) }
    }

    /// Takes what is there, waiting at most `wait` for the first message.
    pub fn listen(&self, wait: gst::ClockTime) -> Heard {
        let mut next = self.bus.timed_pop(wait);
        let mut heard = self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while let Some(message) = next {
            heard.take(&message);
            next = self.bus.pop();
        }
        heard.clone()
    }

    /// After an error or a missing plugin: waits for the rest that explains it.
    pub fn drain(&self) -> Heard {
        let until = std::time::Instant::now() + BUS_DRAIN;
        while std::time::Instant::now() < until {
            self.listen(gst::ClockTime::from_mseconds(50));
        }
        self.listen(gst::ClockTime::ZERO)
    }
}

impl Heard {
    fn take(&mut self, message: &gst::Message) {
        use gst::MessageView;
        match message.view() {
            MessageView::Error(e) if self.error.is_none() => {
                let debug = e.debug().map(|d| d.to_string()).unwrap_or_default();
                let element = e.src().and_then(|src| src.downcast_ref::<gst::Element>());
                let element = element.and_then(|e| e.factory()).map(|f| f.name().to_string()).unwrap_or_default();
                self.error = Some(BusError { error: e.error(), debug, element });
            }
            MessageView::Warning(_) => self.warnings += 1,
            MessageView::Eos(_) => self.ended = true,
            MessageView::StreamCollection(m) => {
                self.streams = m.stream_collection().iter().map(|s| entry(&s)).collect();
            }
            MessageView::StreamsSelected(m) => {
                self.selected = Some(m.streams().map(|s| kind(s.stream_type())).collect());
            }
            MessageView::Tag(m) => {
                if let Some(container) = m.tags().get::<gst::tags::ContainerFormat>() {
                    self.container = Some(container.get().to_owned());
                }
            }
            MessageView::Element(m) => {
                if let Some(name) = m.structure().and_then(missing_plugin) {
                    self.missing.push(name);
                }
            }
            _ => {}
        }
    }

    /// Our own error for what was heard, if something was wrong.
    pub fn to_error(&self, input: &str) -> Option<MediaError> {
        let input = input.to_owned();
        if let Some(codec) = self.missing.first() {
            let package = package_for(codec).to_owned();
            return Some(MediaError::MissingDecoder { input, codec: codec.clone(), package });
        }
        self.error.as_ref().map(|e| explain(input, e))
    }
}

fn kind(stream_type: gst::StreamType) -> StreamKind {
    if stream_type.contains(gst::StreamType::VIDEO) {
        StreamKind::Video
    } else if stream_type.contains(gst::StreamType::AUDIO) {
        StreamKind::Audio
    } else {
        StreamKind::Other
    }
}

fn entry(stream: &gst::Stream) -> StreamEntry {
    let caps = stream.caps();
    let structure = caps.as_ref().and_then(|c| c.structure(0));
    let number = |key: &str| structure.and_then(|s| s.get::<i32>(key).ok()).map_or(0, i32::unsigned_abs);
    let fps = structure
        .and_then(|s| s.get::<gst::Fraction>("framerate").ok())
        .filter(|f| f.numer() > 0 && f.denom() > 0)
        .map(|f| f64::from(f.numer()) / f64::from(f.denom()));
    StreamEntry {
        kind: kind(stream.stream_type()),
        codec: caps.as_ref().map_or_else(|| "unknown".into(), |c| codec_name(c)),
        width: number("width"),
        height: number("height"),
        fps,
        rate_hz: number("rate"),
        channels: number("channels"),
    }
}

/// The name of a plugin that is missing for sound, pictures or a container; others (subtitles) do not matter.
fn missing_plugin(structure: &gst::StructureRef) -> Option<String> {
    if structure.name() != "missing-plugin" {
        return None;
    }
    if let Ok(caps) = structure.get::<gst::Caps>("detail") {
        let media = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
        if ["text/", "subpicture/", "meta/", "closedcaption/", "image/"].iter().any(|p| media.starts_with(p)) {
            return None;
        }
    }
    let name = structure.get::<String>("name").unwrap_or_else(|_| "this format".into());
    Some(name.strip_suffix(" decoder").map_or(name.clone(), str::to_owned))
}

/// The Debian package that has a decoder or demuxer, by GStreamer's name for it.
fn package_for(codec: &str) -> &'static str {
    let codec = codec.to_ascii_lowercase();
    let has = |names: &[&str]| names.iter().any(|n| codec.contains(n));
    if has(&["av1", "mpeg-2 transport", "mpeg-ps", "program stream", "dash"]) {
        "gstreamer1.0-plugins-bad"
    } else if has(&[
        "vp8",
        "vp9",
        "quicktime",
        "matroska",
        "webm",
        "avi",
        "flac",
        "wav",
        "rtsp",
        "http",
        "mp3",
        "layer",
    ]) {
        "gstreamer1.0-plugins-good"
    } else if has(&["opus", "vorbis", "theora", "ogg"]) {
        "gstreamer1.0-plugins-base"
    } else {
        "gstreamer1.0-libav"
    }
}

fn explain(input: String, e: &BusError) -> MediaError {
    use gst::{CoreError, ResourceError, StreamError};
    let reason = e.error.message().trim_end_matches('.').to_owned();
    let detail = e.debug.lines().next_back().unwrap_or_default().trim().to_owned();
    if let Some(kind) = e.error.kind::<ResourceError>() {
        let reason = if detail.is_empty() { reason } else { detail };
        return match kind {
            ResourceError::NotFound if e.element == PLAYLIST_READER => MediaError::EmptyPlaylist { input },
            ResourceError::NotFound => MediaError::NotOnServer { input },
            ResourceError::NotAuthorized | ResourceError::OpenReadWrite | ResourceError::Read => {
                MediaError::Connection { input, reason }
            }
            _ => MediaError::Unreadable { input, reason },
        };
    }
    match e.error.kind::<StreamError>() {
        Some(StreamError::TypeNotFound) => return MediaError::UnknownFormat { input },
        Some(StreamError::WrongType) => return MediaError::Text { input },
        Some(_) => return MediaError::Damaged { input, reason },
        None => {}
    }
    if e.error.kind::<CoreError>() == Some(CoreError::MissingPlugin) {
        return MediaError::UnknownFormat { input };
    }
    MediaError::Damaged { input, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_is_looked_for_in_its_package() {
        for (codec, package) in [
            ("H.264 (High Profile)", "gstreamer1.0-libav"),
            ("MPEG-4 AAC", "gstreamer1.0-libav"),
            ("AV1", "gstreamer1.0-plugins-bad"),
            ("VP9", "gstreamer1.0-plugins-good"),
            ("Opus", "gstreamer1.0-plugins-base"),
        ] {
            assert_eq!(package_for(codec), package, "{codec}");
        }
    }

    #[test]
    fn the_first_error_wins_and_is_explained() {
        gst::init().unwrap();
        let mut heard = Heard::default();
        for (error, text) in [(gst::StreamError::WrongType, "text"), (gst::StreamError::Failed, "internal")] {
            heard.take(&gst::message::Error::builder(error, text).build());
        }
        assert_eq!(heard.to_error("a.mp4"), Some(MediaError::Text { input: "a.mp4".into() }));
    }
}
