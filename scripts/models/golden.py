"""Make the golden inputs of the third-party networks and print the golden values.

In:  the NASA portrait (scripts/demo/portrait.py), espeak-ng, ffmpeg, and the fetched networks.
Out: models/{yunet,retinaface-mnet025}/golden.png (640×384, fed as it is, no resampling),
     models/face-embed/golden.png (150×150, the aligned face), models/silero-vad/golden.wav (4 s, 16 kHz, mono,
     16 bit), models/speaker-segmentation/golden.wav (likewise, two voices), and the lines for [golden] on stdout.
Run it by hand when a network changes (it needs onnxruntime: scripts/setup --bench); `--values` keeps
the inputs and prints the values alone.
"""

import argparse
import subprocess
import sys
import tomllib
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
ANSWER = "Yes, and I wrote most of it myself, before the others came to the team."
EMBEDDER = "face-embed"
SEGMENTER = "speaker-segmentation"
PREFIX = 8  # values of the embedding that are kept: too few to tell a face by
DETECTORS = {"yunet": "yunet", "retinaface-mnet025": "retinaface"}


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = ROOT / ".runtime" / "models" / name / "model.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def manifest(name):
    return tomllib.loads((ROOT / "models" / name / "model.toml").read_text())


def picture():
    """Grey canvas with the head and shoulders off centre, so that a swapped x and y or side shows."""
    canvas = np.full((384, 640, 3), 127, np.uint8)
    canvas[96:320, 248:472] = portrait.load()[20:244, 112:336]
    return canvas


def spoken(sentence, voice, delay_s):
    """A sentence behind silence: 64 000 samples."""
    say = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", sentence]
    wav = subprocess.run(say, check=True, capture_output=True).stdout
    convert = ["ffmpeg", "-v", "error", "-i", "-", "-ar", "16000", "-ac", "1", "-f", "s16le", "-"]
    raw = subprocess.run(convert, check=True, capture_output=True, input=wav).stdout
    return np.pad(np.frombuffer(raw, np.int16), (int(delay_s * 16_000), 64_000))[:64_000]


def write(path, samples):
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(samples.tobytes())


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(64_000), np.int16).astype(np.float32) / 32768


def face():
    """The portrait's face as the embedder's template has it: a square whose side is the eyes' distance over 0.35."""
    best = decode.detect(session("yunet"), "yunet", picture())[0]
    (right, left), spec = np.array(best["points"])[:2], manifest(EMBEDDER)
    side = spec["input"]["size"][0]
    target = np.array(spec["preprocess"]["template"][:2]) * side
    turn = (target[1] - target[0]) @ [1, 1j] / ((left - right) @ [1, 1j])
    shift = target[0] @ [1, 1j] - turn * (right @ [1, 1j])
    to_crop = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return cv2.warpAffine(picture(), to_crop, (side, side), flags=cv2.INTER_LINEAR)


def embedding(path):
    """The committed crop's embedding."""
    spec = manifest(EMBEDDER)["preprocess"]
    rgb = cv2.imread(str(path))[:, :, ::-1].astype(np.float32) / 255
    tensor = ((rgb - spec["mean"]) / spec["std"]).astype(np.float32).transpose(2, 0, 1)[None]
    return session(EMBEDDER).run(["embedding"], {"input": np.ascontiguousarray(tensor)})[0][0]


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
    path = ROOT / "models" / EMBEDDER / "golden.png"
    if not keep:
        cv2.imwrite(str(path), face(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(EMBEDDER, "embedding =", [round(float(v), 4) for v in embedding(path)[:PREFIX]])
    path = ROOT / "models" / "silero-vad" / "golden.wav"
    if not keep:
        write(path, spoken(SENTENCE, "en-gb", 0.5))
    speech = decode.Silero(session("silero-vad")).push(read(path)[: 125 * 512])
    print("silero-vad speech =", round(float(speech.mean()), 4))
    path = ROOT / "models" / SEGMENTER / "golden.wav"
    if not keep:
        write(path, spoken(SENTENCE, "en-gb", 0.5) // 2 + spoken(ANSWER, "en-us+f3", 1.5) // 2)
    logs = session(SEGMENTER).run(["output"], {"input": read(path)[None, None]})[0][0]
    print(SEGMENTER, "overlap =", round(float(np.exp(logs[:, 4:]).sum(1).mean()), 4))


if __name__ == "__main__":
    main()
