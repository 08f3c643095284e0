//! The execution provider. In: the device asked for. Out: a runtime whose provider is the one that really runs.
//!
//! ONNX Runtime falls back to the processor in silence when a provider fails; here a failure is an error
//! (`--device cuda`, `tensorrt`, `plugin`) or a note with its reason (`--device auto`).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::plugin::{self, Plugin};
use super::{InferError, Shared, Tape, library};
use crate::config::{Device, RuntimeConfig};

/// ONNX Runtime allows one environment a process, from one library.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// What runs the networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// The processor, one thread a session.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An NVIDIA GPU, by engines built for it at each start, fastest kernels first, so that two starts may differ in the
    /// last digits; CUDA runs what they do not.
    TensorRt,
    /// A plug-in's device.
    Plugin(Plugin),
}

impl Provider {
    /// As in records.
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::Plugin(plugin) => &plugin.name,
        }
    }

    /// True for what is no processor.
    fn is_gpu(&self) -> bool {
        match self {
            Self::Cpu => false,
            Self::Cuda | Self::TensorRt => true,
            Self::Plugin(plugin) => plugin.is_accelerator,
        }
    }

    /// As ONNX Runtime registers it, best first; a failure is no silent fall-back to the processor.
    fn dispatches(&self) -> Vec<ExecutionProviderDispatch> {
        let cuda = || ort::ep::CUDA::default().build().error_on_failure();
        match self {
            Self::Cpu | Self::Plugin(_) => Vec::new(),
            Self::Cuda => vec![cuda()],
            Self::TensorRt => vec![ort::ep::TensorRT::default().build().error_on_failure(), cuda()],
        }
    }
}

/// A loaded ONNX Runtime with its provider.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    /// What runs.
    pub provider: Provider,
    /// Why a better provider does not.
    pub note: Option<String>,
    /// Version of ONNX Runtime.
    pub version: String,
    /// Where it was loaded from.
    pub library: PathBuf,
    /// What counts the runs of its engines.
    pub tape: Option<Tape>,
    /// Networks that it shares with other streams of this process.
    pub shared: Option<Shared>,
}

impl Runtime {
    /// Loads ONNX Runtime and settles the provider.
    pub fn open(config: &RuntimeConfig) -> Result<Self, InferError> {
        let library = library::find(config.ort_lib.as_deref())?;
        let (library, environment) = environment(library)?;
        let mut runtime = Self {
            environment,
            provider: Provider::Cpu,
            note: None,
            version: version(&library),
            library,
            tape: None,
            shared: None,
        };
        let mut notes = Vec::new();
        for device in tried(config) {
            match runtime.offered(device, config.ep_lib.as_deref()) {
                Ok(provider) => {
                    runtime.provider = provider;
                    break;
                }
                Err(reason) if config.device == device => return Err(InferError::NoGpu { reason }),
                Err(reason) => notes.push(reason),
            }
        }
        runtime.note = (!notes.is_empty()).then(|| notes.join("; "));
        if config.require_gpu && !runtime.provider.is_gpu() {
            let asked = || format!("the networks would run on {}", runtime.provider.name());
            let reason = runtime.note.unwrap_or_else(asked);
            return Err(InferError::NoGpu { reason });
        }
        Ok(runtime)
    }

    /// Joins streams of this process where that pays: on a GPU full batches do; on the processor batches were no faster than
    /// single runs (one thread a session), so there each stream keeps its own networks.
    #[must_use]
    pub fn joined(self, shared: &Shared) -> Self {
        let pays = self.provider != Provider::Cpu;
        Self { shared: pays.then(|| shared.clone()), ..self }
    }

    /// A session on this provider: one thread, no spinning, deterministic.
    pub(super) fn session(&self, model: &str, bytes: &[u8]) -> Result<Session, InferError> {
        let failed = |message: String| InferError::Run { model: model.into(), message };
        let mut builder = self.builder().map_err(failed)?;
        builder = match &self.provider {
            Provider::Plugin(its) => plugin::with_device(builder, &self.environment, &its.name).map_err(failed)?,
            built_in => builder.with_execution_providers(built_in.dispatches()).map_err(|e| failed(e.to_string()))?,
        };
        builder.commit_from_memory(bytes).map_err(|e| failed(e.to_string()))
    }

    fn builder(&self) -> Result<SessionBuilder, String> {
        let plain = |e: ort::Error<SessionBuilder>| e.to_string();
        Session::builder(&self.environment)
            .map_err(|e| e.to_string())?
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(plain)?
            .with_intra_threads(1)
            .map_err(plain)?
            .with_intra_op_spinning(false)
            .map_err(plain)?
            .with_memory_pattern(false)
            .map_err(plain)
    }

    /// The provider of a device, once it is known to load; else why it does not.
    fn offered(&self, device: Device, ep_lib: Option<&Path>) -> Result<Provider, String> {
        let provider = match (device, ep_lib) {
            (Device::Plugin, None) => return Err("no plug-in is named: give --ep-lib FILE".into()),
            (Device::Plugin, Some(path)) => return plugin::load(&self.environment, path).map(Provider::Plugin),
            (Device::Tensorrt, _) => Provider::TensorRt,
            _ => Provider::Cuda,
        };
        // Registered on an empty builder: that loads its libraries and fails where they are missing.
        let tried = self.builder()?.with_execution_providers(provider.dispatches());
        tried.map_err(|e| format!("{} not used: {}", provider.name(), first_line(&e.to_string())))?;
        Ok(provider)
    }
}

/// What is tried before the processor, first to last.
fn tried(config: &RuntimeConfig) -> Vec<Device> {
    match (config.device, &config.ep_lib) {
        (Device::Cpu, _) => Vec::new(),
        (Device::Auto, Some(_)) => vec![Device::Plugin, Device::Cuda],
        (Device::Auto, None) => vec![Device::Cuda],
        (asked, _) => vec![asked],
    }
}

pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn environment(library: PathBuf) -> Result<(PathBuf, Environment), InferError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = &*loaded {
        return Ok(known.clone());
    }
    let unusable = |reason: String| InferError::LibraryUnusable { path: library.clone(), reason };
    let builder = ort::init_from(&library).map_err(|e| unusable(e.to_string()))?;
    let environment = builder.with_name("unmask").with_telemetry(false).build().map_err(|e| unusable(e.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    *loaded = Some((library.clone(), environment.clone()));
    Ok((library, environment))
}

/// The library's version: its file's suffix (`libonnxruntime.so.1.31.1`), else what the library says.
fn version(library: &std::path::Path) -> String {
    let file = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match (name.split_once(".so."), ort::util::probe(library)) {
        (Some((_, version)), _) if version.contains('.') => version.to_owned(),
        (_, Some(minor)) => format!("1.{minor}"),
        _ => "unknown".into(),
    }
}
