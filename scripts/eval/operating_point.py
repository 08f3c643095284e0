#!/usr/bin/env python3
"""Where signs begin: thresholds for a stated rate of false alarms, from genuine calls.

In:  reports of `unmask eval MANIFEST.csv --json` on genuine clips (masked ones in them are left out).
Out: for face and voice the lines for the configuration's [verdict.face] and [verdict.voice].
     signs_at: P(masked) that at most --false-alarms of genuine calls exceed; alarm_at: P(masked), smoothed over a
     second, that genuine calls exceed at most --alarms-per-hour times an hour.
Both are quantiles of a normal distribution of log-odds, since there are too few calls for the tail itself. Its mean and
spread count every source (the manifest's `source` up to its first colon, else the person) alike, so that one large
source does not pass for the world.

    unmask eval ../shared/data/face/train_video/manifest.csv --json > genuine.json
    scripts/eval/operating_point.py genuine.json
"""

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from statistics import NormalDist


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--false-alarms", type=float, default=0.02)
    parser.add_argument("--alarms-per-hour", type=float, default=0.5)
    return parser.parse_args()


def logit(p):
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def spread(groups):
    """Mean and standard deviation over all values, every group with the same weight."""
    weighted = [(value, 1 / len(values)) for values in groups.values() for value in values]
    total = sum(w for _, w in weighted)
    mean = sum(v * w for v, w in weighted) / total
    return mean, math.sqrt(sum(w * (v - mean) ** 2 for v, w in weighted) / total)


def seconds(clip, name):
    """Log-odds of a clip's seconds, as far as the report tells them: its frames or windows, averaged in tens."""
    values = [logit(p) for p in clip.get({"face": "frames", "voice": "windows"}[name], [])]
    step = 10 if name == "face" else 3
    return [sum(values[i : i + step]) / len(values[i : i + step]) for i in range(0, len(values), step)]


def main():
    args = arguments()
    clips = [c for path in args.reports for c in json.loads(path.read_text())["clips"] if c["label"] == "real"]
    for name in ("face", "voice"):
        calls, moments = defaultdict(list), defaultdict(list)
        for clip in clips:
            p = clip[name]["p_masked"]
            if p is not None:
                source = clip["source"].split(":")[0] or clip["person"] or clip["path"]
                calls[source].append(logit(p))
                moments[source] += seconds(clip, name)
        if not calls:
            continue
        mean, sd = spread(calls)
        signs = sigmoid(mean + NormalDist().inv_cdf(1 - args.false_alarms) * sd)
        mean_s, sd_s = spread({k: v for k, v in moments.items() if v})
        alarm = sigmoid(mean_s + NormalDist().inv_cdf(1 - args.alarms_per_hour / 3600) * sd_s)
        count = sum(map(len, calls.values()))
        print(f"[verdict.{name}]  # {count} genuine clips, {len(calls)} sources: {mean:.2f} ± {sd:.2f} log-odds")
        print(f"false_alarms = {args.false_alarms}\nsigns_at = {signs:.3f}\nalarm_at = {max(alarm, signs):.3f}\n")


if __name__ == "__main__":
    main()
