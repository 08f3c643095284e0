"""Turns checkpoints (their mean) into `models/<id>/`: model.onnx, model.toml with calibration and golden, golden.wav.

In: checkpoints, the cache (its held-out part fits the calibration). Out: the folder, checked against ONNX Runtime.

    python export.py --checkpoint .runtime/train-voice/runs/first/last.pt --id voice-spectrum
"""

import hashlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from sklearn.linear_model import LogisticRegression

from channel import after_codec, before_codec, finished
from commands import parser_of
from data import HELD_METHODS, Library
from evaluate import held_rows
from networks import for_export, load
from prepare import seeded
from real_sources import read_wave
from scoring import WINDOW, checkpoint_scorer, clip_score, figures, onnx_scorer, windows_of

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
    """Scores of held-out clips through the channel in, the slope and offset of a logistic fit out.

    Both classes weigh alike; among the reals every source does, among the fakes every system, and the systems that
    no training clip came from weigh as much as all the others together: that is the shift to expect.
    """
    logits, rows = [], []
    for variant in ("plain", "coded"):
        args.variant, args.leave_out, args.per_method, args.per_speaker = variant, None, 25, 6
        part = held_rows(args)
        library = Library(args.cache, part)
        for index, row in enumerate(part.itertuples()):
            rng = seeded(row.id, "calibration")
            wave = library.wave(index)
            wave = before_codec(wave, rng) if variant == "plain" and rng.random() < 0.5 else wave
            logits.append(clip_score(score, finished(after_codec(wave, rng), rng)))
        rows.append(part)
    rows = pd.concat(rows, ignore_index=True)
    group = rows["method"].where(rows["label"] == 1, rows["source"])
    weights = 1 / group.map(group.value_counts())
    real, unseen = rows["label"] == 0, rows["method"].isin(HELD_METHODS)
    for part, share in ((real, 0.5), (unseen, 0.25), (~real & ~unseen, 0.25)):
        weights[part] *= share / weights[part].sum()
    fit = LogisticRegression(C=1e4).fit(np.array(logits)[:, None], rows["label"], sample_weight=weights * len(rows))
    print(f"calibration on {len(rows)} clips ({int(rows['label'].sum())} fake): {figures(rows['label'], logits)}")
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def to_onnx(checkpoints, path):
    """Writes the networks with their averaged weights as one ONNX file with a free batch size."""
    torch.onnx.export(
        for_export(load(checkpoints)),
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
        began = time.process_time()
        session(golden)
        times.append(1000 * (time.process_time() - began))
    print(
        f"largest logit difference {gap:.5f}; processor time of one window on one thread: "
        f"median {np.median(times):.1f} ms, best {min(times):.1f} ms"
    )
    if gap > 0.01:
        raise SystemExit("the exported network does not agree with the trained one")


def main():
    """Exports, calibrates, writes the golden and the description."""
    parser = parser_of(__doc__)
    parser.add_argument("--checkpoint", nargs="+", required=True, help="several are averaged; PATH=3 weighs three times")
    parser.add_argument("--id", default="voice-spectrum")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--work", type=Path, default=Path(".runtime/train-voice/export"), help="made here, then moved")
    args = parser.parse_args()
    torch.set_num_threads(1)
    goal, folder = args.models / args.id, args.work / args.id
    folder.mkdir(parents=True, exist_ok=True)
    to_onnx(args.checkpoint, folder / "model.onnx")
    if (goal / "golden.wav").exists():
        shutil.copy(goal / "golden.wav", folder / "golden.wav")
    else:
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
    goal.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        shutil.move(path, goal / path.name)
    print(f"{goal}: {size:.2f} MB, scale {scale:.4f}, offset {offset:.4f}, golden p {answer:.4f}")


if __name__ == "__main__":
    main()
