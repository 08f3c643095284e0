//! The first pass. In: a file. Out: how masked the most suspicious face of each key frame looks.

use crate::config::Config;
use crate::error::Error;
use crate::face::{Aligned, fit_to_score};
use crate::media::{Cancel, Glimpse, Input, MediaError, Source, gst::GstSource};
use crate::pipeline::Engines;
use crate::types::{MediaTime, VideoFrame};

/// Most faces of a frame that are scored, best first.
const FACES: usize = 4;

/// One look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// When.
    pub pts: MediaTime,
    /// Calibrated log-odds of the most suspicious face; `None` without one that can be scored.
    pub logit: Option<f32>,
}

/// A recording at a glance.
pub struct Survey {
    /// In order of time.
    pub sights: Vec<Sight>,
    /// Where the pictures end: as the container says, else behind the last look.
    pub end: MediaTime,
}

/// Looks at key frames alone. A recording without pictures has no sights.
pub fn survey(
    input: &Input,
    glimpse: &Glimpse,
    config: &Config,
    engines: &mut Engines,
    cancel: &Cancel,
) -> Result<Survey, Error> {
    let opened = GstSource::glimpse(input, glimpse, &config.limits, cancel)?;
    let mut source = opened.ok_or_else(|| MediaError::NotTwice { input: input.shown() })?;
    let mut sights: Vec<Sight> = Vec::new();
    if let Some(mut video) = source.streams().video {
        while let Some(frame) = video.next_frame()? {
            // Where everything is decoded, not everything is looked at.
            let last = sights.last().map(|s| s.pts);
            if last.is_none_or(|last| frame.pts - last >= glimpse.every) {
                let logit = most_suspicious(&frame, config, engines)?;
                sights.push(Sight { pts: frame.pts, logit });
            }
        }
    }
    let declared = MediaTime::from_secs(source.info().duration_s.unwrap_or(0.0));
    let last = sights.last().map_or(MediaTime::ZERO, |s| s.pts + glimpse.every);
    Ok(Survey { sights, end: if declared > MediaTime::ZERO { declared } else { last } })
}

fn most_suspicious(frame: &VideoFrame, config: &Config, engines: &mut Engines) -> Result<Option<f32>, Error> {
    let picture = &frame.picture;
    let mut found = engines.detector.detect(picture, config.face.min_score)?;
    found.truncate(FACES);
    let faces: Vec<Aligned> = found.iter().filter_map(|face| engines.face.network().aligned(picture, face)).collect();
    let fit = faces.iter().filter(|face| fit_to_score(&face.quality, &config.face).is_empty());
    let crops: Vec<&[f32]> = fit.map(|face| face.rgb.as_slice()).collect();
    Ok(engines.face.score(&crops)?.into_iter().max_by(f32::total_cmp))
}
