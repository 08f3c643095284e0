"""Calibration under change: how much less a score says about a generator that was never trained on.

In: the network's scores of held-out people's twins and of their real video frames, and runs trained with kinds left
out (train.py --leave-out). Out: scale and offset of p = sigmoid(scale * logit + offset). The scale is fitted on the
held-out twins, then flattened by how much flatter each leave-out run's fit is on the kinds it never saw, next to the
same comparison in a network that saw them. Dev clips are not used.
"""

import json
from pathlib import Path

import numpy as np

import align
import evaluate_simulated
import measure
import prepare
import score


def add_arguments(parser):
    """The command-line options shared with export.py."""
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--held", default="held", help="set of held-out shards")
    parser.add_argument("--left-out", nargs="*", default=[], metavar="RUN+RUN=KIND,KIND", help="leave-out runs, added as export.py adds them, and what they left out")


def real_frames(args):
    """Crops of the held-out people's real video frames, as they are."""
    index = json.loads((args.cache / "index.json").read_text())
    items = [item for item in index if item["held_out"] and item["part"] == "video"]
    return np.stack([align.crop(prepare.read_picture(args.data, args.cache, i), i["landmarks"])[..., ::-1] for i in items])


def steepness(scores, twins, kinds):
    """Scale fitted on `kinds` over scale fitted on the others: how much more one network's scores say about them."""
    rows = evaluate_simulated.of_kinds(twins, kinds)
    inside, others = (measure.platt(scores[r], twins["label"][r])[0] for r in (rows, ~rows))
    return max(inside, 0.05) / others


def flatness(args, twins, scores, run, kinds):
    """`steepness` in the run that never saw the kinds over `steepness` in the network that did, at most one."""
    parts = [score.Scorer(args.cache / "runs" / part / "average.pt")(twins["crops"]) for part in run.split("+")]
    without = sum(part / part.std() for part in parts)
    known, unknown = steepness(scores, twins, kinds), steepness(without, twins, kinds)
    print(f"run {run}: {', '.join(kinds)} against the others {unknown:.3f}, in this network {known:.3f}")
    return min(unknown / known, 1.0)


def fit(args, scorer):
    """(scale, offset, what they were fitted on); prints the fit."""
    twins = evaluate_simulated.columns(args.cache / "crops" / args.held)
    scores, labels, real = scorer(twins["crops"]), twins["label"], scorer(real_frames(args))
    scale, offset = measure.platt(np.concatenate([scores, real]), np.concatenate([labels, np.zeros(len(real), labels.dtype)]))
    runs = [(run, kinds.split(",")) for run, kinds in (item.split("=") for item in args.left_out)]
    share = float(np.mean([flatness(args, twins, scores, run, kinds) for run, kinds in runs])) if runs else 1.0
    scale, offset = scale * share, offset * share
    p = measure.sigmoid(scale * scores + offset)
    error, area = measure.calibration_error(p, labels), measure.auc(scores, labels)
    print(f"flattened to {share:.3f}; held-out twins: {len(labels)} crops, AUC {area:.3f}, ECE {error:.3f}")
    print(f"held-out real video frames: {len(real)}, over 0.5: {(measure.sigmoid(scale * real + offset) > 0.5).mean():.3f}")
    source = f"{len(labels)} simulated crops and {len(real)} real video frames of held-out people"
    return scale, offset, source + (f", flattened by {len(runs)} leave-out run(s)" if runs else "")
