//! The execution provider. In: the device asked for. Out: a runtime whose provider is the one that really runs.
//!
//! ONNX Runtime falls back to the processor in silence when a provider fails; here a failure is an error
//! (`--device cuda`) or a note with its reason (`--device auto`).

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::{InferError, Shared, Tape, library};
use crate::config::{Device, RuntimeConfig};

/// ONNX Runtime allows one environment a process, from one library.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// What runs the networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The processor, one thread a session.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Provider {
    /// As in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
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
        if config.device != Device::Cpu {
            match runtime.try_cuda() {
                Ok(()) => runtime.provider = Provider::Cuda,
                Err(reason) if config.device == Device::Cuda => return Err(InferError::NoGpu { reason }),
                Err(reason) => runtime.note = Some(format!("cuda not used: {reason}")),
            }
        }
        if config.require_gpu && runtime.provider == Provider::Cpu {
            let reason = runtime.note.unwrap_or_else(|| "--device cpu was asked for".into());
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
        if self.provider == Provider::Cuda {
            builder = builder.with_execution_providers([cuda()]).map_err(|e| failed(e.to_string()))?;
        }
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

    /// Registers the provider on an empty builder: that loads its libraries and fails where they are missing.
    fn try_cuda(&self) -> Result<(), String> {
        let builder = self.builder()?;
        builder.with_execution_providers([cuda()]).map(|_| ()).map_err(|e| first_line(&e.to_string()))
    }
}

fn cuda() -> ExecutionProviderDispatch {
    ort::ep::CUDA::default().build().error_on_failure()
}

fn first_line(text: &str) -> String {
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
