"""Step 5: measure a network on the dev clips. Nothing is trained, chosen or fitted here.

In: a network (.pt or .onnx), a folder with manifest.csv and clips. Every clip, real or fake, first goes
through the same transcode. A clip's score is the mean logit over --frames frames spread over it (largest
face of each). Out: a table on standard output and, with --json, the same as JSON. Crops are cached under
CACHE/dev by transcode, so further networks are measured in seconds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import measure
import prepare
import score
import yunet

TRANSCODE = Path(__file__).parents[2] / "eval" / "transcode.py"


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--dev", type=Path, default=Path("../shared/data/face/dev"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--longest", type=int, default=640, help="longest side after the transcode")
    parser.add_argument("--crf", type=int, default=25, help="H.264 quality of the transcode")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--scale", type=float, default=1.0, help="calibration of the probabilities")
    parser.add_argument("--offset", type=float, default=0.0)
    parser.add_argument("--mirror", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--clips", action="store_true", help="also print every clip's score")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def transcoded(args, folder):
    """Paths of all clips after the common transcode, in the manifest's order."""
    command = [sys.executable, TRANSCODE, args.dev / "manifest.csv", folder, "--longest", args.longest, "--crf", args.crf]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return [folder / row["path"] for row in prepare.rows(folder / "manifest.csv")]


def clip_crops(path, detector, frames):
    """(crops, face widths in pixels) of a clip's frames that show a face."""
    crops, widths = [], []
    for frame in prepare.clip_frames(path, frames):
        boxes, points = yunet.detect(detector, frame)
        if len(boxes) == 0:
            continue
        best = np.argmax(boxes[:, 2] * boxes[:, 3])
        crops.append(align.crop(frame, points[best])[..., ::-1])
        widths.append(boxes[best, 2])
    return np.array(crops, np.uint8).reshape(-1, align.SIZE, align.SIZE, 3), np.array(widths)


def dev_crops(args):
    """(rows, crops of each, face width of each), from the cache when it is there."""
    rows = prepare.rows(args.dev / "manifest.csv")
    path = args.cache / "dev" / f"{args.longest}-{args.crf}-{args.frames}.npz"
    if not path.exists():
        detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            for i, clip in enumerate(transcoded(args, Path(folder))):
                found[f"c{i}"], found[f"w{i}"] = clip_crops(clip, detector, args.frames)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)
    with np.load(path) as file:
        return rows, [file[f"c{i}"] for i in range(len(rows))], [file[f"w{i}"] for i in range(len(rows))]


def group(row):
    """Broad kind of a row's method."""
    return row["method"].split(":")[0]


def figures(scores, labels):
    """AUC with its interval and the hit rate at 5 % false alarms."""
    low, high = measure.interval(measure.auc, scores, labels)
    return {
        "auc": round(measure.auc(scores, labels), 3), "low": round(low, 3), "high": round(high, 3),
        "tpr_at_5": round(measure.hit_rate(scores, labels), 3), "real": int((labels == 0).sum()), "fake": int((labels == 1).sum()),
    }


def by_kind(rows, scores, labels):
    """Figures of all fakes, of each broad kind, and AUC of each method, against all reals."""
    table = {"all fakes": figures(scores, labels)}
    for kind in sorted({group(r) for r, l in zip(rows, labels) if l}):
        keep = np.array([not l or group(r) == kind for r, l in zip(rows, labels)])
        table[kind] = figures(scores[keep], labels[keep])
    for method in sorted({r["method"] for r, l in zip(rows, labels) if l}):
        keep = np.array([not l or r["method"] == method for r, l in zip(rows, labels)])
        table["  " + method] = {"auc": round(measure.auc(scores[keep], labels[keep]), 3), "fake": int(labels[keep].sum())}
    return table


def by_size(widths, scores, labels):
    """Figures by face width."""
    table = {}
    for low, high in ((0, 100), (100, 160), (160, 10_000)):
        keep = (widths >= low) & (widths < high)
        if len(set(labels[keep])) == 2:
            table[f"face {low}-{high} px"] = figures(scores[keep], labels[keep])
    return table


def by_source(rows, scores, labels):
    """AUC on swaps and on all with one real source left out at a time: the spread is what matters."""
    source = np.array([r["source"].split("/")[0] for r in rows])
    swap = np.array([group(r) == "faceswap" for r in rows])
    table = {}
    for name in sorted(set(source[labels == 0])):
        keep = ~((source == name) & (labels == 0))
        mine = (source == name) & (labels == 0)
        higher = scores[labels == 1][:, None] > scores[mine][None]
        table[f"reals of {name}"] = {
            "clips": int(mine.sum()), "fakes above": round(float(higher.mean()), 3),
            "auc without": round(measure.auc(scores[keep], labels[keep]), 3),
            "swap auc without": round(measure.auc(scores[keep & (swap | (labels == 0))], labels[keep & (swap | (labels == 0))]), 3),
        }
    return table


def pairs(rows, scores, labels):
    """How often a fake scores above the real clips of the same person."""
    wins = []
    for row, own, label in zip(rows, scores, labels):
        twins = [s for r, s, l in zip(rows, scores, labels) if not l and r["person"] == row["person"]]
        if label and twins:
            wins.append(float(np.mean([own > twin for twin in twins])))
    return {"fakes with a real of the same person": len(wins), "masked higher": round(float(np.mean(wins)), 3) if wins else None}


def show(title, table):
    """Prints one table."""
    print(f"\n{title}")
    for name, row in table.items():
        print(f"  {name:42s} " + "  ".join(f"{k} {v}" for k, v in row.items()))


def main():
    """Prints every table."""
    args = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rows, crops, widths = dev_crops(args)
    scorer = score.Scorer(args.network, args.mirror)
    keep = [i for i in range(len(rows)) if len(crops[i])]
    rows, frames = [rows[i] for i in keep], [scorer(crops[i]) for i in keep]
    labels = np.array([int(r["label"] == "fake") for r in rows])
    scores = np.array([f.mean() for f in frames])
    flat, flat_labels = np.concatenate(frames), np.repeat(labels, [len(f) for f in frames])
    probability = measure.sigmoid(args.scale * scores + args.offset)
    result = {
        "clips": by_kind(rows, scores, labels),
        "size": by_size(np.array([np.median(widths[i]) for i in keep]), scores, labels),
        "sources": by_source(rows, scores, labels),
        "other": {
            "frames": {"auc": round(measure.auc(flat, flat_labels), 3)},
            "calibration": {
                "ece": round(measure.calibration_error(probability, labels), 3),
                "reals over 0.5": round(float((probability[labels == 0] > 0.5).mean()), 3),
            },
            "pairs": pairs(rows, scores, labels), "without a face": {"clips": len(crops) - len(keep)},
        },
    }
    print(f"{args.network.name} on {len(rows)} clips, H.264 crf {args.crf}, longest side {args.longest}, {args.frames} frames")
    for title, table in result.items():
        show(title, table)
    if args.clips:
        show("scores", {r["path"]: {"score": round(float(s), 2), "method": r["method"]} for r, s in zip(rows, scores)})
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
