"""Turns logits into probabilities that hold for voices made by systems the training never met.

In: a scorer and the clips kept out of training. Out: slope and offset of the calibrated log-odds. `calibrated` fits
them on speakers and systems kept out; `flattened` takes off what trainings without a fold of the systems
(`--left-out fold:0/4=RUN …`) or without a family lost on it. The program sees masks as a mixture, of which it can
see `--seen-share` at all (src/fuse/call.rs); every fit here goes through that mixture.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from channel import after_codec, before_codec, finished
from data import HELD_METHODS, Library
from evaluate import held_rows
from networks import kind_of
from prepare import seeded
from scoring import checkpoint_scorer, clip_score, figures


def open_set(logits, share):
    """Log-odds of a mask that is seen in, those of any mask out when only `share` of masks can be seen."""
    return np.log(share * np.exp(np.clip(logits, -30, 30)) + 1 - share)


def line_of(logits, labels, weights, share):
    """Logits, labels and weights in; slope, offset and mean loss of the most likely line through the mixture out."""
    logits, labels, weights = (np.asarray(part, dtype=np.float64) for part in (logits, labels, weights))

    def loss(line):
        odds = open_set(line[0] * logits + line[1], share)
        each = np.logaddexp(0, odds) - labels * odds
        return float((each * weights).sum() / weights.sum())

    fit = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"maxiter": 2000})
    return float(fit.x[0]), float(fit.x[1]), float(fit.fun)


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
        args.variant, args.leave_out, args.per_method, args.per_speaker = variant, None, 12, 4
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
    return line_of(logits, rows["label"], weights, args.seen_share)[:2]


def flattened(args, scale, offset):
    """Slope and offset in, the same less what networks trained without some systems lose on those out.

    Each part left out weighs alike, and so do both classes. Not every network has twins that were trained without
    the systems: the loss of those that have stands for the whole.
    """
    seen, unseen, labels, weights = [], [], [], []
    for entry in args.left_out:
        part, runs = entry.split("=", 1)
        blind, kinds = checkpoint_scorer(runs.split("+")), {kind_of(run) for run in runs.split("+")}
        full = checkpoint_scorer([path for path in args.checkpoint if kind_of(path) in kinds])
        for variant in ("plain", "coded"):
            args.variant, args.leave_out, args.per_method, args.per_speaker = variant, part, 6, 1
            rows = held_rows(args)
            waves = list(through_the_channel(Library(args.cache, rows), rows, variant))
            seen += [clip_score(full, wave) for wave in waves]
            unseen += [clip_score(blind, wave) for wave in waves]
            labels += rows["label"].tolist()
            weights += (1 / rows["label"].map(rows["label"].value_counts())).tolist()
            print(f"without {part}, {variant}: {figures(rows['label'], unseen[-len(rows) :])}", flush=True)
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        print(f"loss with a seen share of {share}: {line_of(unseen, labels, weights, share)[2]:.4f}")
    known, blind = (line_of(logits, labels, weights, args.seen_share) for logits in (seen, unseen))
    ratio = min(1.0, blind[0] / known[0])
    print(f"left-out slope {blind[0]:.3f} against {known[0]:.3f}, offset {blind[1]:.3f} against {known[1]:.3f}")
    return ratio * scale, ratio * offset + blind[1] - ratio * known[1]
