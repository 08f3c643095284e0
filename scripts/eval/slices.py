#!/usr/bin/env python3
"""False alarms of the face network by skin tone and by size of the face, on genuine clips.

In:  pairs MANIFEST=REPORT: a manifest (path,label,…) and the report of `unmask eval MANIFEST --fps 5 --json` on it; only
     the genuine clips count. MANIFEST:held=REPORT takes only the people whom training kept apart. YuNet's weights.
Out: a Markdown table on standard output: for each third by skin tone and each range of face sizes the clips with a
     score, their mean P(masked), how many are flagged (`signs_found`), reach the program's threshold, and pass 0.5,
     the last with a 95 % Wilson interval.
Skin tone is the individual typology angle (Chardon and others, 1991) of both cheeks in CIELAB, the median over frames:
arctan((L - 50) / b) in degrees, higher = lighter. It is measured from the picture as received, so light and white
balance move it as skin does. It serves this table alone; the program never computes it.

    .runtime/train/bin/python scripts/eval/slices.py ../shared/data/face/dev/manifest.csv=dev.json
"""

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts/train/face"))
import prepare  # noqa: E402
import yunet  # noqa: E402
from thresholds import SIGNS_AT  # noqa: E402

FRAMES = 5
SIZES = ((0, 60), (60, 100), (100, 160), (160, 10_000))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="MANIFEST[:held]=REPORT")
    parser.add_argument("--yunet", type=Path, default=Path(".runtime/train-face/models/face_detection_yunet_2023mar.onnx"))
    parser.add_argument("--signs-at", type=float, default=SIGNS_AT, help="the configuration's verdict.face.signs_at")
    return parser.parse_args()


def cheeks(picture, points):
    """Pixels of both cheeks (n,3) in CIELAB."""
    eye = float(np.linalg.norm(points[1] - points[0]))
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    parts, half = [], max(int(0.1 * eye), 1)
    for e, m in ((0, 3), (1, 4)):
        x, y = (points[e] + 0.6 * (points[m] - points[e]) + 0.12 * (points[e] - points[1 - e])).astype(int)
        parts.append(lab[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1].reshape(-1, 3))
    return np.concatenate(parts)


def typology_angle(path, detector):
    """Median angle over frames in degrees; nan without a face."""
    angles = []
    for picture in prepare.clip_frames(path, FRAMES):
        points = prepare.best_face(detector, picture)
        if points is None:
            continue
        skin = np.median(cheeks(picture, points), 0)
        angles.append(np.degrees(np.arctan2(skin[0] - 50, max(skin[2], 1e-3))))
    return float(np.median(angles)) if angles else float("nan")


def clips_of(pair, detector):
    """One record for each scored genuine clip."""
    manifest, report = pair.split("=", 1)
    path, _, held = manifest.partition(":")
    said = {Path(c["path"]).name: c for c in json.loads(Path(report).read_text())["clips"]}
    for row in prepare.rows(path):
        clip = said.get(Path(row["path"]).name)
        if row["label"] != "real" or clip is None or clip["face"]["p_masked"] is None:
            continue
        if not held or prepare.held_out(row["person"]):
            angle = typology_angle(str(Path(path).parent / row["path"]), detector)
            yield {"p": clip["face"]["p_masked"], "flagged": clip["face"]["result"] == "signs_found",
                   "size": clip["face_px"] or 0.0, "angle": angle}


def wilson(hits, count, z=1.96):
    """95 % interval of a share."""
    p, middle = hits / count, (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * np.sqrt(count * p * (1 - p) + z * z / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def line(name, clips, signs_at):
    if not clips:
        return
    p = np.array([c["p"] for c in clips])
    low, high = wilson((p > 0.5).sum(), len(p))
    flagged, reached = np.mean([c["flagged"] for c in clips]), (p >= signs_at).mean()
    rates = f"{100 * flagged:.1f} % | {100 * reached:.1f} % | {100 * (p > 0.5).mean():.1f} % [{100 * low:.0f}–{100 * high:.0f}]"
    print(f"| {name} | {len(p)} | {p.mean():.3f} | {rates} |")


def main():
    args = arguments()
    detector = yunet.load(str(args.yunet))
    clips = [clip for pair in args.pairs for clip in clips_of(pair, detector)]
    print("| slice | clips | mean | flagged | at the threshold | above 0.5 |\n|" + "---|" * 6)
    line("all", clips, args.signs_at)
    seen = sorted((c for c in clips if np.isfinite(c["angle"])), key=lambda c: c["angle"])
    for name, part in zip(("darkest", "middle", "lightest"), np.array_split(np.arange(len(seen)), 3)):
        third = [seen[i] for i in part]
        line(f"{name} third, {third[0]['angle']:.0f}° to {third[-1]['angle']:.0f}°", third, args.signs_at)
    for low, high in SIZES:
        name = f"face {low}–{high} px" if high < 10_000 else f"face {low} px and more"
        line(name, [c for c in clips if low <= c["size"] < high], args.signs_at)


if __name__ == "__main__":
    main()
