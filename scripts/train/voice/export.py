"""Turns a checkpoint into `models/<id>/`: model.onnx, model.toml with calibration and golden, golden.wav.

In: a checkpoint, the cache (its held-out part fits the calibration). Out: the folder, checked against ONNX Runtime.

    python export.py --checkpoint .runtime/train-voice/runs/first/last.pt --id voice-spectrum
"""

import argparse
import hashlib
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from sklearn.linear_model import LogisticRegression

from channel import after_codec, before_codec, finished
from data import Library
from evaluate import held_rows
from networks import build
from prepare import read_wave, seeded
from scoring import WINDOW, checkpoint_scorer, clip_score, onnx_scorer, windows_of

SENTENCE = "This is a made voice. It reads a few words so that a network has something to judge, and nothing more."

TOML = """id = "{id}"
task = "voice_score"
file = "model.onnx"
sha256 = "{sha256}"
licence = "MIT OR Apache-2.0"
commercial_use = true
origin = "trained by scripts/train/voice; see card.md"

[input]
name = "input"
layout = "nt"
size = [64000]
rate_hz = 16000

[output]
name = "logit"
activation = "sigmoid"
masked_index = 0

[calibration]
scale = {scale:.4f}
offset = {offset:.4f}
fitted_on = "cached clips of speakers and systems kept out of training, see card.md"

[golden]
input = "golden.wav"
p_masked = {golden:.4f}
tolerance = 0.02
"""


def write_golden(path):
    """espeak-ng reads a sentence; exactly 64 000 samples at 16 kHz mono 16 bit are written."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.wav"
        subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(made), SENTENCE], check=True)
        wave = read_wave(made)
    soundfile.write(path, windows_of(wave)[0] * 0.7, 16_000, subtype="PCM_16")


def calibrated(args, score):
    """Scores of held-out clips through the channel in, the slope and offset of a logistic fit out."""
    logits, labels, weights = [], [], []
    for variant in ("plain", "coded"):
        args.variant, args.leave_out, args.per_method, args.per_speaker = variant, None, 25, 6
        rows = held_rows(args)
        library = Library(args.cache, rows)
        for index, row in enumerate(rows.itertuples()):
            rng = seeded(row.id, "calibration")
            wave = library.wave(index)
            wave = before_codec(wave, rng) if variant == "plain" and rng.random() < 0.5 else wave
            logits.append(clip_score(score, finished(after_codec(wave, rng), rng)))
            labels.append(row.label)
    labels = np.array(labels)
    weights = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    fit = LogisticRegression(C=1e4).fit(np.array(logits)[:, None], labels, sample_weight=weights)
    print(f"calibration on {len(labels)} clips ({int(labels.sum())} fake)")
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def to_onnx(checkpoint, path):
    """Writes the network with its averaged weights as one ONNX file with a free batch size."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = build(saved["kind"])
    network.load_state_dict(saved["average"])
    torch.onnx.export(
        network.for_export(),
        (torch.randn(1, WINDOW) * 0.1,),
        str(path),
        opset_version=17,
        dynamo=False,
        input_names=["input"],
        output_names=["logit"],
        dynamic_axes={"input": {0: "batch"}, "logit": {0: "batch"}},
    )


def check(args, folder, golden):
    """Compares ONNX Runtime with torch on noise and the golden, and times one window."""
    network, session = checkpoint_scorer(args.checkpoint), onnx_scorer(folder)
    rng = np.random.default_rng(0)
    windows = np.concatenate([golden, rng.normal(0, 0.1, (2, WINDOW)).astype(np.float32)])
    gap = float(np.abs(network(windows) - session(windows)).max())
    times = []
    for _ in range(30):
        began = time.perf_counter()
        session(golden)
        times.append(1000 * (time.perf_counter() - began))
    print(
        f"largest logit difference {gap:.5f}; one window on one thread: "
        f"median {np.median(times):.1f} ms, best {min(times):.1f} ms"
    )
    if gap > 0.01:
        raise SystemExit("the exported network does not agree with the trained one")


def main():
    """Exports, calibrates, writes the golden and the description."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--id", default="voice-spectrum")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-voice/cache"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.models / args.id
    folder.mkdir(parents=True, exist_ok=True)
    to_onnx(args.checkpoint, folder / "model.onnx")
    if not (folder / "golden.wav").exists():
        write_golden(folder / "golden.wav")
    golden = windows_of(read_wave(folder / "golden.wav"))
    check(args, folder, golden)
    score = onnx_scorer(folder)
    scale, offset = calibrated(args, score)
    answer = 1 / (1 + np.exp(-(scale * float(score(golden)[0]) + offset)))
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "model.toml").write_text(
        TOML.format(id=args.id, sha256=sha256, scale=scale, offset=offset, golden=answer)
    )
    size = (folder / "model.onnx").stat().st_size / 1e6
    print(f"{folder}: {size:.2f} MB, scale {scale:.4f}, offset {offset:.4f}, golden p {answer:.4f}")


if __name__ == "__main__":
    main()
