#!/usr/bin/env python3
"""False alarms under honest changes, as the program sees them: genuine clips, changed and encoded again.

In:  manifests of labelled clips (path,label,…), of which the genuine are taken, the program, YuNet's weights.
     MANIFEST:held takes only the people whom training kept apart (scripts/train/face/prepare.py).
Out: OUT/<change>/ with the clips (about twelve frames a second, H.264 crf 25, no sound), a manifest and the program's
     report, and a Markdown table on standard output: of the clips with a score, how many are flagged (`signs_found`),
     reach the program's threshold, and pass 0.5, and by how much the rate at the threshold grows. Clips and reports that
     are there are kept; remove OUT/*/report.json after a change of the program or of the network. Needs ffmpeg.

    .runtime/train/bin/python scripts/eval/benign.py ../shared/data/face/dev/manifest.csv \\
        ../shared/data/face/train_video/manifest.csv:held --unmask target/release/unmask
"""

import argparse
import csv
import json
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts/train/face"))
import camera  # noqa: E402
import finish  # noqa: E402
import prepare  # noqa: E402
import yunet  # noqa: E402
from thresholds import SIGNS_AT  # noqa: E402

COLUMNS = ("path", "label", "method", "person", "source")
RATE = 12


def low_light(picture, points, rng):
    """A third of the light with sensor noise."""
    dark = picture * 0.35 + camera.sensor_noise(picture.shape, rng, 4.0, 0.6, 0.5)
    return np.clip(dark, 0, 255).astype(np.uint8)


def half_size(picture, points, rng):
    """Halved and enlarged again, as a client does with a small stream."""
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


# Name: what is done to a frame, and H.264's crf.
CHANGES = {
    "untouched": (lambda picture, points, rng: picture, 25),
    "beauty smoothing": (lambda picture, points, rng: camera.smooth_skin(picture, points, 0.8), 25),
    "virtual background": (lambda picture, points, rng: camera.virtual_background(picture, points, rng, []), 25),
    "eyes moved": (finish.moved_eyes, 25),
    "low light": (low_light, 25),
    "JPEG quality 30": (lambda picture, points, rng: camera.jpeg(picture, 30), 25),
    "low bit rate": (lambda picture, points, rng: picture, 38),
    "half size": (half_size, 25),
    "blur": (lambda picture, points, rng: cv2.GaussianBlur(picture, (0, 0), 1.2), 25),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+")
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--models", type=Path, help="folder of the models, if not the program's own")
    parser.add_argument("--out", type=Path, default=Path(".runtime/eval/benign"))
    parser.add_argument("--yunet", type=Path, default=Path(".runtime/train-face/models/face_detection_yunet_2023mar.onnx"))
    parser.add_argument("--signs-at", type=float, default=SIGNS_AT, help="the configuration's verdict.face.signs_at")
    parser.add_argument("--changes", nargs="+", choices=CHANGES, default=list(CHANGES), help="`untouched` comes first")
    parser.add_argument("--only-clips", action="store_true", help="make the clips and stop")
    return parser.parse_args()


def genuine(manifests):
    """Rows of the genuine clips, with the path of each."""
    for name in manifests:
        path, _, held = name.partition(":")
        for row in prepare.rows(path):
            if row["label"] == "real" and (not held or prepare.held_out(row["person"])):
                yield {key: row.get(key, "") for key in COLUMNS} | {"path": str((Path(path).parent / row["path"]).resolve())}


def frames_of(path, detector):
    """([(picture, landmarks)], frames a second) at about RATE a second."""
    capture = cv2.VideoCapture(path)
    rate = capture.get(cv2.CAP_PROP_FPS) or 25
    step, number, found, last = max(round(rate / RATE), 1), 0, [], None
    while True:
        more, picture = capture.read()
        if not more:
            return found, rate / step
        if number % step == 0:
            last = points if (points := prepare.best_face(detector, picture)) is not None else last
            found.append((picture, last))
        number += 1


def write(frames, rate, factor, target):
    """Encodes under a name of its own first, so that a half-written clip is never taken for whole."""
    height, width = frames[0].shape[:2]
    part = target.with_name(f"part-{target.name}")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
    command += ["-r", f"{rate:.3f}", "-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-threads", "1"]
    command += ["-preset", "veryfast", "-crf", str(factor), "-pix_fmt", "yuv420p", str(part)]
    subprocess.run(command, input=b"".join(f.tobytes() for f in frames), check=True)
    part.rename(target)


def render(rows, args):
    """Makes every version of every clip, and the manifests."""
    detector = yunet.load(str(args.yunet))
    for row in rows:
        name = f"{Path(row['path']).stem}.mkv"
        targets = {change: args.out / change.replace(" ", "-") / name for change in args.changes}
        if all(target.exists() for target in targets.values()):
            continue
        frames, rate = frames_of(row["path"], detector)
        for change in args.changes:
            alter, factor = CHANGES[change]
            targets[change].parent.mkdir(parents=True, exist_ok=True)
            seed, out = zlib.crc32(name.encode()), []
            for picture, points in frames:
                rng = np.random.default_rng(seed)  # the same settings in every frame of a clip
                out.append(picture if points is None else alter(picture, points, rng))
            write(out, rate, factor, targets[change])
    for change in args.changes:
        with open(args.out / change.replace(" ", "-") / "manifest.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row | {"path": f"{Path(row['path']).stem}.mkv"} for row in rows)


def clips_of(change, args):
    """What the program says of the faces of one version."""
    folder = args.out / change.replace(" ", "-")
    path = folder / "report.json"
    if not path.exists():
        scan = [args.unmask, "eval", folder / "manifest.csv", "--fps", "5", "--json", "--jobs", "1"]
        scan += ["--models", args.models] if args.models else []
        text = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        path.with_suffix(".part").write_text(text)
        path.with_suffix(".part").rename(path)
    return {Path(c["path"]).stem: c["face"] for c in json.loads(path.read_text())["clips"]}


def main():
    args = arguments()
    cv2.setNumThreads(1)
    render(list(genuine(args.manifests)), args)
    if args.only_clips:
        return
    print("| change | clips | flagged | at the threshold | rise, points | above 0.5 | mean |\n|" + "---|" * 7)
    before = None
    for change in args.changes:
        found = [face for face in clips_of(change, args).values() if face["p_masked"] is not None]
        p = np.array([face["p_masked"] for face in found])
        flagged = np.mean([face["result"] == "signs_found" for face in found])
        reached = (p >= args.signs_at).mean()
        before = reached if before is None else before
        cells = [change, len(p), *(f"{100 * v:.1f} %" for v in (flagged, reached)), f"{100 * (reached - before):+.1f}"]
        print("| " + " | ".join(map(str, [*cells, f"{100 * (p > 0.5).mean():.1f} %", f"{p.mean():.3f}"])) + " |", flush=True)


if __name__ == "__main__":
    main()
