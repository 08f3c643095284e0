//! From GStreamer's buffers to our types. In: samples from an appsink. Out: pictures that share the buffer.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::VideoFrameExt;

use crate::types::{ColorMatrix, ColorRange, MediaTime, Orientation, Picture, PictureFormat, PlaneView, Planes};

struct MappedFrame(gst_video::VideoFrame<gst_video::video_frame::Readable>);

impl Planes for MappedFrame {
    fn plane(&self, index: usize) -> PlaneView<'_> {
        let plane = index as u32;
        match (plane < self.0.n_planes()).then(|| self.0.plane_data(plane)) {
            Some(Ok(data)) => {
                let stride = self.0.plane_stride().get(index).map_or(0, |s| usize::try_from(*s).unwrap_or(0));
                PlaneView { data, stride }
            }
            _ => PlaneView { data: &[], stride: 0 },
        }
    }
}

/// What the caps say of the pictures that follow.
#[derive(Clone)]
pub struct Format {
    pub info: gst_video::VideoInfo,
    matrix: Option<ColorMatrix>,
    full_range: bool,
}

impl Format {
    /// `None` when the caps describe no raw video.
    pub fn from_caps(caps: &gst::CapsRef) -> Option<Self> {
        let info = gst_video::VideoInfo::from_caps(caps).ok()?;
        let text = caps.structure(0).and_then(|s| s.get::<String>("colorimetry").ok());
        let (full_range, matrix) = text.map_or((false, None), |text| colorimetry(&text));
        Some(Self { info, matrix, full_range })
    }
}

impl Format {
    /// The declared length of a frame.
    pub fn frame_length(&self) -> Option<MediaTime> {
        let fps = self.info.fps();
        (fps.numer() > 0 && fps.denom() > 0)
            .then(|| MediaTime(1_000_000_000 * i64::from(fps.denom()) / i64::from(fps.numer())))
    }
}

/// Full range, and the matrix where it is known. GStreamer's own reader drops the range where the matrix is unknown,
/// so `range:matrix:transfer:primaries` is read here.
fn colorimetry(text: &str) -> (bool, Option<ColorMatrix>) {
    let Some((range, rest)) = text.split_once(':') else {
        let matrix = match text {
            "bt601" => Some(ColorMatrix::Bt601),
            "bt709" => Some(ColorMatrix::Bt709),
            name if name.starts_with("bt2020") || name.starts_with("bt2100") => Some(ColorMatrix::Bt2020),
            _ => None,
        };
        return (false, matrix);
    };
    let matrix = match rest.split(':').next() {
        Some("3") => Some(ColorMatrix::Bt709),
        Some("4") => Some(ColorMatrix::Bt601),
        Some("6") => Some(ColorMatrix::Bt2020),
        _ => None,
    };
    (range == "1", matrix)
}

/// Maps a buffer as a picture without copying it. `None` when the format is not one the caps filter lets through
/// or the buffer is too small for its caps.
pub fn picture(buffer: gst::Buffer, format: &Format, orientation: Orientation) -> Option<Picture> {
    let info = &format.info;
    let layout = match info.format() {
        gst_video::VideoFormat::I420 => PictureFormat::I420,
        gst_video::VideoFormat::Nv12 => PictureFormat::Nv12,
        _ => return None,
    };
    let (width, height) = (info.width(), info.height());
    let mapped = gst_video::VideoFrame::from_buffer_readable(buffer, info).ok()?;
    let mut picture = Picture::new(Arc::new(MappedFrame(mapped)), layout, width, height)?;
    // Where the matrix is unknown it goes by the number of lines, see `Picture::new`.
    picture.matrix = format.matrix.unwrap_or(picture.matrix);
    if format.full_range {
        picture.range = ColorRange::Full;
    }
    let par = info.par();
    if par.numer() > 0 && par.denom() > 0 {
        picture.pixel_aspect = (par.numer() as f32 / par.denom() as f32).clamp(0.1, 10.0);
    }
    picture.orientation = orientation;
    Some(picture)
}

/// From the `image-orientation` tag, which says how to turn the stored picture clockwise.
pub fn orientation(tag: &str) -> Orientation {
    let mirrored = tag.starts_with("flip-");
    let quarter_turns = match tag.trim_start_matches("flip-") {
        "rotate-90" => 1,
        "rotate-180" => 2,
        "rotate-270" => 3,
        _ => 0,
    };
    Orientation { quarter_turns, mirrored }
}

/// Time since the stream's start of a buffer in its segment.
pub fn running_time(sample: &gst::Sample, pts: Option<gst::ClockTime>) -> Option<MediaTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(pts?)?;
    Some(MediaTime(i64::try_from(time.nseconds()).unwrap_or(i64::MAX)))
}

/// Position of a buffer in the recording, which stays the same after a jump.
pub fn stream_time(sample: &gst::Sample, pts: Option<gst::ClockTime>) -> Option<MediaTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_stream_time(pts?)?;
    Some(MediaTime(i64::try_from(time.nseconds()).unwrap_or(i64::MAX)))
}

/// Short name of a codec from a stream's caps: `h264`, `vp9`, `aac`, …
pub fn codec_name(caps: &gst::CapsRef) -> String {
    let Some(structure) = caps.structure(0) else { return "unknown".into() };
    let version = structure.get::<i32>("mpegversion").ok();
    match (structure.name().as_str(), version) {
        ("video/mpeg", Some(4)) => "mpeg4".into(),
        ("video/mpeg", Some(v)) => format!("mpeg{v}video"),
        ("audio/mpeg", Some(1)) => format!("mp{}", structure.get::<i32>("layer").unwrap_or(3)),
        ("audio/mpeg", Some(_)) => "aac".into(),
        ("audio/x-raw", _) => "pcm".into(),
        ("video/x-raw", _) => "raw".into(),
        (name, _) => name.rsplit('/').next().unwrap_or(name).trim_start_matches("x-").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_have_their_usual_names() {
        gst::init().unwrap();
        let name = |caps: &str| codec_name(&caps.parse::<gst::Caps>().unwrap());
        assert_eq!(name("video/x-h264"), "h264");
        assert_eq!(name("video/mpeg,mpegversion=(int)1"), "mpeg1video");
        assert_eq!(name("audio/mpeg,mpegversion=(int)4"), "aac");
        assert_eq!(name("audio/mpeg,mpegversion=(int)1,layer=(int)3"), "mp3");
        assert_eq!(name("audio/x-raw"), "pcm");
    }

    #[test]
    fn a_range_without_a_matrix_counts() {
        assert_eq!(colorimetry("1:0:0:0"), (true, None));
        assert_eq!(colorimetry("1:4:7:1"), (true, Some(ColorMatrix::Bt601)));
        assert_eq!(colorimetry("bt709"), (false, Some(ColorMatrix::Bt709)));
        assert_eq!(colorimetry("nonsense"), (false, None));
    }

    #[test]
    fn orientation_tags() {
        assert_eq!(orientation("rotate-90"), Orientation { quarter_turns: 1, mirrored: false });
        assert_eq!(orientation("flip-rotate-270"), Orientation { quarter_turns: 3, mirrored: true });
        assert_eq!(orientation("rotate-0"), Orientation::default());
    }
}
