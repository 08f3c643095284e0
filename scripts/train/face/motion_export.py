"""Step M5: calibrate and export the network over time.

In: average.pt of one or more runs of motion_train.py (their logits are averaged), held-out simulated windows, windows of
held-out people's untouched clips (motion_evaluate.py makes them), NASA's portrait. Out: OUT with model.onnx (input
`input` (batch,8,3,160,160), output `logit` (batch,1); the two large layers stored as FP16, computed in FP32), model.toml
and golden.png, eight crops side by side in the order of time. Dev clips are not used.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import torch

import align
import export
import measure
import motion_data
import motion_evaluate
import motion_net
import motion_train
import prepare
import score
import yunet

LARGE = 200_000  # numbers from which a layer is stored as FP16
SPACING_MS = 125


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="FOLDER/ID")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    parser.add_argument("--held", nargs="+", default=["held"])
    return parser.parse_args()


class Exported(torch.nn.Module):
    """The mean logit of networks that share their statistics."""

    def __init__(self, networks):
        super().__init__()
        self.networks = torch.nn.ModuleList(networks)

    def forward(self, x):
        table = self.networks[0].statistics(x)
        return sum(network.judge(table) for network in self.networks) / len(self.networks)


def loaded(path):
    """The network of a run."""
    network = motion_net.MotionNet()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def entrance(weight):
    """The first layers' large weights."""
    return "enter" in weight.name and np.prod(weight.dims) >= LARGE


def write_onnx(network, path):
    """Exports with a dynamic batch."""
    example = torch.zeros(2, motion_net.STEPS, 3, align.SIZE, align.SIZE)
    torch.onnx.export(network, (example,), str(path), input_names=["input"], output_names=["logit"], opset_version=17,
                      dynamic_axes={name: {0: "batch"} for name in ("input", "logit")}, dynamo=False)
    exported = export.halve(export.share(onnx.load(str(path))), entrance)
    exported.producer_name, exported.doc_string = "unmask", ""
    onnx.checker.check_model(exported)
    onnx.save(exported, str(path))


def golden(args):
    """Eight crops of the portrait, nodding, turning and dimming a little; written side by side, RGB."""
    picture = cv2.imread(str(args.cache / "models" / "astronaut.png"))
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    points, crops = prepare.best_face(detector, picture), []
    for t in range(motion_net.STEPS):
        at = points + np.array([1.5 * np.sin(t), np.cos(1.3 * t)]) + 0.4 * np.sin(t + np.arange(10.0)).reshape(5, 2)
        crops.append(np.clip(align.crop(picture, at) * (1 - 0.01 * t), 0, 255).astype(np.uint8))
    cv2.imwrite(str(args.out / "golden.png"), np.concatenate(crops, 1))
    return np.stack(crops)[..., ::-1]


def real_windows(args):
    """Windows of held-out people's untouched clips."""
    options = argparse.Namespace(**vars(args), clips=args.data / "train_video", held_out=True, spacing=SPACING_MS, windows=4)
    return np.concatenate(motion_evaluate.clip_windows(options)[1])


def calibrated(args, networks, scorer):
    """(scale, offset, source): fitted on simulated windows and untouched real ones."""
    held, table = motion_train.load(networks[0], args.motion, args.held)
    with torch.no_grad():
        scores = np.mean([network.judge(table)[:, 0].numpy() for network in networks], 0)
    real = scorer(real_windows(args))
    labels = np.concatenate([held["label"], np.zeros(len(real), held["label"].dtype)])
    scale, offset = measure.platt(np.concatenate([scores, real]), labels)
    p = measure.sigmoid(scale * scores + offset)
    print(f"held-out: {len(scores)} windows, AUC {measure.auc(scores, held['label']):.3f}, ECE {measure.calibration_error(p, held['label']):.3f}")
    print(f"untouched real windows: {len(real)}, over 0.5: {(measure.sigmoid(scale * real + offset) > 0.5).mean():.3f}")
    return scale, offset, f"{len(scores)} simulated and {len(real)} untouched windows of held-out people"


def milliseconds(path, rounds=40):
    """Least time of one window on one thread."""
    run, times = score.session(path), []
    x = np.random.default_rng(1).normal(0, 1, (1, motion_net.STEPS, 3, align.SIZE, align.SIZE)).astype(np.float32)
    for _ in range(rounds):
        start = time.perf_counter()
        run.run(None, {"input": x})
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def write_toml(args, scale, offset, fitted_on, p_masked):
    """The manifest; `steps`, `spacing_ms`, layout `ntchw` and task `face_motion` are new words."""
    form = f'layout = "ntchw"\nsize = [{align.SIZE}, {align.SIZE}]\nsteps = {motion_net.STEPS}\nspacing_ms = {SPACING_MS}'
    export.write_toml(args, scale, offset, fitted_on, p_masked, "face_motion", "/motion_*.py", form)


def main():
    """Exports, calibrates, writes and checks."""
    args = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    path, networks = args.out / "model.onnx", [loaded(weights) for weights in args.weights]
    network = Exported(networks).eval()
    write_onnx(network, path)
    scorer = motion_evaluate.Scorer(path)
    scale, offset, fitted_on = calibrated(args, networks, scorer)
    crops = golden(args)
    logit = scorer(crops[None])[0]
    write_toml(args, scale, offset, fitted_on, measure.sigmoid(scale * logit + offset))
    several = np.stack([crops, crops[::-1], crops[:, :, ::-1]])
    apart = np.concatenate([scorer(one[None]) for one in several])
    with torch.no_grad():
        exact = network(motion_data.tensor(several))[:, 0].numpy()
    print(f"batch against single {np.abs(scorer(several) - apart).max():.2e}, against the runs {np.abs(exact - apart).max():.2e}")
    print(f"golden {measure.sigmoid(scale * logit + offset):.4f}, {path.stat().st_size / 1e6:.2f} MB, {milliseconds(path):.1f} ms")


if __name__ == "__main__":
    main()
