"""Step M4b: how much weight the network over time gets beside the face scorer, chosen on simulated windows alone.

In: MotionNet weights or its .onnx, a face scorer (.onnx), held-out windows. A face scorer's logit of a window is the
mean over its frames; both logits are brought to unit spread. Out: AUC by family for several weights.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import measure
import motion_data
import motion_evaluate

WEIGHTS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, nargs="+", help="several: the mean of their logits")
    parser.add_argument("--add", type=Path, default=Path("models/face-lite160/model.onnx"))
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    parser.add_argument("--held", nargs="+", default=["held"])
    return parser.parse_args()


def scored(paths, scorers, cache):
    """(columns, logits of each scorer) over shards; logits are kept by scorer and shard."""
    columns, values = {key: [] for key in ("label", "pair", "family", "form")}, [[] for _ in scorers]
    for path in paths:
        with np.load(path) as file:
            order = np.lexsort((file["label"], file["pair"]))
            for key, rows in columns.items():
                rows.append(file[key][order])
            for (name, scorer), rows in zip(scorers, values):
                kept = cache / f"logits-{name}-{path.parent.name}-{path.stem}.npy"
                if not kept.exists():
                    np.save(kept, scorer(file["crops"]))
                rows.append(np.load(kept)[order])
    return {key: np.concatenate(rows) for key, rows in columns.items()}, [np.concatenate(rows) for rows in values]


def main():
    """Prints the table."""
    args = arguments()
    torch.set_num_threads(1)
    cache = args.motion / "clips"
    cache.mkdir(parents=True, exist_ok=True)
    paths = [path for name in args.held for path in sorted((args.motion / "windows" / name).glob("*.npz"))]
    scorers = [(args.add.parent.name, motion_evaluate.of_frames(args.add))]
    scorers += [("-".join(path.parts[-2:]), motion_evaluate.Scorer(path)) for path in args.network]
    columns, (face, *others) = scored(paths, scorers, cache)
    label, own = columns["label"], np.mean(others, 0)
    print(f"{len(label) // 2} pairs; spread of the logits: face {face.std():.3f}, over time {own.std():.3f}")
    sums = {"face alone": face, "time alone": own}
    sums |= {f"weight {w}": face / face.std() + w * own / own.std() for w in WEIGHTS}
    names = np.char.add(np.char.add(columns["family"].astype(str), "-"), columns["form"].astype(str))
    for title, scores in sums.items():
        parts = [f"all {measure.auc(scores, label):.3f} higher {(scores[1::2] > scores[::2]).mean():.3f}"]
        for name in sorted(set(names)):
            rows = names == name
            parts.append(f"{name} {measure.auc(scores[rows], label[rows]):.2f}")
        print(f"{title:12s} " + "  ".join(parts), flush=True)


if __name__ == "__main__":
    main()
