"""Scores clips with a checkpoint or an exported model and turns scores into figures.

In: waves at 16 kHz. Out: a clip's mean logit over windows of 4 s with a hop of 1 s; EER, AUC and tables.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from data import fill
from networks import load

WINDOW, STEP = 64_000, 16_000


def windows_of(wave):
    """A clip in, its windows [n, 64000] out: every second one begins, a short clip is repeated to fill one."""
    if len(wave) <= WINDOW:
        return fill(wave, WINDOW, 0.0)[None].astype(np.float32)
    starts = list(range(0, len(wave) - WINDOW, STEP)) + [len(wave) - WINDOW]
    return np.stack([wave[start : start + WINDOW] for start in starts]).astype(np.float32)


def checkpoint_scorer(paths, device="cpu"):
    """Checkpoints in, a function from windows to the mean of their logits (with the averaged weights) out."""
    network = load(paths, device)

    def score(windows):
        with torch.no_grad():
            return network(torch.from_numpy(windows).to(device)).squeeze(1).cpu().numpy()

    return score


def onnx_scorer(folder):
    """A model folder in, a function from windows to logits through ONNX Runtime on one thread out."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(Path(folder) / "model.onnx"), options, ["CPUExecutionProvider"])
    return lambda windows: session.run(None, {"input": windows})[0].reshape(-1)


def scorer_of(args):
    """`--model` (ONNX folder) or `--checkpoint` (one or more), whichever was given."""
    return onnx_scorer(args.model) if args.model else checkpoint_scorer(args.checkpoint)


def clip_score(score, wave):
    """The clip's mean logit."""
    return float(np.mean(score(windows_of(wave))))


def equal_error(labels, scores):
    """Labels (1 fake) and scores in, the equal error rate out."""
    false, true, _ = roc_curve(labels, scores)
    place = int(np.argmin(np.abs(false - (1 - true))))
    return float((false[place] + 1 - true[place]) / 2)


def figures(labels, scores):
    """EER and AUC as one short text; a dash where one class is missing."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    if len(set(labels.tolist())) < 2:
        return "-"
    return f"EER {100 * equal_error(labels, scores):5.1f} %  AUC {roc_auc_score(labels, scores):.3f}"


def print_groups(frame, column, score="score"):
    """One line for each value of `column` among the fakes: its clips against all the reals."""
    real = frame[frame["label"] == 0]
    for name, part in frame[frame["label"] == 1].groupby(column):
        labels = np.r_[np.zeros(len(real)), np.ones(len(part))]
        print(f"  {column:8} {name:28} n {len(part):4}  {figures(labels, np.r_[real[score], part[score]])}")
