//! The committed examples. In: a PNG or WAV beside a manifest. Out: the values a network takes.

use std::path::Path;

use super::{InferError, Manifest};
use crate::types::Prob;

/// Reads a PNG as R, G and B planes, 0..=255, with its width and height.
pub fn read_png(model: &str, path: &Path) -> Result<(Vec<f32>, usize, usize), InferError> {
    let bad = |e: String| InferError::Shape { model: model.into(), message: format!("{}: {e}", path.display()) };
    let picture = image::open(path).map_err(|e| bad(e.to_string()))?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = picture.as_raw();
    let planes = (0..3).flat_map(|c| bytes.iter().skip(c).step_by(3).map(|b| f32::from(*b))).collect();
    Ok((planes, width, height))
}

/// Reads a 16-bit mono WAV at 16 kHz as samples −1..=1.
pub fn read_wav(model: &str, path: &Path) -> Result<Vec<f32>, InferError> {
    let bad = |e: String| InferError::Shape { model: model.into(), message: format!("{}: {e}", path.display()) };
    let mut reader = hound::WavReader::open(path).map_err(|e| bad(e.to_string()))?;
    let spec = reader.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, 16_000, 16) {
        return Err(bad("is not 16 kHz, mono, 16 bit".into()));
    }
    let samples = reader.samples::<i16>().map(|s| s.map(|v| f32::from(v) / 32_768.0));
    samples.collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))
}

/// Compares a scorer's calibrated answer with its manifest's.
pub fn check_p_masked(manifest: &Manifest, found: Option<Prob>) -> Result<(), InferError> {
    let expected = manifest.golden.p_masked.unwrap_or(f32::NAN);
    compare(manifest, found.map_or(f32::NAN, Prob::get), expected)
}

/// Fails when `found` is further than the golden's tolerance from `expected`, or either is no number.
pub fn compare(manifest: &Manifest, found: f32, expected: f32) -> Result<(), InferError> {
    let tolerance = manifest.golden.tolerance;
    if (found - expected).abs() <= tolerance {
        return Ok(());
    }
    let (found, expected) = (format!("{found:.4}"), format!("{expected:.4}"));
    Err(InferError::Golden { model: manifest.id.clone(), found, expected, tolerance })
}
