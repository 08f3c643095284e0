"""Figures shared by evaluation and export.

In: scores (higher = masked) and labels (1 = masked) as numpy arrays. Out: plain numbers.
"""

import numpy as np


def auc(scores, labels):
    """Area under the ROC curve, ties counted half; nan when a class is missing."""
    real, fake = scores[labels == 0], scores[labels == 1]
    if len(real) == 0 or len(fake) == 0:
        return float("nan")
    real = np.sort(real)
    below, upto = np.searchsorted(real, fake, "left"), np.searchsorted(real, fake, "right")
    return float((below + upto).mean() / (2 * len(real)))


def hit_rate(scores, labels, false_alarms=0.05):
    """Share of fakes found when at most `false_alarms` of the reals are flagged."""
    real, fake = np.sort(scores[labels == 0])[::-1], scores[labels == 1]
    threshold = real[int(np.floor(false_alarms * len(real)))]
    return float((fake > threshold).mean())


def interval(figure, scores, labels, rounds=1000, seed=1):
    """95 % bootstrap interval of a figure, each class drawn apart."""
    rng, values = np.random.default_rng(seed), []
    real, fake = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    for _ in range(rounds):
        picked = np.concatenate([rng.choice(real, len(real)), rng.choice(fake, len(fake))])
        values.append(figure(scores[picked], labels[picked]))
    return tuple(float(v) for v in np.percentile(values, (2.5, 97.5)))


def sigmoid(x):
    """Logistic function."""
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def calibration_error(probability, labels, bins=10, balanced=False):
    """Expected calibration error over equal-width bins; `balanced` weights both classes alike, as `platt` does."""
    weight = np.ones(len(labels))
    if balanced:
        weight = np.where(labels == 1, 0.5 / max(labels.sum(), 1), 0.5 / max((labels == 0).sum(), 1))
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    error = sum(abs((weight * (probability - labels))[bin_of == b].sum()) for b in range(bins))
    return float(error / weight.sum())


def platt(scores, labels, steps=200):
    """(scale, offset) of p = sigmoid(scale * score + offset), classes weighted alike, by Newton's method."""
    weight = np.where(labels == 1, 0.5 / max(labels.sum(), 1), 0.5 / max((1 - labels).sum(), 1))
    x, w = np.stack([scores, np.ones_like(scores)], 1).astype(np.float64), np.zeros(2)
    for _ in range(steps):
        p = sigmoid(x @ w)
        gradient = x.T @ (weight * (p - labels)) + 1e-4 * w
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-4 * np.eye(2)
        w = w - np.clip(np.linalg.solve(hessian, gradient), -2, 2)
    return float(w[0]), float(w[1])
