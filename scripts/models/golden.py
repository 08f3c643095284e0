"""Make the golden inputs of the third-party networks and print the golden values.

In:  the NASA portrait (scripts/demo/portrait.py), espeak-ng, ffmpeg, and the fetched networks.
Out: models/{yunet,retinaface-mnet025}/golden.png (640×384, fed as it is, no resampling),
     models/silero-vad/golden.wav (4 s, 16 kHz, mono, 16 bit), and the lines for [golden] on stdout.
Run it by hand when a network changes (it needs onnxruntime: scripts/setup --bench); `--values` keeps
the inputs and prints the values alone.
"""

import argparse
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

import decode
from fetch import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "demo"))
import portrait  # noqa: E402

SENTENCE = "Good morning. I have worked on distributed systems for seven years, mostly in Rust."
DETECTORS = {"yunet": "yunet", "retinaface-mnet025": "retinaface"}


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = ROOT / ".runtime" / "models" / name / "model.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def picture():
    """Grey canvas with the head and shoulders off centre, so that a swapped x and y or side shows."""
    canvas = np.full((384, 640, 3), 127, np.uint8)
    canvas[96:320, 248:472] = portrait.load()[20:244, 112:336]
    return canvas


def sound(path):
    """Half a second of silence, then the sentence: 64 000 samples."""
    spoken = path.with_suffix(".spoken.wav")
    subprocess.run(["espeak-ng", "-v", "en-gb", "-s", "150", "-w", spoken, SENTENCE], check=True)
    convert = ["ffmpeg", "-v", "error", "-i", spoken, "-ar", "16000", "-ac", "1", "-f", "s16le", "-"]
    raw = subprocess.run(convert, check=True, capture_output=True).stdout
    spoken.unlink()
    samples = np.pad(np.frombuffer(raw, np.int16), (8_000, 64_000))[:64_000]
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(samples.tobytes())


def main():
    parser = argparse.ArgumentParser(description="golden inputs and values of the third-party networks")
    parser.add_argument("--values", action="store_true", help="keep the committed inputs, print the values")
    keep = parser.parse_args().values
    for name, family in DETECTORS.items():
        path = ROOT / "models" / name / "golden.png"
        if not keep:
            cv2.imwrite(str(path), picture(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        best = decode.detect(session(name), family, cv2.imread(str(path)))[0]
        print(name, "box_px =", np.round(best["box"], 2).tolist(), "score", round(best["score"], 4))
        print(" " * len(name), "points", np.round(best["points"], 2).tolist())
    path = ROOT / "models" / "silero-vad" / "golden.wav"
    if not keep:
        sound(path)
    with wave.open(str(path)) as read:
        samples = np.frombuffer(read.readframes(64_000), np.int16).astype(np.float32) / 32768
    spoken = decode.Silero(session("silero-vad")).push(samples[: 125 * 512])
    print("silero-vad speech =", round(float(spoken.mean()), 4))


if __name__ == "__main__":
    main()
