//! Plug-in execution providers (WebGPU, TensorRT-RTX). In: a shared library. Out: a session on the best device it finds.
//!
//! They are not compiled into ONNX Runtime but registered with it, and give devices rather than a switch
//! (<https://onnxruntime.ai/docs/execution-providers/plugin-ep-libraries/>).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::device::Device;
use ort::environment::Environment;
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::provider::first_line;

/// A registered plug-in that has a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Of the provider, as ONNX Runtime has it: `WebGpuExecutionProvider`.
    pub name: String,
    /// What it runs on is no processor.
    pub is_accelerator: bool,
}

/// What became of each library in this process: ONNX Runtime takes one only once.
static TRIED: Mutex<Vec<(PathBuf, Result<Plugin, String>)>> = Mutex::new(Vec::new());

/// Registers a library. An error names its file without the folder, as records hold it.
pub fn load(environment: &Environment, path: &Path) -> Result<Plugin, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed = |why: String| format!("{name} not used: {why}");
    // The loader looks a bare name up elsewhere.
    let file = path.canonicalize().map_err(|e| failed(e.to_string()))?;
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, became)) = tried.iter().find(|known| known.0 == file) {
        return became.clone();
    }
    let became = register(environment, &file).map_err(|why| failed(why.replace(&*file.to_string_lossy(), &name)));
    tried.push((file, became.clone()));
    became
}

fn register(environment: &Environment, file: &Path) -> Result<Plugin, String> {
    let known: Vec<String> = environment.devices().map(|device| provider(&device)).collect();
    let label = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    environment.register_ep_library(label, file).map_err(|e| first_line(&e.to_string()))?;
    let new = environment.devices().find(|device| !known.contains(&provider(device)));
    let name = new.map(|device| provider(&device)).ok_or("it finds no device here")?;
    let is_accelerator = best(environment, &name).is_some_and(|device| rank(&device) > 0);
    Ok(Plugin { name, is_accelerator })
}

/// Puts sessions on the provider's best device.
pub fn with_device(builder: SessionBuilder, environment: &Environment, name: &str) -> Result<SessionBuilder, String> {
    let device = best(environment, name).ok_or_else(|| format!("{name} has lost its device"))?;
    builder.with_devices([device], None).map_err(|e| e.to_string())
}

fn best<'a>(environment: &'a Environment, name: &str) -> Option<Device<'a>> {
    environment.devices().filter(|device| provider(device) == name).max_by_key(rank)
}

fn provider(device: &Device<'_>) -> String {
    device.ep().unwrap_or_default().to_owned()
}

/// A GPU before other accelerators before a processor.
fn rank(device: &Device<'_>) -> u8 {
    match device.hardware_device().ty() {
        DeviceType::GPU => 2,
        DeviceType::CPU => 0,
        _ => 1,
    }
}
