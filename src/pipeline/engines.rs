//! The networks of a run. In: the configuration. Out: engines that have passed their goldens.

use std::time::Duration;

use crate::config::Config;
use crate::error::Error;
use crate::face::detect::{self, Detector, DetectorSpec};
use crate::face::{FaceEmbedder, FaceScorer};
use crate::infer::{ModelStore, Runtime, Shared};
use crate::media;
use crate::types::record::{ModelInfo, RuntimeInfo};
use crate::voice::vad::{self, Vad, VadSpec};
use crate::voice::{OverlapFinder, VoiceEmbedder, VoiceScorer};

/// One of each, used by one run at a time.
pub struct Engines {
    /// Finds faces.
    pub detector: Box<dyn Detector>,
    /// Scores faces.
    pub face: FaceScorer,
    /// Tells faces apart.
    pub embedder: FaceEmbedder,
    /// Finds speech.
    pub vad: Box<dyn Vad>,
    /// Scores voices.
    pub voice: VoiceScorer,
    /// Tells voices apart.
    pub speaker: VoiceEmbedder,
    /// Hears several speakers at once.
    pub overlap: OverlapFinder,
    /// What records say of the networks.
    pub models: Vec<ModelInfo>,
    /// What runs them.
    pub runtime: RuntimeInfo,
}

impl Engines {
    /// Loads and checks every network that the configuration names.
    pub fn load(config: &Config) -> Result<Self, Error> {
        Self::load_on(Runtime::open(&config.runtime)?, config)
    }

    /// Likewise, for one of several streams of this process.
    pub fn load_joined(config: &Config, shared: &Shared) -> Result<Self, Error> {
        Self::load_on(Runtime::open(&config.runtime)?.joined(shared), config)
    }

    /// Likewise, on a runtime that is open.
    pub fn load_on(runtime: Runtime, config: &Config) -> Result<Self, Error> {
        media::gst::init()?;
        let store = ModelStore::open(&config.runtime)?;
        let (detector, detector_manifest) = detect::build(DetectorSpec::Network {
            runtime: &runtime,
            store: &store,
            id: &config.face.detector,
            side: config.face.detect_side_px,
        })?;
        let face = FaceScorer::load(&runtime, &store, &config.face.scorer)?;
        let embedder = FaceEmbedder::load(&runtime, &store, &config.face.embedder)?;
        let (vad, vad_manifest) =
            vad::build(VadSpec::Network { runtime: &runtime, store: &store, id: &config.voice.vad })?;
        let voice = VoiceScorer::load(&runtime, &store, &config.voice.scorer)?;
        let speaker = VoiceEmbedder::load(&runtime, &store, &config.voice.embedder)?;
        let overlap = OverlapFinder::load(&runtime, &store, &config.voice.segmenter)?;
        let manifests = [
            detector_manifest.as_ref(),
            Some(face.network().manifest()),
            Some(embedder.network().manifest()),
            vad_manifest.as_ref(),
            Some(voice.manifest()),
            Some(speaker.manifest()),
            Some(overlap.manifest()),
        ];
        let models = manifests.into_iter().flatten().map(|m| m.info()).collect();
        let runtime = RuntimeInfo {
            provider: runtime.provider.name().into(),
            provider_note: runtime.note,
            onnxruntime: runtime.version,
            gstreamer: media::gst::version(),
        };
        Ok(Self { detector, face, embedder, vad, voice, speaker, overlap, models, runtime })
    }

    /// Processor seconds inside each network so far, by its id.
    pub fn cpu_times(&self) -> Vec<(String, f64)> {
        let times = [
            self.detector.cpu_time(),
            self.face.network().cpu_time(),
            self.embedder.network().cpu_time(),
            self.vad.cpu_time(),
            self.voice.cpu_time(),
            self.speaker.cpu_time(),
            self.overlap.cpu_time(),
        ];
        // Stand-ins have no id, and cost nothing.
        let ids = self.models.iter().map(|model| model.id.clone());
        ids.zip(times).map(|(id, time)| (id, time.as_secs_f64())).collect()
    }

    /// Processor time spent inside all networks so far.
    pub fn cpu_time(&self) -> Duration {
        let faces = self.detector.cpu_time() + self.face.network().cpu_time() + self.embedder.network().cpu_time();
        let voices = self.voice.cpu_time() + self.speaker.cpu_time() + self.overlap.cpu_time();
        faces + self.vad.cpu_time() + voices
    }
}
