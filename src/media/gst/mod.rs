//! Decoding through GStreamer. In: a checked input. Out: YUV frames in the decoder's own memory and 16 kHz mono
//! sound. Everything that names GStreamer is in this folder.
//!
//! Stated choices: the first video and the first audio stream are analysed; all channels are mixed to one;
//! interlaced video is deinterlaced to one frame a frame; formats other than 8-bit 4:2:0 are converted to it;
//! presentation time is GStreamer's running time, frame numbers are never used as time.

mod bus;
mod clip;
mod frame;
mod link;
mod live;
mod offline;
mod pipeline;
mod pull;
mod render;
mod seek;
mod sparse;

use std::time::Duration;

use gstreamer as gst;

pub use clip::{Still, write_clip};
pub use live::LiveSource;
pub use offline::only_files;
pub use pipeline::GstSource;
pub use render::{Draw, Tracks, draw_over};
pub use seek::FramePicker;

use super::MediaError;

/// Elements that a scan, a watch, an overlay or a bench may need, with the Debian package that has each.
const ELEMENTS: [(&str, &str); 29] = [
    ("uridecodebin3", "gstreamer1.0-plugins-base"),
    ("videoconvert", "gstreamer1.0-plugins-base"),
    ("audioconvert", "gstreamer1.0-plugins-base"),
    ("audioresample", "gstreamer1.0-plugins-base"),
    ("appsink", "gstreamer1.0-plugins-base"),
    ("opusdec", "gstreamer1.0-plugins-base"),
    ("opusenc", "gstreamer1.0-plugins-base"),
    ("videoscale", "gstreamer1.0-plugins-base"),
    ("deinterlace", "gstreamer1.0-plugins-good"),
    ("qtdemux", "gstreamer1.0-plugins-good"),
    ("matroskademux", "gstreamer1.0-plugins-good"),
    ("vp9dec", "gstreamer1.0-plugins-good"),
    ("videoflip", "gstreamer1.0-plugins-good"),
    ("vp8enc", "gstreamer1.0-plugins-good"),
    ("webmmux", "gstreamer1.0-plugins-good"),
    ("matroskamux", "gstreamer1.0-plugins-good"),
    ("souphttpsrc", "gstreamer1.0-plugins-good"),
    ("rtspsrc", "gstreamer1.0-plugins-good"),
    ("v4l2src", "gstreamer1.0-plugins-good"),
    ("sdpsrc", "gstreamer1.0-plugins-bad"),
    ("srtsrc", "gstreamer1.0-plugins-bad"),
    ("rtmp2src", "gstreamer1.0-plugins-bad"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("av1dec", "gstreamer1.0-plugins-bad"),
    ("openh264enc", "gstreamer1.0-plugins-bad"),
    ("rsvgoverlay", "gstreamer1.0-plugins-bad"),
    ("tsdemux", "gstreamer1.0-plugins-bad"),
    ("avdec_h264", "gstreamer1.0-libav"),
    ("avdec_aac", "gstreamer1.0-libav"),
];

/// Stopping uridecodebin3 (1.22) while it still finds out what its source is can lock up two of its threads for good;
/// by now it has.
const SETTLING: Duration = Duration::from_secs(1);

/// How long GStreamer may take to hand over errors that follow the first.
const BUS_DRAIN: Duration = Duration::from_millis(300);

/// Starts GStreamer; may be called often. What its libraries would print goes to the log instead.
pub fn init() -> Result<(), MediaError> {
    glib::log_set_default_handler(|domain, _, message| tracing::debug!(domain, "{message}"));
    gst::init().map_err(|e| MediaError::Gstreamer { reason: e.to_string() })
}

/// Version of the GStreamer that runs.
pub fn version() -> String {
    let (major, minor, micro, _) = gst::version();
    format!("{major}.{minor}.{micro}")
}

/// Each element that may be needed and the package that has it; the last says whether it is there.
pub fn elements() -> Result<Vec<(&'static str, &'static str, bool)>, MediaError> {
    init()?;
    Ok(ELEMENTS.iter().map(|&(name, package)| (name, package, gst::ElementFactory::find(name).is_some())).collect())
}

/// Makes an element, or says which package to install.
fn make(name: &'static str) -> Result<gst::Element, MediaError> {
    gst::ElementFactory::make(name).build().map_err(|_| {
        let package = ELEMENTS.iter().find(|e| e.0 == name).map_or("gstreamer1.0-plugins-base", |e| e.1);
        MediaError::MissingElement { element: name.into(), package: package.into() }
    })
}
