//! A clip for machines without one. In: the examples that come with the models. Out: ten seconds of 1280×720 with one face
//! and speech.

use std::path::Path;

use crate::config::Config;
use crate::error::Error;
use crate::infer::{self, ModelStore};
use crate::media::gst::{Still, write_clip};

/// Length in seconds.
const SECONDS: u32 = 10;

/// Rows of a frame.
const HEIGHT: usize = 720;

/// How much the detector's example is enlarged: 640 to 1280 pixels.
const ENLARGED: usize = 2;

/// Makes the clip at `out` (H.264, Opus, Matroska).
pub fn make_clip(config: &Config, out: &Path) -> Result<(), Error> {
    let store = ModelStore::open(&config.runtime)?;
    let (detector, voice) = (store.find(&config.face.detector)?, store.find(&config.voice.scorer)?);
    let example = |model: &infer::StoredModel| model.dir.join(&model.manifest.golden.input);
    let (planes, width, height) = infer::read_png(&detector.manifest.id, &example(&detector))?;
    let sound = infer::read_wav(&voice.manifest.id, &example(&voice))?;
    let (columns, rows) = (ENLARGED * width, ENLARGED * height);
    let at = |c: usize, x: usize, y: usize| planes[(c * height + y / ENLARGED) * width + x / ENLARGED] as u8;
    let rgb = (0..rows).flat_map(|y| (0..columns).flat_map(move |x| (0..3).map(move |c| (c, x, y))));
    let rgb = rgb.map(|(c, x, y)| at(c, x, y)).collect();
    let still = Still { rgb, width: columns, height: HEIGHT.min(rows) };
    Ok(write_clip(&still, &sound, SECONDS, out)?)
}
