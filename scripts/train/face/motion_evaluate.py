"""Step M4: measure the network over time on clips: dev (reported, never chosen by) and untouched held-out real clips.

In: MotionNet weights (.pt) or an exported .onnx, a folder with manifest.csv and clips; with --add, a face scorer (.onnx)
whose logit is added, each brought to the unit spread that it has on the held-out simulated windows. A clip's score is
the mean logit of up to --windows windows of 8 frames --spacing ms apart. Out: AUC by kind and method. Crops are cached.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import evaluate
import measure
import motion_data
import motion_net
import prepare
import score
import yunet


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/face/dev"))
    parser.add_argument("--held-out", action="store_true", help="only clips of the people kept out of training")
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    parser.add_argument("--spacing", type=float, default=125)
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--held", default="held", help="simulated windows that give the unit spread")
    parser.add_argument("--add", type=Path, help="a face scorer whose logit is added")
    parser.add_argument("--weight", type=float, default=1.0, help="of this network beside the face scorer")
    parser.add_argument("--list", action="store_true", help="also print every clip's score")
    return parser.parse_args()


class Scorer:
    """Logits of windows (n,8,160,160,3), from weights or an exported network."""

    def __init__(self, path):
        if path.suffix == ".onnx":
            run = score.session(path)
            self.run = lambda x: run.run(["logit"], {"input": x.numpy()})[0]
        else:
            network = motion_net.MotionNet()
            network.load_state_dict(torch.load(path, weights_only=True))
            self.run = lambda x: network.eval()(x).numpy()

    def __call__(self, crops, batch=4):
        with torch.no_grad():
            parts = [self.run(motion_data.tensor(crops[i : i + batch]))[:, 0] for i in range(0, len(crops), batch)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def frames_of(path):
    """(frames, frames a second) of a clip."""
    capture, frames = cv2.VideoCapture(str(path)), []
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    while len(frames) < 400:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(frame)
    return frames, rate


def windows(path, detector, spacing, most):
    """Windows (n,8,160,160,3) of a clip, spread over it; frames without a face are passed over."""
    frames, rate = frames_of(path)
    stride = max(int(round(spacing / 1000 * rate)), 1)
    span = stride * (motion_net.STEPS - 1) + 1
    starts = np.unique(np.linspace(0, max(len(frames) - span, 0), most).astype(int))
    if len(starts) > 1:
        starts = starts[: 1 + (len(frames) - span) // max(span // 2, 1)] if len(frames) < span * 2 else starts
    found, out = {}, []
    for start in starts:
        crops = []
        for t in range(start, min(start + span, len(frames)), stride):
            if t not in found:
                points = prepare.best_face(detector, frames[t])
                found[t] = None if points is None else align.crop(frames[t], points)[..., ::-1]
            if found[t] is not None:
                crops.append(found[t])
        if len(crops) == motion_net.STEPS:
            out.append(np.stack(crops))
    return np.array(out, np.uint8).reshape(-1, motion_net.STEPS, align.SIZE, align.SIZE, 3)


def clip_windows(args):
    """(rows, windows of each) of a folder, from the cache when it is there."""
    rows = prepare.rows(args.clips / "manifest.csv")
    if args.held_out:
        rows = [row for row in rows if prepare.held_out(row["person"])]
    path = args.motion / "clips" / f"{args.clips.name}-{args.spacing:g}-{args.windows}-{int(args.held_out)}.npz"
    if not path.exists():
        detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
        found = {f"c{i}": windows(args.clips / row["path"], detector, args.spacing, args.windows) for i, row in enumerate(rows)}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)
    with np.load(path) as file:
        return rows, [file[f"c{i}"] for i in range(len(rows))]


def spread(scorer, args, name):
    """Deviation of a scorer's logits over the held-out simulated windows, one value a window; kept in the cache."""
    kept = args.motion / "clips" / f"spread-{name}-{args.held}.npy"
    if not kept.exists():
        values = []
        for path in sorted((args.motion / "windows" / args.held).glob("*.npz")):
            with np.load(path) as file:
                values.append(scorer(file["crops"]))
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.concatenate(values))
    return float(np.load(kept).std())


def of_frames(path):
    """A face scorer on windows: the mean logit of their frames."""
    scorer = score.Scorer(path)
    return lambda crops: scorer(crops.reshape(-1, *crops.shape[2:])).reshape(len(crops), -1).mean(1) if len(crops) else np.zeros(0)


def report(title, rows, scores, labels):
    """Prints the tables."""
    print(f"\n{title}: reals {int((labels == 0).sum())} mean {scores[labels == 0].mean():.2f} spread {scores[labels == 0].std():.2f}")
    if labels.any():
        evaluate.show(title, evaluate.by_kind(rows, scores, labels))
        print("  pairs", evaluate.pairs(rows, scores, labels))


def main():
    """Prints figures of the network alone and, with --add, of the sum."""
    args = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rows, found = clip_windows(args)
    keep = [i for i in range(len(rows)) if len(found[i])]
    print(f"{args.clips.name}: {len(keep)} of {len(rows)} clips, {sum(len(found[i]) for i in keep)} windows, {args.spacing:g} ms apart")
    rows, found = [rows[i] for i in keep], [found[i] for i in keep]
    labels = np.array([int(row["label"] == "fake") for row in rows])
    scorer = Scorer(args.network)
    own = np.array([scorer(crops).mean() for crops in found])
    report("over time", rows, own, labels)
    total = own
    if args.add:
        face = of_frames(args.add)
        faces = np.array([face(crops).mean() for crops in found])
        report("by frame", rows, faces, labels)
        unit = spread(face, args, args.add.parent.name), spread(scorer, args, "-".join(args.network.parts[-2:]))
        total = faces / unit[0] + args.weight * own / unit[1]
        report("sum", rows, total, labels)
    if args.list:
        for row, one, both in sorted(zip(rows, own, total), key=lambda item: item[1]):
            print(f"{row['path']:12s} {row['label']} {row.get('method', ''):34s} {one:7.2f} {both:7.2f}")


if __name__ == "__main__":
    main()
