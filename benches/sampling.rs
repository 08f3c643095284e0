//! Sampling and alignment: from YUV planes to tensors.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use unmask::face::detect::FixedDetector;
use unmask::face::{DetectInput, crop, crop_map};
use unmask::infer::{Manifest, Normalise};
use unmask::media::OwnedPlanes;
use unmask::types::{BoxPx, Picture, PictureFormat};

const TEMPLATE: [[f32; 2]; 5] = [[0.37, 0.4], [0.63, 0.4], [0.5, 0.549], [0.392, 0.7], [0.608, 0.7]];

fn picture(width: u32, height: u32) -> Picture {
    let luma = |x: usize, y: usize| (16 + (x * 7 + y * 11) % 200) as u8;
    let planes = OwnedPlanes::i420(width, height, luma, |x, y| ((x % 200) as u8, (y % 200) as u8));
    Picture::new(Arc::new(planes), PictureFormat::I420, width, height).expect("planes fit")
}

fn normalise() -> Normalise {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/yunet");
    let manifest = Manifest::read(path.as_ref()).expect("the detector's manifest");
    Normalise::new(manifest.preprocess.as_ref().expect("pictures have one"), manifest.input.color)
}

fn detector_input(c: &mut Criterion) {
    for (width, height) in [(640, 360), (1280, 720), (1920, 1080)] {
        let picture = picture(width, height);
        let mut input = DetectInput::new(640, normalise());
        c.bench_function(&format!("detector input from {width}x{height}"), |b| {
            b.iter(|| black_box(input.prepare(&picture).tensor[0]));
        });
        let side = height as f32 / 3.0;
        let face = BoxPx { x: side, y: side, w: side, h: side };
        c.bench_function(&format!("the part around a face of {width}x{height}"), |b| {
            b.iter(|| black_box(input.prepare_around(&picture, &face).tensor[0]));
        });
    }
}

fn face_crop(c: &mut Criterion) {
    let picture = picture(1280, 720);
    for side in [100.0f32, 300.0, 600.0] {
        let face = FixedDetector::frontal(BoxPx { x: 300.0, y: 60.0, w: side, h: side }).faces[0];
        c.bench_function(&format!("face crop of {side} px"), |b| {
            b.iter(|| {
                let map = crop_map(black_box(&face.landmarks), &TEMPLATE, (160, 160), 1.0).expect("a real face");
                black_box(crop(&picture, &map, 160, 160))
            });
        });
    }
}

fn alignment(c: &mut Criterion) {
    let face = FixedDetector::frontal(BoxPx { x: 300.0, y: 60.0, w: 200.0, h: 250.0 }).faces[0];
    c.bench_function("alignment", |b| b.iter(|| crop_map(black_box(&face.landmarks), &TEMPLATE, (160, 160), 1.0)));
}

criterion_group!(benches, detector_input, face_crop, alignment);
criterion_main!(benches);
