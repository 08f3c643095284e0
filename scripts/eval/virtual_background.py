#!/usr/bin/env python3
"""Gives every clip of a manifest a blurred background, as a meeting client does, so that `unmask eval` can be asked
whether that alone looks like a mask.

In:  a manifest (path,label,…); the face detector's weights from scripts/setup.
Out: OUT/manifest.csv with the same columns, and the clips (H.264, with their sound) beside it; clips that are there are
     kept. The mask is made anew every third frame only, which lags as a client's does. Needs ffmpeg and
     `scripts/setup --bench`.

    .runtime/tools/bin/python scripts/eval/virtual_background.py dev/manifest.csv /tmp/blurred
"""

import argparse
import subprocess
import sys
from pathlib import Path

import background
import clips
import cv2
import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts/models"))
import decode  # noqa: E402

MASK_EVERY = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path)
    return parser.parse_args()


def points(session, frame):
    """The five points of the best face, or None."""
    height, width = frame.shape[:2]
    padded = cv2.copyMakeBorder(frame, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
    found = decode.detect(session, "yunet", padded)
    return np.float32(found[0]["points"]) if found else None


def frames(session, clip):
    mask, number = None, 0
    while True:
        more, frame = clip.read()
        if not more:
            return
        if number % MASK_EVERY == 0:
            face = points(session, frame)
            mask = mask if face is None else background.person_mask(frame, face)
        number += 1
        yield frame if mask is None else background.blurred(frame, mask)


def convert(session, source, target):
    clip = cv2.VideoCapture(str(source))
    width, height = (int(clip.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(clip.get(cv2.CAP_PROP_FPS))]
    part = target.with_name(f"part-{target.name}")
    command = ["ffmpeg", "-v", "error", "-y", *raw, "-i", "-", "-i", source, "-map", "0:v", "-map", "1:a?"]
    command += ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "25"]
    encoder = subprocess.Popen([*command, "-pix_fmt", "yuv420p", "-c:a", "copy", part], stdin=subprocess.PIPE)
    for frame in frames(session, clip):
        encoder.stdin.write(np.ascontiguousarray(frame).data)
    encoder.stdin.close()
    if encoder.wait():
        raise SystemExit(f"virtual_background: ffmpeg failed on {source}")
    part.rename(target)


def main():
    args = arguments()
    session = onnxruntime.InferenceSession(str(ROOT / ".runtime/models/yunet/model.onnx"))
    clips.convert_all(args.manifest, args.out, lambda source, target: convert(session, source, target))


if __name__ == "__main__":
    main()
