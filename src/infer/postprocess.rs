//! From a scorer's output to log-odds. In: `[batch]`, `[batch, 1]` or `[batch, 2]`. Out: one calibrated logit a sample.

use ndarray::ArrayD;

use super::InferError;
use super::manifest::{Activation, Manifest};

/// Log-odds of "masked" of every sample, after the manifest's calibration.
pub fn masked_logits(manifest: &Manifest, values: &ArrayD<f32>, batch: usize) -> Result<Vec<f32>, InferError> {
    let wrong = |message: String| InferError::Shape { model: manifest.id.clone(), message };
    let output = manifest.output.as_ref().ok_or_else(|| wrong("no [output]".into()))?;
    let columns = match output.activation {
        Activation::Sigmoid => 1,
        Activation::Softmax => 2,
    };
    if values.len() != batch * columns || output.masked_index >= columns {
        return Err(wrong(format!("output shape {:?} for {batch} samples of {columns}", values.shape())));
    }
    let flat: Vec<f32> = values.iter().copied().collect();
    let (scale, offset) = manifest.calibration.as_ref().map_or((1.0, 0.0), |c| (c.scale, c.offset));
    let raw = |row: &[f32]| match output.activation {
        Activation::Sigmoid => row[0],
        Activation::Softmax => row[output.masked_index] - row[1 - output.masked_index],
    };
    Ok(flat.chunks_exact(columns).map(|row| scale * raw(row) + offset).collect())
}
