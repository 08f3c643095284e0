"""Turns checkpoints (their mean) into `models/<id>/`: model.onnx, model.toml with calibration and golden, golden.wav.

In: checkpoints, the cache (its held-out part fits the calibration). Out: the folder, checked against ONNX Runtime.

    python export.py --checkpoint .runtime/train-voice/runs/first/last.pt --id voice-spectrum
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from calibrate import calibrated, flattened
from commands import parser_of
from networks import for_export, load
from real_sources import read_wave
from scoring import WINDOW, checkpoint_scorer, onnx_scorer, windows_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from half_weights import halve_weights  # noqa: E402

SENTENCE = "This is a made voice. It reads a few words so that a network has something to judge, and nothing more."

ABOUT = (
    "Says how much 4 s of speech sound made by a machine. At the usual thresholds it stays silent about two of three "
    "voices made by tools it does not know."
)

TOML = """id = "{id}"
task = "voice_score"
file = "model.onnx"
sha256 = "{sha256}"
licence = "MIT OR Apache-2.0"
commercial_use = true
origin = "trained by scripts/train/voice; see card.md"
about = "{about}"

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
fitted_on = "cached clips of speakers, systems and families kept out of training, see card.md"

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
    parser.add_argument(
        "--checkpoint", nargs="+", required=True, help="several are averaged; PATH=3 weighs three times"
    )
    parser.add_argument("--id", default="voice-spectrum")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--work", type=Path, default=Path(".runtime/train-voice/export"), help="made here, then moved")
    parser.add_argument(
        "--left-out", nargs="*", default=[], help="fold:0/4=RUN or family:NAME=RUN+RUN: trained without those systems"
    )
    parser.add_argument("--about", default=ABOUT, help="two lines for whoever reads a report")
    parser.add_argument("--seen-share", type=float, default=0.5, help="verdict.voice.seen_share of the program")
    args = parser.parse_args()
    torch.set_num_threads(1)
    goal, folder = args.models / args.id, args.work / args.id
    folder.mkdir(parents=True, exist_ok=True)
    to_onnx(args.checkpoint, folder / "model.onnx")
    halve_weights(folder / "model.onnx")
    if (goal / "golden.wav").exists():
        shutil.copy(goal / "golden.wav", folder / "golden.wav")
    else:
        write_golden(folder / "golden.wav")
    golden = windows_of(read_wave(folder / "golden.wav"))
    check(args, folder, golden)
    score = onnx_scorer(folder)
    scale, offset = calibrated(args, score)
    if args.left_out:
        scale, offset = flattened(args, scale, offset)
    answer = 1 / (1 + np.exp(-(scale * float(score(golden)[0]) + offset)))
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "model.toml").write_text(
        TOML.format(id=args.id, about=args.about, sha256=sha256, scale=scale, offset=offset, golden=answer)
    )
    size = (folder / "model.onnx").stat().st_size / 1e6
    goal.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        shutil.move(path, goal / path.name)
    print(f"{goal}: {size:.2f} MB, scale {scale:.4f}, offset {offset:.4f}, golden p {answer:.4f}")


if __name__ == "__main__":
    main()
