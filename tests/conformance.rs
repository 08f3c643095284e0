//! One suite over every variant of each seam.

mod common;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{PORTRAIT, SPEECH, folder, h264};
use ndarray::{Array, Array4, ArrayD};
use unmask::config::{Limits, LiveConfig, RuntimeConfig};
use unmask::face::detect::{self, Detector, DetectorSpec, FixedDetector};
use unmask::infer::{self, Engine, EngineSpec, FakeEngine, Input as Tensor, ModelStore, Runtime, Task};
use unmask::media::{self, OwnedPlanes, Scene};
use unmask::report::{self, Memory, ReportError, Sink, Tee};
use unmask::types::record::{Record, Warning};
use unmask::types::{BoxPx, Orientation, Picture, PictureFormat, Prob};
use unmask::voice::vad::{self, FRAME, LevelVad, Vad, VadSpec};
use unmask::{Cancel, Config, Device, Input, LiveInput, LiveSpec, SinkSpec, SourceSpec};

fn installed() -> (ModelStore, Runtime) {
    let config = RuntimeConfig { device: Device::Cpu, ..RuntimeConfig::default() };
    (ModelStore::open(&config).unwrap(), Runtime::open(&config).unwrap())
}

/// Every engine variant, with the name and shape of its input.
fn engines() -> Vec<(&'static str, Box<dyn Engine>, String, usize)> {
    let (store, runtime) = installed();
    let model = store.find_for(&Config::default().face.scorer, Task::FaceScore).unwrap();
    let onnx = infer::build(EngineSpec::Onnx(&runtime), &model).unwrap();
    let fake = infer::build(EngineSpec::Fake(FakeEngine::mean_logit("logit")), &model).unwrap();
    let (input, side) = (model.manifest.input.name.clone(), model.manifest.input.size[0]);
    vec![("onnx", onnx, input.clone(), side), ("fake", fake, input, side)]
}

fn samples(n: usize, side: usize) -> Array4<f32> {
    Array::from_shape_fn((n, 3, side, side), |(i, c, y, x)| ((i * 31 + c * 7 + x * 3 + y * 5) % 97) as f32 / 97.0 - 0.5)
}

fn answers(engine: &mut dyn Engine, name: &str, values: &Array4<f32>) -> Vec<f32> {
    let outputs = engine.run(&[Tensor { name, values: values.view().into_dyn() }]).unwrap();
    outputs[0].values.iter().copied().collect()
}

#[test]
fn engines_answer_a_batch_as_they_answer_single_samples_and_in_order() {
    for (variant, mut engine, name, side) in engines() {
        let batch = samples(3, side);
        let together = answers(&mut *engine, &name, &batch);
        assert_eq!(together.len(), 3, "{variant}");
        for (i, expected) in together.iter().enumerate() {
            let one = batch.select(ndarray::Axis(0), &[i]);
            let alone = answers(&mut *engine, &name, &one);
            assert!((alone[0] - expected).abs() < 1e-4, "{variant}: {alone:?} {expected}");
        }
        assert_eq!(answers(&mut *engine, &name, &batch), together, "{variant}: equal input, equal output");
    }
}

#[test]
fn engines_refuse_what_is_not_a_number() {
    for (variant, mut engine, name, side) in engines() {
        let values = ArrayD::<f32>::from_elem(vec![1, 3, side, side], f32::NAN);
        let result = engine.run(&[Tensor { name: &name, values: values.view() }]);
        assert!(result.is_err(), "{variant}");
    }
}

#[test]
fn scorers_give_nothing_for_nothing() {
    let (store, _) = installed();
    let manifest = store.find(&Config::default().face.scorer).unwrap().manifest;
    for (_, engine, _, side) in engines() {
        let mut scorer = unmask::face::FaceScorer::new(engine, manifest.clone()).unwrap();
        assert!(scorer.score(&[]).unwrap().is_empty());
        assert!(scorer.score(&[&vec![0.0; 3 * side * side - 1]]).is_err(), "a crop of another size is refused");
    }
}

fn portrait() -> Picture {
    portrait_stored(Orientation::default())
}

/// The portrait, stored so that turning it as told shows it upright.
fn portrait_stored(orientation: Orientation) -> Picture {
    let (rgb, width, height) = infer::read_png("test", Path::new(PORTRAIT)).unwrap();
    let plane = width * height;
    let (stored_w, stored_h) = orientation.upright_size(width as u32, height as u32);
    let mut from = vec![0; plane];
    for i in 0..plane {
        let (x, y) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
        let (sx, sy) = orientation.to_stored(x, y, stored_w as f32, stored_h as f32);
        from[sy as usize * stored_w as usize + sx as usize] = i;
    }
    let at = |x: usize, y: usize| {
        let i = from[y.min(stored_h as usize - 1) * stored_w as usize + x.min(stored_w as usize - 1)];
        [rgb[i], rgb[plane + i], rgb[2 * plane + i]]
    };
    let luma = |x, y| {
        let [r, g, b] = at(x, y);
        (16.0 + 0.257 * r + 0.504 * g + 0.098 * b).round() as u8
    };
    let chroma = |x: usize, y: usize| {
        let [r, g, b] = at(2 * x, 2 * y);
        ((128.0 - 0.148 * r - 0.291 * g + 0.439 * b) as u8, (128.0 + 0.439 * r - 0.368 * g - 0.071 * b) as u8)
    };
    let planes = OwnedPlanes::i420(stored_w, stored_h, luma, chroma);
    let mut picture = Picture::new(Arc::new(planes), PictureFormat::I420, stored_w, stored_h).unwrap();
    picture.orientation = orientation;
    picture
}

#[test]
fn detectors_find_the_portrait_best_first_and_twice_the_same() {
    let (store, runtime) = installed();
    let [x, y, w, h] = common::FACE.map(|v| v as f32);
    let network = |id| DetectorSpec::Network { runtime: &runtime, store: &store, id, side: 640 };
    let fixed = DetectorSpec::Fixed(FixedDetector::frontal(BoxPx { x, y, w, h }));
    let picture = portrait();
    for (name, spec) in [("yunet", network("yunet")), ("retinaface", network("retinaface-mnet025")), ("fixed", fixed)] {
        let (mut detector, _): (Box<dyn Detector>, _) = detect::build(spec).unwrap();
        let found = detector.detect(&picture, 0.6).unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0].bbox.iou(&BoxPx { x, y, w, h }) > 0.7, "{name}: {:?}", found[0].bbox);
        let [right_eye, left_eye, nose, right_mouth, left_mouth] = found[0].landmarks;
        assert!(right_eye.x < nose.x && nose.x < left_eye.x && right_mouth.x < left_mouth.x, "{name}: order of points");
        assert!(right_eye.y < nose.y && nose.y < left_mouth.y, "{name}: order of points");
        assert_eq!(detector.detect(&picture, 0.6).unwrap(), found, "{name}");
        assert!(detector.detect(&picture, 1.1).unwrap().is_empty(), "{name}");
        let lower = detector.detect(&picture, 0.2).unwrap();
        assert!(lower.windows(2).all(|w| w[0].score >= w[1].score), "{name}: best first");
    }
}

#[test]
fn the_part_around_a_face_shows_what_the_whole_picture_shows() {
    let (store, runtime) = installed();
    let [x, y, w, h] = common::FACE.map(|v| v as f32);
    for (id, side) in [("yunet", 640), ("yunet", 320), ("retinaface-mnet025", 640)] {
        let spec = DetectorSpec::Network { runtime: &runtime, store: &store, id, side };
        let (mut detector, _) = detect::build(spec).unwrap();
        for (quarter_turns, mirrored) in [(0, false), (0, true), (1, false), (2, true), (3, false)] {
            let picture = portrait_stored(Orientation { quarter_turns, mirrored });
            let whole = detector.detect(&picture, 0.6).unwrap()[0];
            let part = detector.detect_around(&picture, &whole.bbox, 0.6).unwrap();
            assert_eq!(part.len(), 1, "{id} {side} {quarter_turns}");
            assert!(part[0].bbox.iou(&whole.bbox) > 0.85, "{id} {side} {quarter_turns}: {whole:?} {part:?}");
            let points = part[0].landmarks.iter().zip(whole.landmarks);
            let off = points.map(|(a, b)| (a.x - b.x).hypot(a.y - b.y)).fold(0.0, f32::max);
            assert!(off < 0.05 * whole.bbox.w, "{id} {side} {quarter_turns}: a point is {off} px off");
        }
        let picture = portrait();
        let corner = BoxPx { x: -20.0, y: -30.0, w, h };
        assert!(detector.detect_around(&picture, &corner, 0.6).unwrap().is_empty(), "{id}: nobody is in the corner");
        let shifted = BoxPx { x: x + 0.3 * w, y: y - 0.3 * h, w, h };
        assert_eq!(detector.detect_around(&picture, &shifted, 0.6).unwrap().len(), 1, "{id}: room to move");
    }
}

#[test]
fn detectors_of_voice_activity_do_not_care_how_sound_is_cut() {
    let (store, runtime) = installed();
    let speech = infer::read_wav("test", Path::new(SPEECH)).unwrap();
    let network = VadSpec::Network { runtime: &runtime, store: &store, id: "silero-vad" };
    for (name, spec) in [("silero", network), ("level", VadSpec::Level(LevelVad { rms: 0.01 }))] {
        let (mut vad, _): (Box<dyn Vad>, _) = vad::build(spec).unwrap();
        let whole = vad.speech(&speech).unwrap();
        assert_eq!(whole.len(), speech.len() / FRAME, "{name}");
        assert!(whole.iter().all(|p| (0.0..=1.0).contains(p)), "{name}");
        assert!(whole.iter().filter(|p| **p > 0.5).count() > whole.len() / 3, "{name}: hears speech");
        vad.reset();
        let pieces: Vec<f32> = speech.chunks(3 * FRAME).flat_map(|c| vad.speech(c).unwrap()).collect();
        assert!(whole.iter().zip(&pieces).all(|(a, b)| (a - b).abs() < 1e-4), "{name}");
        assert!(vad.speech(&[0.0; FRAME - 1]).unwrap().is_empty(), "{name}: less than a frame is nothing");
        vad.reset();
        let silence = vad.speech(&[0.0; 40 * FRAME]).unwrap();
        assert!(silence.iter().all(|p| *p < 0.5), "{name}: silence is no speech");
    }
}

#[test]
fn sources_give_increasing_times_once_and_end_when_cancelled() {
    let call = h264(&folder("conformance"));
    let specs = [
        SourceSpec::Gst(Input::parse(call.to_str().unwrap()).unwrap()),
        SourceSpec::Synthetic(Scene { frames: 20, audio_s: 2.0, ..Scene::default() }),
        SourceSpec::Live(LiveSpec { input: LiveInput::File(call), config: LiveConfig::default(), for_s: None }),
    ];
    for spec in specs {
        let cancel = Cancel::default();
        let mut source = media::build(spec.clone(), &Limits::default(), &cancel).unwrap();
        assert!(source.info().video.is_some() && source.info().audio.is_some());
        let streams = source.streams();
        assert!(source.streams().video.is_none(), "{spec:?}: the second call gives none");
        let (mut video, mut audio) = (streams.video.unwrap(), streams.audio.unwrap());
        let heard = std::thread::spawn(move || {
            let mut samples = 0;
            while let Some(chunk) = audio.next_chunk().unwrap() {
                assert!(chunk.samples.iter().all(|s| s.abs() <= 1.0));
                samples += chunk.samples.len();
            }
            samples
        });
        let (mut times, live) = (Vec::new(), source.live());
        // What a live source leaves out keeps its number, and is counted.
        let left_out = || live.as_ref().map_or(0, |live| live.frames_dropped());
        while let Some(frame) = video.next_frame().unwrap() {
            assert!((0..=left_out()).contains(&(frame.index - times.len() as u64)), "{spec:?}: {}", frame.index);
            times.push(frame.pts);
        }
        assert_eq!(times.len() as u64 + left_out(), 20, "{spec:?}");
        assert!(times.windows(2).all(|w| w[0] < w[1]), "{spec:?}");
        assert!((heard.join().unwrap() as i64 - 32_000).abs() < 3_200, "{spec:?}");

        let mut source = media::build(spec.clone(), &Limits::default(), &cancel).unwrap();
        let mut video = source.streams().video.unwrap();
        video.next_frame().unwrap();
        cancel.cancel();
        assert!(video.next_frame().unwrap().is_none(), "{spec:?}: cancelled");
    }
}

#[test]
fn opening_many_recordings_at_once_never_hangs() {
    let call = h264(&folder("conformance-many"));
    let spec = SourceSpec::Gst(Input::parse(call.to_str().unwrap()).unwrap());
    let limits = Limits { stall_s: 60.0, ..Limits::default() };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..15 {
                    let mut source = media::build(spec.clone(), &limits, &Cancel::default()).unwrap();
                    assert!(source.streams().video.unwrap().next_frame().unwrap().is_some());
                }
            });
        }
    });
}

/// A writer that keeps what it is given, or refuses.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>, bool);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.1 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.1 { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

#[test]
fn sinks_take_any_record_and_say_when_they_cannot() {
    let warning = Record::Warning(Warning { code: "c".into(), message: "m".into(), count: 1 });
    let sinks = |kept: &Kept| {
        [
            SinkSpec::Jsonl { out: Box::new(kept.clone()), name: "here".into() },
            SinkSpec::JsonlAtOnce { out: Box::new(kept.clone()), name: "here".into() },
            SinkSpec::View { out: Box::new(kept.clone()), alarm_at: Prob::ONE, colour: false },
            SinkSpec::Summary { out: Box::new(kept.clone()) },
            SinkSpec::Memory(Memory::default()),
        ]
    };
    for spec in sinks(&Kept::default()) {
        let mut sink = report::build(spec);
        sink.write(&warning).unwrap();
        sink.finish().unwrap();
    }
    let mut refused = 0;
    for spec in sinks(&Kept(Arc::default(), true)) {
        let mut sink = report::build(spec);
        let failed: Option<ReportError> = sink.write(&warning).and_then(|()| sink.finish()).err();
        refused += usize::from(failed.is_some_and(|e| e.is_closed_pipe()));
    }
    assert_eq!(refused, 4, "each writer notices; memory has no pipe");
    // One that feeds two gives both the same, and fails with either.
    let at_once =
        |kept: &Kept| report::build(SinkSpec::JsonlAtOnce { out: Box::new(kept.clone()), name: "here".into() });
    let (whole, closed) = (Kept::default(), Kept(Arc::default(), true));
    let (mut first, mut second, memory) = (at_once(&whole), at_once(&closed), Memory::default());
    let mut kept = report::build(SinkSpec::Memory(memory.clone()));
    let mut both = Tee::new(&mut *first, &mut *kept);
    both.write(&warning).and_then(|()| both.finish()).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&whole.0.lock().unwrap()).unwrap();
    assert_eq!(vec![written], memory.records().iter().map(|r| serde_json::to_value(r).unwrap()).collect::<Vec<_>>());
    assert!(Tee::new(&mut *kept, &mut *second).write(&warning).is_err());
}
