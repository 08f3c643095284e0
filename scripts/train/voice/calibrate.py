"""Turns logits into probabilities that hold for voices made by systems the training never met.

In: a scorer and the clips kept out of training. Out: slope and offset of the calibrated log-odds. `calibrated` fits
them on speakers and systems kept out; `flattened` takes off half of what trainings without a whole family
(`--left-out`) lost on that family.
"""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from channel import after_codec, before_codec, finished
from data import HELD_METHODS, Library
from evaluate import held_rows
from networks import kind_of
from prepare import seeded
from scoring import checkpoint_scorer, clip_score, figures


def line_of(logits, labels, weights):
    """Logits, labels and weights in, slope and offset of a logistic fit out."""
    fit = LogisticRegression(C=1e4).fit(np.array(logits)[:, None], labels, sample_weight=weights)
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def through_the_channel(library, rows, variant):
    """The clips of `rows`, each sent through what a call adds."""
    for index, row in enumerate(rows.itertuples()):
        rng, wave = seeded(row.id, "calibration"), library.wave(index)
        wave = before_codec(wave, rng) if variant == "plain" and rng.random() < 0.5 else wave
        yield finished(after_codec(wave, rng), rng)


def calibrated(args, score):
    """Scores of held-out clips through the channel in, the slope and offset of a logistic fit out.

    Both classes weigh alike; among the reals every source does, among the fakes every system, and the systems that
    no training clip came from weigh as much as all the others together: that is the shift to expect.
    """
    logits, rows = [], []
    for variant in ("plain", "coded"):
        args.variant, args.leave_out, args.per_method, args.per_speaker = variant, None, 25, 6
        part = held_rows(args)
        library = Library(args.cache, part)
        logits += [clip_score(score, wave) for wave in through_the_channel(library, part, variant)]
        rows.append(part)
    rows = pd.concat(rows, ignore_index=True)
    group = rows["method"].where(rows["label"] == 1, rows["source"])
    weights = 1 / group.map(group.value_counts())
    real, unseen = rows["label"] == 0, rows["method"].isin(HELD_METHODS)
    for part, share in ((real, 0.5), (unseen, 0.25), (~real & ~unseen, 0.25)):
        weights[part] *= share / weights[part].sum()
    print(f"calibration on {len(rows)} clips ({int(rows['label'].sum())} fake): {figures(rows['label'], logits)}")
    return line_of(logits, rows["label"], weights * len(rows))


def flattened(args, scale, offset):
    """Slope and offset in, the same less half of what networks trained without a family lose on it out.

    Half, because most masks are of a known kind; that some cannot be seen at all is the program's part (src/fuse).
    Each family weighs alike, and so do both classes. Not every network has twins that were trained without a family:
    the loss of those that have stands for the whole.
    """
    seen, unseen, labels, weights = [], [], [], []
    for entry in args.left_out:
        family, runs = entry.split("=", 1)
        blind, kinds = checkpoint_scorer(runs.split("+")), {kind_of(run) for run in runs.split("+")}
        full = checkpoint_scorer([path for path in args.checkpoint if kind_of(path) in kinds])
        for variant in ("plain", "coded"):
            args.variant, args.leave_out, args.per_method, args.per_speaker = variant, family, 6, 1
            rows = held_rows(args)
            waves = list(through_the_channel(Library(args.cache, rows), rows, variant))
            seen += [clip_score(full, wave) for wave in waves]
            unseen += [clip_score(blind, wave) for wave in waves]
            labels += rows["label"].tolist()
            weights += (1 / rows["label"].map(rows["label"].value_counts())).tolist()
            print(f"without {family}, {variant}: {figures(rows['label'], unseen[-len(rows) :])}", flush=True)
    weights = np.array(weights) * len(weights) / np.sum(weights)
    known, blind = line_of(seen, labels, weights), line_of(unseen, labels, weights)
    ratio = min(1.0, blind[0] / known[0])
    print(f"left-out slope {blind[0]:.3f} against {known[0]:.3f}, offset {blind[1]:.3f} against {known[1]:.3f}")
    flat, moved = ratio * scale, ratio * offset + blind[1] - ratio * known[1]
    return (scale + flat) / 2, (offset + moved) / 2
