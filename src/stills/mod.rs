//! Pictures of events. In: a recording that was scanned, its timeline. Out: stills before, during and after the events
//! that a reviewer should look at, with the faces in them scored and mapped.

mod picture;
mod plan;

use crate::config::Config;
use crate::error::Error;
use crate::face::{Aligned, FaceScorer, fit_to_score};
use crate::media::gst::FramePicker;
use crate::media::{Cancel, Input};
use crate::pipeline::Engines;
use crate::report::{FaceMap, Redact, Still, StillFace, Timeline};
use crate::types::{Detection, MediaTime, Picture, Prob};

use picture::Rgb;

/// Most faces of a still that are scored.
const FACES: usize = 8;

/// Takes the pictures of a call's events. None where the input is no file, has no pictures, or cannot be played again;
/// they are an addition, so a recording that breaks off gives those up to there.
pub fn stills(
    input: &Input,
    timeline: &Timeline,
    redact: Redact,
    config: &Config,
    engines: &mut Engines,
    cancel: &Cancel,
) -> Result<Vec<Still>, Error> {
    let shots = plan::plan(timeline);
    if shots.is_empty() || timeline.start.source.video.is_none() {
        return Ok(Vec::new());
    }
    let mut picker = match FramePicker::open(input, &config.limits, cancel) {
        Ok(Some(picker)) => picker,
        Ok(None) => return Ok(Vec::new()),
        Err(error) => {
            tracing::warn!("no stills: {error}");
            return Ok(Vec::new());
        }
    };
    let mut out = Vec::new();
    for shot in shots {
        match picker.at(shot.time) {
            Ok(Some(frame)) => {
                let (rgb, faces) = look(&frame.picture, redact, config, engines)?;
                let (width, height) = (rgb.width as u32, rgb.height as u32);
                let (event, moment, pts_s) = (shot.event, shot.moment, frame.pts.as_secs());
                out.push(Still { event, moment, pts_s, width, height, jpeg: rgb.jpeg(), faces });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("the stills end early: {error}");
                break;
            }
        }
    }
    Ok(out)
}

/// The largest face at `time`, aligned, 150 pixels wide, as JPEG; empty where there is none to be had.
pub fn portrait(
    input: &Input,
    time: MediaTime,
    config: &Config,
    engines: &mut Engines,
    cancel: &Cancel,
) -> Result<Vec<u8>, Error> {
    let frame =
        FramePicker::open(input, &config.limits, cancel).ok().flatten().and_then(|mut p| p.at(time).ok().flatten());
    let Some(picture) = frame.map(|frame| frame.picture) else { return Ok(Vec::new()) };
    let found = engines.detector.detect(&picture, config.face.min_score)?;
    let largest = found.iter().max_by(|a, b| a.bbox.area().total_cmp(&b.bbox.area()));
    let network = engines.embedder.network();
    let crop = largest.and_then(|face| network.crop_of(&picture, &face.landmarks));
    Ok(crop.map_or_else(Vec::new, |(_, rgb)| Rgb::of_planes(&rgb, network.size()).jpeg()))
}

fn look(
    picture: &Picture,
    redact: Redact,
    config: &Config,
    engines: &mut Engines,
) -> Result<(Rgb, Vec<StillFace>), Error> {
    let mut found = engines.detector.detect(picture, config.face.min_score)?;
    found.sort_by(|a, b| b.bbox.area().total_cmp(&a.bbox.area()));
    let mut rgb = Rgb::of(picture);
    let boxes: Vec<[f64; 4]> = found.iter().map(|d| in_still(d, rgb.scale)).collect();
    let hidden = match redact {
        Redact::None => boxes.len(),
        Redact::Others => 1,
        Redact::All => 0,
    };
    boxes.iter().skip(hidden).for_each(|face| rgb.hide(*face));
    let mut faces = Vec::new();
    for (detection, box_px) in found.iter().zip(&boxes).take(FACES) {
        let (p_masked, map) = score(picture, detection, rgb.scale, config, &mut engines.face)?;
        faces.push(StillFace { box_px: *box_px, p_masked, map });
    }
    Ok((rgb, faces))
}

fn in_still(detection: &Detection, (x, y): (f64, f64)) -> [f64; 4] {
    let b = detection.bbox;
    [f64::from(b.x) * x, f64::from(b.y) * y, f64::from(b.w) * x, f64::from(b.h) * y]
}

/// P(masked) of one face and of its parts; nothing for a face that is not fit to be judged.
fn score(
    picture: &Picture,
    detection: &Detection,
    (x, y): (f64, f64),
    config: &Config,
    scorer: &mut FaceScorer,
) -> Result<(Option<Prob>, Option<FaceMap>), Error> {
    let size = scorer.network().size();
    let aligned = scorer.network().aligned(picture, detection);
    let Some(Aligned { map, rgb, .. }) = aligned.filter(|a| fit_to_score(&a.quality, &config.face).is_empty()) else {
        return Ok((None, None));
    };
    let (logit, parts) = scorer.score_parts(&rgb)?;
    let [a, b, c, d] = map.linear.map(f64::from);
    let [e, f] = map.shift.map(f64::from);
    let (w, h) = (size.0 as f64, size.1 as f64);
    let to_still = [a * w * x, c * w * y, b * h * x, d * h * y, e * x, f * y];
    let map = parts.map(|p| FaceMap { columns: p.columns, parts: p.parts, to_still });
    Ok((Prob::from_logit(logit), map))
}
