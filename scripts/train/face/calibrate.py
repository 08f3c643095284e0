"""Calibration for generators that were never trained on.

In: the network's scores of held-out people's twins and of their real video frames, and runs trained with kinds left
out (train.py, train_statistics.py --leave-out). Out: scale and offset of p = sigmoid(scale * logit + offset), fitted on
what the leave-out runs say about the kinds that they never saw, so that a probability means the same for a tool
nobody has met; without such runs on all held-out twins. Dev clips are not used.
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


def unseen(args, twins, run, kinds):
    """(scores, labels) of the pairs of `kinds` and of real video frames by a run that never saw those kinds."""
    rows = evaluate_simulated.of_kinds(twins, kinds)
    real, scores = real_frames(args), 0.0
    for part in run.split("+"):
        logit = score.Scorer(args.cache / "runs" / part / "average.pt")(np.concatenate([twins["crops"], real]))
        scores = scores + logit / logit[: len(rows)].std()
    kept = np.concatenate([rows, np.ones(len(real), bool)])
    labels = np.concatenate([twins["label"], np.zeros(len(real), twins["label"].dtype)])
    print(f"run {run}, never saw {', '.join(kinds)}: AUC {measure.auc(scores[:len(rows)][rows], twins['label'][rows]):.3f}")
    return scores[kept], labels[kept]


def fit(args, scorer):
    """(scale, offset, what they were fitted on); prints the fit."""
    twins = evaluate_simulated.columns(args.cache / "crops" / args.held)
    scores, labels, real = scorer(twins["crops"]), twins["label"], scorer(real_frames(args))
    known = np.concatenate([scores, real]), np.concatenate([labels, np.zeros(len(real), labels.dtype)])
    runs = [(run, kinds.split(",")) for run, kinds in (item.split("=") for item in args.left_out)]
    parts = [unseen(args, twins, run, kinds) for run, kinds in runs] or [known]
    pool = [np.concatenate(column) for column in zip(*parts)]
    scale, offset = measure.platt(*pool)
    for name, (values, truth) in (("what it was fitted on", pool), ("held-out twins and frames, kinds known", known)):
        error = measure.calibration_error(measure.sigmoid(scale * values + offset), truth, balanced=True)
        print(f"{name}: {len(truth)} crops, AUC {measure.auc(values, truth):.3f}, ECE {error:.3f}")
    print(f"held-out real video frames: {len(real)}, over 0.5: {(measure.sigmoid(scale * real + offset) > 0.5).mean():.3f}")
    source = f"{len(pool[1])} crops of held-out people"
    return scale, offset, source + (f", fakes of kinds that {len(runs)} leave-out run(s) never saw" if runs else "")
