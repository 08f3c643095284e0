//! Links. In: a decoder's streams as they turn up. Out: two appsinks.
//!
//! `uridecodebin3 → deinterlace → videoconvert → I420|NV12 → appsink` and
//! `uridecodebin3 → audioconvert → audioresample → 16 kHz mono F32 → appsink`. The converters pass buffers through
//! untouched when nothing needs converting.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::pull::Shared;
use super::sparse::thin_out;
use super::{frame, make};
use crate::media::{Glimpse, MediaError};
use crate::types::AudioChunk;

/// Decoded frames that wait for the face branch; one of 1280×720 is 1.4 MB.
const VIDEO_QUEUE: u32 = 4;

/// Decoded sound that waits for the voice branch, in buffers of some 20 ms (a few kB each).
const AUDIO_QUEUE: u32 = 64;

/// Threads of a libav decoder.
const DECODER_THREADS: i32 = 1;

/// Which streams of a recording are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The first video and the first audio stream.
    Both,
    /// Video alone.
    Pictures,
    /// Both, as they come; what is no live source by itself is played by the clock where `paced`.
    Live { paced: bool },
}

/// The two sinks, filled as pads turn up.
#[derive(Default)]
pub struct Sinks {
    pub video: Option<gst_app::AppSink>,
    pub audio: Option<gst_app::AppSink>,
}

/// Links each stream that `decode` gives, as it turns up, and keeps its decoders to the house's threads.
pub fn connect_pads(
    decode: &gst::Element,
    wanted: Wanted,
    glimpse: Option<&Glimpse>,
    pipeline: &gst::Pipeline,
    sinks: &Arc<Mutex<Sinks>>,
    shared: &Arc<Shared>,
) {
    tame_decoders(decode, glimpse.filter(|glimpse| !glimpse.decode_all).cloned(), Arc::clone(shared));
    if wanted == Wanted::Pictures {
        select_video(decode);
    }
    let paced = wanted == Wanted::Live { paced: true };
    let (pipeline, sinks, shared) = (pipeline.downgrade(), Arc::clone(sinks), Arc::clone(shared));
    decode.connect_pad_added(move |decode, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        if let Err(error) = link(&pipeline, pad, paced, &sinks, &shared) {
            gst::element_error!(decode, gst::CoreError::Pad, ("{error}"));
        }
    });
}

/// One thread a decoder: more cost a sixth more processor time, and the networks are what takes long. A video decoder gets
/// what the glimpse leaves.
fn tame_decoders(decode: &gst::Element, glimpse: Option<Glimpse>, shared: Arc<Shared>) {
    let Some(bin) = decode.downcast_ref::<gst::Bin>() else { return };
    bin.connect_deep_element_added(move |_, _, element| {
        let klass = element.factory().and_then(|f| f.metadata("klass").map(str::to_owned)).unwrap_or_default();
        if let Some(glimpse) = &glimpse
            && klass.starts_with("Codec/Decoder/Video")
        {
            thin_out(element, glimpse, &shared);
        }
        if element.name().starts_with("avdec_") && element.has_property("max-threads") {
            element.set_property("max-threads", DECODER_THREADS);
        }
    });
}

/// Only video is decoded: the signal's answer is 1 for yes, 0 for no.
fn select_video(decode: &gst::Element) {
    decode.connect("select-stream", false, |args| {
        let stream = args.get(2).and_then(|value| value.get::<gst::Stream>().ok());
        let video = stream.is_some_and(|s| s.stream_type().contains(gst::StreamType::VIDEO));
        Some(i32::from(video).to_value())
    });
}

/// Links a decoded pad to a new chain that ends in an appsink; a second pad of a kind goes nowhere.
fn link(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    paced: bool,
    sinks: &Mutex<Sinks>,
    shared: &Shared,
) -> Result<(), MediaError> {
    let mut sinks = sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let name = pad.name();
    let is_video = name.starts_with("video") && !shared.has_video.swap(name.starts_with("video"), Ordering::SeqCst);
    let is_audio = name.starts_with("audio") && !shared.has_audio.swap(name.starts_with("audio"), Ordering::SeqCst);
    let mut chain = Vec::new();
    if is_video {
        watch_orientation(pad, shared);
        let sink = video_sink(paced);
        accept_strides(&sink);
        chain.extend([deinterlace()?, video_convert()?, sink.clone().upcast()]);
        sinks.video = Some(sink);
    } else if is_audio {
        let sink = audio_sink(paced);
        chain.extend([make("audioconvert")?, make("audioresample")?, sink.clone().upcast()]);
        sinks.audio = Some(sink);
    } else {
        let sink = make("fakesink")?;
        sink.set_property("async", false);
        chain.push(sink);
    }
    let failed = |e: glib::BoolError| MediaError::Gstreamer { reason: e.to_string() };
    pipeline.add_many(&chain).map_err(failed)?;
    gst::Element::link_many(&chain).map_err(failed)?;
    for element in &chain {
        element.sync_state_with_parent().map_err(failed)?;
    }
    let entry = chain.first().and_then(|e| e.static_pad("sink"));
    let entry = entry.ok_or_else(|| MediaError::Gstreamer { reason: "an element has no input".into() })?;
    pad.link(&entry).map_err(|e| MediaError::Gstreamer { reason: format!("cannot link {name}: {e}") })?;
    Ok(())
}

fn deinterlace() -> Result<gst::Element, MediaError> {
    let element = make("deinterlace")?;
    element.set_property_from_str("fields", "top");
    Ok(element)
}

fn video_convert() -> Result<gst::Element, MediaError> {
    let element = make("videoconvert")?;
    element.set_property_from_str("dither", "none");
    Ok(element)
}

fn video_sink(paced: bool) -> gst_app::AppSink {
    let caps = gst::Caps::builder("video/x-raw").field("format", gst::List::new(["I420", "NV12"])).build();
    sink(caps, VIDEO_QUEUE, paced)
}

/// Tells the decoder that any strides will do, so that it need not copy its frames.
fn accept_strides(sink: &gst_app::AppSink) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, probe| {
        if let Some(query) = probe.query_mut()
            && let gst::QueryViewMut::Allocation(allocation) = query.view_mut()
        {
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

fn audio_sink(paced: bool) -> gst_app::AppSink {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", AudioChunk::RATE_HZ as i32)
        .field("channels", 1)
        .build();
    sink(caps, AUDIO_QUEUE, paced)
}

/// `paced`: each buffer waits for its time.
fn sink(caps: gst::Caps, max_buffers: u32, paced: bool) -> gst_app::AppSink {
    gst_app::AppSink::builder().caps(&caps).sync(paced).max_buffers(max_buffers).drop(false).build()
}

/// Keeps the newest orientation tag for the frames that follow.
fn watch_orientation(pad: &gst::Pad, shared: &Shared) {
    let orientation = Arc::clone(&shared.orientation);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, probe| {
        if let Some(gst::EventView::Tag(tag)) = probe.event().map(|e| e.view())
            && let Some(value) = tag.tag().get::<gst::tags::ImageOrientation>()
        {
            let mut slot = orientation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *slot = frame::orientation(value.get());
        }
        gst::PadProbeReturn::Ok
    });
}
