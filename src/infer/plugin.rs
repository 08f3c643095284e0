//! Plug-in execution providers (WebGPU, TensorRT-RTX). In: a shared library. Out: a session on the first device it finds.
//!
//! They are not compiled into ONNX Runtime but registered with it, and give devices rather than a switch
//! (<https://onnxruntime.ai/docs/execution-providers/plugin-ep-libraries/>).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::builder::SessionBuilder;

use super::provider::first_line;

/// What became of each library in this process: ONNX Runtime takes one only once.
static TRIED: Mutex<Vec<(PathBuf, Result<String, String>)>> = Mutex::new(Vec::new());

/// Registers a library and gives the name of the provider whose devices it found.
pub fn load(environment: &Environment, path: &Path) -> Result<String, String> {
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, became)) = tried.iter().find(|known| known.0 == path) {
        return became.clone();
    }
    let became = register(environment, path).map_err(|why| format!("{} not used: {why}", path.display()));
    tried.push((path.to_owned(), became.clone()));
    became
}

fn register(environment: &Environment, path: &Path) -> Result<String, String> {
    // The loader looks a bare name up elsewhere.
    let file = path.canonicalize().map_err(|e| e.to_string())?;
    let known = names(environment);
    let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    environment.register_ep_library(label, &file).map_err(|e| first_line(&e.to_string()))?;
    let mut new = names(environment).into_iter().filter(|name| !known.contains(name));
    new.next().ok_or_else(|| "it finds no device here".into())
}

/// Providers that have a device.
fn names(environment: &Environment) -> Vec<String> {
    environment.devices().filter_map(|device| device.ep().ok().map(str::to_owned)).collect()
}

/// Puts sessions on the provider's first device.
pub fn with_device(builder: SessionBuilder, environment: &Environment, name: &str) -> Result<SessionBuilder, String> {
    let device = environment.devices().find(|device| device.ep().is_ok_and(|ep| ep == name));
    builder.with_devices(device, None).map_err(|e| e.to_string())
}
