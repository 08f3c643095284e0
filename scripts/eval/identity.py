"""How often the identity and challenge cues are right: honest clips, and clips in which a pasted face slips.

In:  manifests of honest clips (path,label,…) and of photos; the built program; Python's onnxruntime
     (scripts/setup --bench).
Out: for honest clips every event an hour, by kind. With --photos also made-up clips in --out: another person's face
     (a photo, fitted by five points, feathered) is pasted over an honest clip's face and is missing for 2, 4 or 8
     frames (slip), or a hand-coloured shape crosses the honest face for a second (hand); for each kind how many
     clips have the event at the right time, and how many have a sign elsewhere.
Usage: .runtime/tools/bin/python scripts/eval/identity.py CLIPS.csv... [--photos PHOTOS.csv --out DIR --count 20]
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
SLIPS = (2, 4, 8)
NEAR_S = 0.5


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--fps", help="as for unmask scan")
    parser.add_argument("--unmask", default=ROOT / "target/release/unmask")
    return parser.parse_args()


def real(manifest):
    """Paths and persons of the manifest's honest clips."""
    with manifest.open() as file:
        return [(manifest.parent / r["path"], r["person"]) for r in csv.DictReader(file) if r["label"] == "real"]


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


def pasted(frame, points, photo, photo_points):
    """The photo's face over the frame's, feathered, with the frame's mean colour."""
    fit, _ = cv2.estimateAffinePartial2D(photo_points, points, method=cv2.LMEDS)
    face = cv2.warpAffine(photo, fit, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    width = float(np.linalg.norm(points[1] - points[0]))
    centre, height = (eyes + mouth) / 2, float(np.linalg.norm(mouth - eyes))
    mask = np.zeros(frame.shape[:2], np.float32)
    axes = (int(width * 0.95), int(height * 1.15))
    angle = float(np.degrees(np.arctan2(*(points[1] - points[0])[::-1])))
    cv2.ellipse(mask, (int(centre[0]), int(centre[1])), axes, angle, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), width * 0.12)[:, :, None]
    inside = mask[:, :, 0] > 0.5
    face = face.astype(np.float32) + frame[inside].mean(0) - face[inside].mean(0)
    return np.clip(frame * (1 - mask) + face * mask, 0, 255).astype(np.uint8)


def hand(frame, points, part):
    """A shape of four fingers in the cheek's colour, `part` of the way across the face."""
    width = float(np.linalg.norm(points[1] - points[0]))
    colour = cv2.blur(frame, (9, 9))[tuple(np.clip((points[2] + points[3])[::-1] / 2, 0, np.array(frame.shape[:2]) - 1).astype(int))]
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


def tell(name, results, right):
    """One line of the table."""
    hits = sum(any(kind in right and near for kind, near in r) for r in results)
    false = sum(any(kind in SIGNS and not (kind in right and near) for kind, near in r) for r in results)
    print(f"{name:<10} {len(results):3} clips, {hits:3} with {' or '.join(right)} there, {false:3} with another sign")


def simulated(paths, options):
    """Makes, scans and counts."""
    options.out.mkdir(parents=True, exist_ok=True)
    faces, results = Faces(), collections.defaultdict(list)
    with options.photos.open() as file:
        photos = [options.photos.parent / r["path"] for r in csv.DictReader(file)]
    for number, path in enumerate(paths):
        if len(results["hand"]) >= options.count:
            break
        video = cv2.VideoCapture(str(path))
        fps = video.get(cv2.CAP_PROP_FPS)
        frames = []
        while (read := video.read())[0]:
            frames.append(read[1])
        points = [faces.points(f) for f in frames]
        photo = cv2.imread(str(photos[number * 37 % len(photos)]))
        photo_points = faces.points(photo)
        if len(frames) < 3.5 * fps or photo_points is None or any(p is None for p in points):
            continue
        slip = int(len(frames) * 0.6)
        made = {f"slip-{n}": (slip, slip + n) for n in SLIPS} | {"hand": (slip - int(fps / 2), slip + int(fps / 2))}
        for kind, (start, end) in made.items():
            def change(frame, p, i, kind=kind, start=start, end=end):
                if kind == "hand":
                    return hand(frame, p, (i - start) / (end - start)) if start <= i < end else frame
                return frame if start <= i < end else pasted(frame, p, photo, photo_points)
            out = options.out / f"{kind}-{path.stem}.mp4"
            make(frames, points, fps, out, change)
            events = [r for r in scan(out, options) if r["type"] == "event" and r["kind"] in KINDS]
            near = lambda e: e["start_s"] <= end / fps + NEAR_S and e["end_s"] >= start / fps - NEAR_S  # noqa: E731
            results[kind].append([(e["kind"], near(e)) for e in events])
    for n in SLIPS:
        tell(f"slip-{n}", results[f"slip-{n}"], ["identity_jump"])
    tell("hand", results["hand"], ["face_covered"])


def main():
    """Honest clips, then simulated ones."""
    options = arguments()
    clips = [clip for manifest in options.clips for clip in real(manifest)]
    if options.photos:
        simulated([path for path, _ in clips], options)
    else:
        honest([path for path, _ in clips], options)


if __name__ == "__main__":
    main()
