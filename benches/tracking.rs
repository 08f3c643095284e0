//! Tracking: a gallery of people who move.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use unmask::face::detect::FixedDetector;
use unmask::face::track::Tracker;
use unmask::types::{BoxPx, Detection, MediaTime};

fn gallery(people: usize, frame: i64) -> Vec<Detection> {
    let face = |i: usize| {
        let (column, row) = ((i % 5) as f32, (i / 5) as f32);
        let sway = ((frame as f32) * 0.1 + i as f32).sin() * 6.0;
        FixedDetector::frontal(BoxPx { x: column * 250.0 + sway, y: row * 180.0, w: 80.0, h: 100.0 }).faces[0]
    };
    (0..people).map(face).collect()
}

fn tracking(c: &mut Criterion) {
    for people in [1, 4, 25] {
        let frames: Vec<_> = (0..300).map(|f| gallery(people, f)).collect();
        c.bench_function(&format!("300 frames of {people} people"), |b| {
            b.iter(|| {
                let mut tracker = Tracker::new(0.6);
                for (i, faces) in frames.iter().enumerate() {
                    black_box(tracker.update(MediaTime::from_samples(i as i64, 30), faces));
                }
            });
        });
    }
}

criterion_group!(benches, tracking);
criterion_main!(benches);
