#!/usr/bin/env python3
"""How often the identity and challenge cues alarm on honest people, and whether a hand before the face is noticed.

In:  manifests of honest clips (path,label,…); the built program; Python's onnxruntime (scripts/setup --bench).
Out: every event an hour, by kind, and the findings. With --hands DIR also made-up clips in DIR, in which a hand-coloured
     shape crosses the honest face for a second: how many have `face_covered` at the right time, and how many a sign.

    .runtime/tools/bin/python scripts/eval/identity.py CLIPS.csv... [--hands DIR --count 20]
"""

import argparse
import collections
import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import decode  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SIGNS = ["identity_jump", "identity_change", "challenge_broken", "light_lag"]
KINDS = SIGNS + ["identity_drift", "person_change", "profile_turn", "fast_motion", "light_change", "face_covered"]
NEAR_S = 0.5


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--hands", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--fps", help="as for unmask scan")
    parser.add_argument("--unmask", default=ROOT / "target/release/unmask")
    return parser.parse_args()


def real(manifest):
    """Paths of the manifest's honest clips."""
    with manifest.open() as file:
        return [manifest.parent / r["path"] for r in csv.DictReader(file) if r["label"] == "real"]


def scan(path, options):
    """The records of one recording."""
    command = [str(options.unmask), "scan", str(path), "--format", "jsonl"]
    command += ["--fps", options.fps] if options.fps else []
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def honest(paths, options):
    """Events an hour, by kind, and the findings."""
    seconds, events, findings = 0.0, collections.Counter(), collections.Counter()
    for path in paths:
        records = scan(path, options)
        verdict = next(r for r in records if r["type"] == "verdict")
        seconds += verdict["coverage"]["video_s"]
        findings[f"{verdict['identity']['result']} ({', '.join(verdict['identity']['reasons'])})"] += 1
        for record in records:
            if record["type"] == "event" and record["kind"] in KINDS:
                events[record["kind"]] += 1
                if record["kind"] in SIGNS:
                    print(f"false: {path.name} {record}", flush=True)
    print(f"{len(paths)} honest clips, {seconds / 3600:.3f} h; finding: {dict(findings)}")
    for kind in KINDS:
        print(f"  {kind:<17} {events[kind]:4}  {events[kind] / seconds * 3600:7.1f} an hour")


class Faces:
    """YuNet on pictures of any size."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = ROOT / ".runtime" / "models" / "yunet" / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def points(self, bgr):
        """The best face's five points, or None."""
        height, width = bgr.shape[:2]
        canvas = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.uint8)
        canvas[:height, :width] = bgr
        found = decode.detect(self.session, "yunet", canvas)
        return np.array(found[0]["points"], np.float32) if found else None


def hand(frame, points, part):
    """A shape of four fingers in the cheek's colour, `part` of the way across the face."""
    width = float(np.linalg.norm(points[1] - points[0]))
    cheek = np.clip((points[2] + points[3])[::-1] / 2, 0, np.array(frame.shape[:2]) - 1).astype(int)
    colour = cv2.blur(frame, (9, 9))[tuple(cheek)]
    out, x = frame.copy(), points[:, 0].mean() + (part * 2 - 1) * 2.2 * width
    for finger in range(4):
        left = (int(x + (finger - 2) * 0.38 * width), int(points[0, 1] - width * 0.9))
        right = (int(left[0] + 0.34 * width), int(points[3, 1] + width * 0.8))
        cv2.rectangle(out, left, right, tuple(int(c) * (9 + finger % 2) // 10 for c in colour), -1)
    return out


def make(frames, points, fps, path, change):
    """Writes a clip; `change(frame, points, index)` makes each picture."""
    height, width = frames[0].shape[:2]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
    command += ["-r", str(fps), "-i", "-", "-c:v", "libx264", "-crf", "24", "-pix_fmt", "yuv420p", str(path)]
    raw = b"".join(change(f, p, i).tobytes() for i, (f, p) in enumerate(zip(frames, points, strict=True)))
    subprocess.run(command, input=raw, check=True)


def clip_of(path, faces):
    """Frames, the face's points in each, frames a second."""
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    return frames, [faces.points(f) for f in frames], video.get(cv2.CAP_PROP_FPS)


def hands(paths, options):
    """Makes, scans and counts."""
    options.hands.mkdir(parents=True, exist_ok=True)
    faces, noticed, signs, made = Faces(), 0, 0, 0
    for path in paths:
        if made >= options.count:
            break
        frames, points, fps = clip_of(path, faces)
        if len(frames) < 3.5 * fps or any(p is None for p in points):
            continue
        start, end = int(len(frames) * 0.6 - fps / 2), int(len(frames) * 0.6 + fps / 2)

        def change(frame, p, i, start=start, end=end):
            return hand(frame, p, (i - start) / (end - start)) if start <= i < end else frame

        out = options.hands / f"hand-{path.stem}.mp4"
        make(frames, points, fps, out, change)
        events = [r for r in scan(out, options) if r["type"] == "event" and r["kind"] in KINDS]
        near = [e for e in events if e["start_s"] <= end / fps + NEAR_S and e["end_s"] >= start / fps - NEAR_S]
        noticed += any(e["kind"] == "face_covered" for e in near)
        signs += any(e["kind"] in SIGNS for e in events)
        made += 1
    print(f"hand before the face: {made} clips, {noticed} with face_covered there, {signs} with a sign")


def main():
    """Honest clips, then those with a hand."""
    options = arguments()
    paths = [path for manifest in options.clips for path in real(manifest)]
    honest(paths, options)
    if options.hands:
        hands(paths, options)


if __name__ == "__main__":
    main()
