"""Shows that bandwidth, loudness, silence and noise floor tell nothing: a boosted tree on trivial features.

In: the training stream exactly as the network gets it. Out: the AUC of trees fitted on one part of the clips
and tested on other speakers' clips, for all trivial features together and for each group alone (target 0.60).
"""

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from commands import parser_of
from data import Batches, load_table

GROUPS = {
    "level": slice(0, 3),
    "silence": slice(3, 6),
    "bandwidth": slice(6, 9),
    "bands": slice(9, 17),
    "length": slice(17, 18),
}


def features(wave, seconds):
    """One window in, 18 trivial numbers out: level, silences, floor, roll-offs, band shares, length."""
    frames = wave[: len(wave) // 320 * 320].reshape(-1, 320)
    energy = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    power = np.abs(np.fft.rfft(frames * np.hanning(320), axis=1)) ** 2
    mean = power.mean(axis=0) + 1e-12
    total = np.cumsum(mean) / mean.sum()
    peak = np.abs(wave).max() + 1e-9
    silent = energy < np.quantile(energy, 0.95) - 30
    bands = [10 * np.log10(part.sum() / mean.sum() + 1e-9) for part in np.array_split(mean, 8)]
    roll = [float(np.searchsorted(total, share)) for share in (0.5, 0.95, 0.999)]
    level = [
        float(energy.mean()),
        float(20 * np.log10(peak / (np.sqrt((wave**2).mean()) + 1e-9))),
        float((np.abs(wave) > 0.98 * peak).mean()),
    ]
    quiet = [
        float(silent.mean()),
        float(np.quantile(energy, 0.05) - energy.max()),
        float(np.quantile(energy, 0.2) - energy.max()),
    ]
    return [*level, *quiet, *roll, *bands, seconds]


def sampled(cache, table, samples, count, seed):
    """`count` windows of the stream over `table` in, their features and labels out."""
    batches = Batches(cache, table, samples, 10, 6)
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    while len(rows) < count:
        for index, place, channel in batches.batch(rng):
            clip = batches.library.rows[index]
            rows.append(features(batches.through(index, place, channel), clip.length / 16_000))
            labels.append(clip.label)
    return np.array(rows), np.array(labels)


def main():
    """Fits and tests the probe on speakers that do not overlap."""
    parser = parser_of(__doc__)
    parser.add_argument("--windows", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    table, samples = load_table(args.cache), int(args.seconds * 16_000)
    seen, labels = sampled(args.cache, table[~table["held"]], samples, args.windows, 1)
    other, truth = sampled(args.cache, table[table["held"]], samples, args.windows // 2, 2)
    for name, part in {"all": slice(0, 18), **GROUPS}.items():
        tree = HistGradientBoostingClassifier(max_iter=120, max_depth=4, learning_rate=0.06, random_state=0)
        tree.fit(seen[:, part], labels)
        auc = roc_auc_score(truth, tree.predict_proba(other[:, part])[:, 1])
        print(f"probe on {name:10} AUC {auc:.3f} on other speakers ({len(truth)} windows)")


if __name__ == "__main__":
    main()
