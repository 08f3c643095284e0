//! The whole record stream: a synthetic scene through the real pipeline, word for word.

mod common;

use common::{folder, h264, of, records, scan};
use serde_json::Value;
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

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/synthetic.jsonl");

fn manifest(text: &str) -> Manifest {
    toml::from_str(text).unwrap()
}

/// A network that takes sound and is no scorer.
fn listener(id: &str, task: &str, family: &str, samples: usize, golden: &str) -> Manifest {
    manifest(&format!(
        r#"
        id = "{id}"
        task = "{task}"
        family = "{family}"
        file = "none"
        sha256 = "00"
        licence = "MIT"
        commercial_use = true
        origin = "none"
        input = {{ name = "samples", layout = "nt", size = [{samples}], rate_hz = 16000 }}
        golden = {{ input = "none", {golden}, tolerance = 0.1 }}"#,
    ))
}

/// Engines that need no model: a face that is always there, loud is speech, and scores that are means.
fn fake_engines() -> Engines {
    let face = manifest(
        r#"
        id = "fake-face"
        task = "face_score"
        file = "none"
        sha256 = "00"
        licence = "MIT"
        commercial_use = true
        origin = "none"
        input = { name = "input", layout = "nchw", size = [32, 32] }
        preprocess = { template = [[0.35,0.42],[0.65,0.42],[0.5,0.55],[0.38,0.68],[0.62,0.68]], mean = [0.5,0.5,0.5], std = [0.1,0.1,0.1] }
        output = { name = "logit", activation = "sigmoid" }
        golden = { input = "none", p_masked = 0.5, tolerance = 0.1 }"#,
    );
    let voice = manifest(
        r#"
        id = "fake-voice"
        task = "voice_score"
        file = "none"
        sha256 = "00"
        licence = "MIT"
        commercial_use = true
        origin = "none"
        input = { name = "input", layout = "nt", size = [64000], rate_hz = 16000 }
        output = { name = "logit", activation = "sigmoid" }
        calibration = { scale = 100.0, offset = -2.0, fitted_on = "nothing" }
        golden = { input = "none", p_masked = 0.5, tolerance = 0.1 }"#,
    );
    let embedder = manifest(
        r#"
        id = "fake-embedder"
        task = "face_embed"
        family = "embedding"
        file = "none"
        sha256 = "00"
        licence = "MIT"
        commercial_use = true
        origin = "none"
        input = { name = "input", layout = "nchw", size = [32, 32] }
        preprocess = { template = [[0.35,0.42],[0.65,0.42],[0.5,0.55],[0.38,0.68],[0.62,0.68]], mean = [0.5,0.5,0.5], std = [0.1,0.1,0.1] }
        golden = { input = "none", embedding = [0.5], tolerance = 0.1 }"#,
    );
    let speaker = listener("fake-speaker", "voice_embed", "embedding", 16_000, "embedding = [0.5]");
    let segmenter = listener("fake-segmenter", "speaker_segment", "powerset", 64_000, "overlap = 0.0");
    let models = vec![face.info(), embedder.info(), voice.info(), speaker.info(), segmenter.info()];
    let engine = || Box::new(FakeEngine::mean_logit("logit"));
    Engines {
        detector: Box::new(FixedDetector::frontal(BoxPx { x: 100.0, y: 60.0, w: 90.0, h: 110.0 })),
        face: FaceScorer::new(engine(), face).unwrap(),
        embedder: FaceEmbedder::new(Box::new(FakeEngine::one_embedding()), embedder).unwrap(),
        vad: Box::new(LevelVad { rms: 0.05 }),
        voice: VoiceScorer::new(engine(), voice).unwrap(),
        speaker: VoiceEmbedder::new(Box::new(FakeEngine::one_embedding()), speaker),
        overlap: OverlapFinder::new(Box::new(FakeEngine::one_speaker()), segmenter).unwrap(),
        models,
        runtime: RuntimeInfo {
            provider: "fake".into(),
            provider_note: None,
            onnxruntime: "none".into(),
            gstreamer: "none".into(),
        },
    }
}

/// The scene's sound is a tone, which is no speech: score it all the same.
fn config() -> Config {
    let mut config = Config::default();
    config.voice.min_level_range_db = 0.0;
    config.voice.max_tonal_share = 1.0;
    config
}

fn synthetic(scene: Scene, config: &Config, cancel: &Cancel) -> Vec<Value> {
    let memory = Memory::default();
    let mut source = media::build(SourceSpec::Synthetic(scene), &config.limits, cancel).unwrap();
    let mut sink = unmask::report::build(SinkSpec::Memory(memory.clone()));
    let mut engines = fake_engines();
    let run = Run { config, engines: &mut engines, sink: &mut *sink, cancel, progress: &mut |_| {} };
    analyze(&mut *source, run).unwrap();
    let lines: Vec<String> = memory.records().iter().map(|r| serde_json::to_string(r).unwrap()).collect();
    records(lines.join("\n").as_bytes())
}

/// Without what differs from version to version, and the cost.
fn comparable(mut records: Vec<Value>) -> String {
    records.pop();
    records[0]["tool_version"] = "".into();
    records[0]["config_sha256"] = "".into();
    records.iter().map(|r| r.to_string() + "\n").collect()
}

#[test]
fn a_small_clip_gives_this_stream() {
    let scene = Scene { frames: 60, fps: 10, audio_s: 6.0, ..Scene::default() };
    let stream = comparable(synthetic(scene, &config(), &Cancel::default()));
    if std::env::var_os("UNMASK_BLESS").is_some() {
        std::fs::write(GOLDEN, &stream).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    for (found, expected) in stream.lines().zip(golden.lines()) {
        assert_eq!(found, expected, "set UNMASK_BLESS=1 if the change is meant");
    }
    assert_eq!(stream.lines().count(), golden.lines().count());
}

#[test]
fn equal_runs_give_equal_streams() {
    let scene = Scene { frames: 200, fps: 30, audio_s: 9.0, ..Scene::default() };
    let run = || comparable(synthetic(scene.clone(), &config(), &Cancel::default()));
    let first = run();
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
    let call = h264(&folder("records"));
    assert_eq!(comparable(scan(&call, &[])), comparable(scan(&call, &[])));
}

#[test]
fn a_record_for_every_analysed_frame() {
    let scene = Scene { frames: 90, fps: 30, audio_s: 0.0, ..Scene::default() };
    let all = synthetic(scene.clone(), &config(), &Cancel::default());
    assert_eq!(of(&all, "frame").len(), 90);
    let config = Config { fps: Some(5.0), ..config() };
    let some = synthetic(scene, &config, &Cancel::default());
    assert_eq!(of(&some, "frame").len(), 15);
    assert_eq!(some.last().unwrap()["stats"]["frames_decoded"], 90);
    assert_ne!(all[0]["config_sha256"], some[0]["config_sha256"]);
}

#[test]
fn a_cancelled_run_ends_with_a_partial_verdict() {
    let cancel = Cancel::default();
    cancel.cancel();
    let scene = Scene { frames: 1_000_000, fps: 30, audio_s: 1e5, ..Scene::default() };
    let cut = synthetic(scene, &config(), &cancel);
    let verdict = of(&cut, "verdict")[0];
    assert_eq!(verdict["partial"], true);
    assert_ne!(verdict["overall"]["result"], "no_signs_found");
}

#[test]
fn frames_carry_the_voice_score_that_covers_them() {
    let scene = Scene { frames: 60, fps: 10, audio_s: 6.0, ..Scene::default() };
    let stream = synthetic(scene, &config(), &Cancel::default());
    let voices = of(&stream, "voice");
    assert!(!voices.is_empty());
    for frame in of(&stream, "frame") {
        let t = frame["pts_s"].as_f64().unwrap();
        let covered = voices.iter().any(|v| v["start_s"].as_f64().unwrap() <= t && t < v["end_s"].as_f64().unwrap());
        assert_eq!(frame["voice"]["state"] == "scored", covered, "at {t}");
    }
}
