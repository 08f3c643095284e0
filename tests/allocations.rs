//! What a steady stream asks of the allocator: for the detector's input resampling weights at most; the networks' tensors
//! are kept, and what a face costs does not grow with the picture it is in. No picture is ever copied whole.

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use ndarray::ArrayD;
use unmask::face::{Affine, CropNetwork, DetectInput, crop};
use unmask::infer::{FakeEngine, Manifest, Normalise};
use unmask::media::OwnedPlanes;
use unmask::types::{BoxPx, Picture, PictureFormat};

fn picture(width: u32, height: u32, format: PictureFormat) -> Picture {
    let planes = OwnedPlanes::i420(width, height, |x, y| (x * 3 + y * 5) as u8, |x, y| ((x + y) as u8, x as u8));
    let planes = if format == PictureFormat::Nv12 { planes.into_nv12() } else { planes };
    Picture::new(Arc::new(planes), format, width, height).unwrap()
}

fn manifest(id: &str) -> Manifest {
    Manifest::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(id)).unwrap()
}

/// What the work asks for once it has been done before.
fn steady(mut work: impl FnMut()) -> AllocationInfo {
    (0..3).for_each(|_| work());
    measure(work)
}

#[test]
fn the_detector_input_of_a_steady_stream_is_kept() {
    let yunet = manifest("yunet");
    for (width, height) in [(1280, 720), (1920, 1080), (640, 360), (360, 360)] {
        for format in [PictureFormat::I420, PictureFormat::Nv12] {
            let picture = picture(width, height, format);
            let normalise = Normalise::new(yunet.preprocess.as_ref().unwrap(), yunet.input.color);
            let mut input = DetectInput::new(640, normalise);
            let asked = steady(|| assert!(input.prepare(&picture).width > 0));
            // None at 720 lines; else the resampling's weights, which are fewer than the picture has pixels.
            let most = if width == 1280 { 0 } else { u64::from(width * height) };
            assert!(asked.bytes_total <= most, "{width}x{height} {format:?}: {asked:?}");
            let face = BoxPx { x: 100.0, y: 80.0, w: 120.0, h: 150.0 };
            let asked = steady(|| assert!(input.prepare_around(&picture, &face).width > 0));
            let most = if format == PictureFormat::I420 { 0 } else { u64::from(width * height) };
            assert!(asked.bytes_total <= most, "part of {width}x{height} {format:?}: {asked:?}");
        }
    }
}

#[test]
fn a_face_costs_the_same_in_a_large_picture() {
    let cost = |width, height| {
        let picture = picture(width, height, PictureFormat::I420);
        // A face of 240 pixels, aligned to 160.
        let map = Affine::scale(1.5, 1.5);
        steady(|| assert_eq!(crop(&picture, &map, 160, 160).len(), 3 * 160 * 160))
    };
    let (small, large) = (cost(1280, 720), cost(3840, 2160));
    assert_eq!((small.count_total, small.bytes_total), (large.count_total, large.bytes_total));
    assert_eq!((large.count_total, large.bytes_total), (1, 3 * 160 * 160 * 4), "the crop itself");
}

#[test]
fn the_tensor_of_a_network_is_kept() {
    let engine = FakeEngine::new("out", |input| ArrayD::zeros(vec![input.values.shape()[0], 1]));
    let mut network = CropNetwork::new(Box::new(engine), manifest("face-lite160")).unwrap();
    let (width, height) = network.size();
    let rgb = vec![100.0; 3 * width * height];
    let asked = steady(|| assert_eq!(network.run(&[&rgb], "out").unwrap().len(), 1));
    assert!(asked.bytes_total < 2_000, "{asked:?}: the answer and its name, and no tensor of {} bytes", 4 * rgb.len());
}
