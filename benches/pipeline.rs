//! The whole pipeline with networks that cost nothing: what is left is ours.

use criterion::{Criterion, criterion_group, criterion_main};
use unmask::face::detect::FixedDetector;
use unmask::face::{FaceEmbedder, FaceScorer};
use unmask::infer::{FakeEngine, Manifest};
use unmask::media::{self, Scene};
use unmask::report::Memory;
use unmask::types::BoxPx;
use unmask::types::record::RuntimeInfo;
use unmask::voice::vad::LevelVad;
use unmask::voice::{OverlapFinder, VoiceEmbedder, VoiceScorer};
use unmask::{Cancel, Config, Engines, Run, SinkSpec, SourceSpec, analyze};

fn manifest(id: &str) -> Manifest {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(id);
    Manifest::read(&dir).expect("a committed model")
}

fn engines(config: &Config) -> Engines {
    let (face, voice) = (manifest(&config.face.scorer), manifest(&config.voice.scorer));
    let embedder = manifest(&config.face.embedder);
    let engine = |m: &Manifest| Box::new(FakeEngine::mean_logit(m.output.as_ref().map_or("", |o| &o.name)));
    Engines {
        detector: Box::new(FixedDetector::frontal(BoxPx { x: 400.0, y: 150.0, w: 240.0, h: 300.0 })),
        face: FaceScorer::new(engine(&face), face).expect("a face scorer"),
        embedder: FaceEmbedder::new(Box::new(FakeEngine::one_embedding()), embedder).expect("an embedder"),
        vad: Box::new(LevelVad { rms: 0.05 }),
        voice: VoiceScorer::new(engine(&voice), voice).expect("a voice scorer"),
        speaker: VoiceEmbedder::new(Box::new(FakeEngine::one_embedding()), manifest(&config.voice.embedder)),
        overlap: OverlapFinder::new(Box::new(FakeEngine::one_speaker()), manifest(&config.voice.segmenter))
            .expect("speaker segmentation"),
        models: Vec::new(),
        runtime: RuntimeInfo {
            provider: "fake".into(),
            provider_note: None,
            onnxruntime: "none".into(),
            gstreamer: "none".into(),
        },
    }
}

fn pipeline(c: &mut Criterion) {
    let mut config = Config::default();
    // The scene's sound is a tone, which is no speech: score it all the same.
    config.voice.min_level_range_db = 0.0;
    config.voice.max_tonal_share = 1.0;
    let mut engines = engines(&config);
    let mut group = c.benchmark_group("pipeline");
    group.sample_size(10);
    group.bench_function("10 s of 1280x720 at 30 frames a second", |b| {
        b.iter(|| {
            let scene = Scene { width: 1280, height: 720, fps: 30, frames: 300, audio_s: 10.0 };
            let cancel = Cancel::default();
            let mut source = media::build(SourceSpec::Synthetic(scene), &config.limits, &cancel).expect("a scene");
            let mut sink = unmask::report::build(SinkSpec::Memory(Memory::default()));
            let run = Run {
                config: &config,
                engines: &mut engines,
                sink: &mut *sink,
                cancel: &cancel,
                progress: &mut |_| {},
            };
            analyze(&mut *source, run).expect("a synthetic scene has no faults")
        });
    });
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
