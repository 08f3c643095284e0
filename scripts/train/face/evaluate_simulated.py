"""Measures a network on simulated twins of people it never saw.

In: a network (.pt or .onnx) and a set of held-out shards (make_crops.py --held-out). Out: AUC and the share
of pairs in which the masked twin scores higher, by family, generator, codec and face size.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import measure
import score

KEYS = ("crops", "label", "pair", "family", "form", "generator", "codec", "eye_px")


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--set", default="held")
    return parser.parse_args()


def columns(folder):
    """The shards' columns joined, twins next to each other, the real one first."""
    shards = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            shards.append({key: file[key] for key in KEYS})
    joined = {key: np.concatenate([shard[key] for shard in shards]) for key in KEYS}
    order = np.lexsort((joined["label"], joined["pair"]))
    return {key: value[order] for key, value in joined.items()}


def of_kinds(data, kinds):
    """True for the twins whose family or generator is one of `kinds`."""
    return np.isin(data["family"], kinds) | np.isin(data["generator"], kinds)


def line(name, scores, labels):
    """Prints one row; scores and labels alternate real, masked."""
    higher = (scores[1::2] > scores[::2]).mean()
    print(f"  {name:24s} pairs {len(scores) // 2:5d}  auc {measure.auc(scores, labels):.3f}  masked higher {higher:.3f}")


def main():
    """Prints the table."""
    args = arguments()
    torch.set_num_threads(1)
    data = columns(args.cache / "crops" / args.set)
    scores, labels = score.Scorer(args.network)(data["crops"]), data["label"]
    print(f"{args.network} on {args.set}")
    line("all", scores, labels)
    widths = data["eye_px"] * 2.15
    sizes = np.select([widths < 100, widths < 160], ["face < 100 px", "face 100-160 px"], "face > 160 px")
    for key in ("family", "form", "generator", "codec", "size"):
        values = (sizes if key == "size" else data[key])[::2]
        for value in sorted(set(values)):
            if value:
                line(f"{key} {value}", scores[np.repeat(values == value, 2)], labels[np.repeat(values == value, 2)])


if __name__ == "__main__":
    main()
