"""Measures a network on masked twins of clips whose sources it never saw (twin_clips.py).

In: a network (.pt or .onnx) and CACHE/SET. Out, by family (and size and quality): AUC over clips, the share of clips whose twin scores
higher, and how far the clips' own levels spread against the mean step from clip to twin. A high AUC here beside a low
one on fakes of real tools says that the simulation, not the sources, is what is missing.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import measure
import score


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--set", default="twins")
    return parser.parse_args()


def main():
    """Prints a row a family."""
    args = arguments()
    torch.set_num_threads(1)
    scorer = score.Scorer(args.network)
    for path in sorted((args.cache / args.set).glob("*.npz")):
        with np.load(path) as file:
            clips = sorted((name[1:] for name in file.files if name[0] == "r"), key=int)
            real, masked = (np.array([scorer(file[kind + clip]).mean() for clip in clips]) for kind in "rf")
        labels = np.repeat([0, 1], len(clips))
        area = measure.auc(np.concatenate([real, masked]), labels)
        print(f"{path.stem:16s} clips {len(clips)}  AUC {area:.3f}  twin higher {(masked > real).mean():.3f}  "
              f"spread of clips {real.std():.2f}  step to the twin {(masked - real).mean():.2f}")


if __name__ == "__main__":
    main()
