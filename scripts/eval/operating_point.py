#!/usr/bin/env python3
"""Where signs begin: thresholds for a stated rate of false alarms, from genuine calls.

In:  reports of `unmask eval MANIFEST.csv --json` on genuine clips (masked ones in them are left out).
Out: for face and voice the lines for the configuration's [verdict.face] and [verdict.voice].
     signs_at: P(masked) that at most --false-alarms of genuine calls exceed; alarm_at: P(masked) of a
     moment (a second of frames, four seconds of speech) that genuine calls exceed at most --alarms-per-hour times.
The thresholds are quantiles of a normal distribution of the networks' log-odds, since there are too few calls for the
tail itself. In its mean and spread a source (the manifest's `source` up to its first colon, else the person) counts
for at most ten values, so that one large source does not pass for the world.

    unmask eval ../shared/data/face/train_video/manifest.csv --fps 10 --json > genuine.json
    scripts/eval/operating_point.py genuine.json
"""

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from statistics import NormalDist

# A source counts for at most so many values.
MOST = 10
PARTS = {"face": "frames", "voice": "windows"}
# Frames (at ten a second) and windows of speech that make up a moment, and how many moments an hour has.
PER_MOMENT = {"face": 10, "voice": 4}
MOMENTS_PER_HOUR = {"face": 3600, "voice": 900}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--false-alarms", type=float, default=0.02)
    parser.add_argument("--seen-share", type=float, default=0.5, help="as in the configuration")
    parser.add_argument("--alarms-per-hour", type=float, default=2)
    return parser.parse_args()


def logit(p):
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def open_set(log_odds, share):
    """As src/fuse/call.rs: log-odds that allow for masks the network cannot see."""
    return math.log(share * math.exp(log_odds) + 1 - share)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def spread(groups):
    """Mean and standard deviation over all values, no group with more weight than MOST values."""
    weighted = [(value, min(1, MOST / len(values))) for values in groups.values() for value in values]
    total = sum(w for _, w in weighted)
    mean = sum(v * w for v, w in weighted) / total
    return mean, math.sqrt(sum(w * (v - mean) ** 2 for v, w in weighted) / total)


def moments_of(clip, name):
    """Log-odds of a clip's moments: ten frames, or four windows of speech, which share their samples."""
    values = [logit(p) for p in clip[PARTS[name]]]
    step = PER_MOMENT[name]
    return [sum(values[i : i + step]) / len(values[i : i + step]) for i in range(0, len(values), step)]


def main():
    args = arguments()
    clips = [c for path in args.reports for c in json.loads(path.read_text())["clips"] if c["label"] == "real"]
    for name in ("face", "voice"):
        calls, moments = defaultdict(list), defaultdict(list)
        for clip in clips:
            if clip[PARTS[name]]:
                source = clip["source"].split(":")[0] or clip["person"] or clip["path"]
                found = moments_of(clip, name)
                calls[source].append(sum(found) / len(found))
                moments[source] += found
        if not calls:
            continue
        mean, sd = spread(calls)
        signs = mean + NormalDist().inv_cdf(1 - args.false_alarms) * sd
        mean_s, sd_s = spread({k: v for k, v in moments.items() if v})
        alarm = sigmoid(mean_s + NormalDist().inv_cdf(1 - args.alarms_per_hour / MOMENTS_PER_HOUR[name]) * sd_s)
        count = sum(map(len, calls.values()))
        print(f"[verdict.{name}]  # {count} genuine clips, {len(calls)} sources: {mean:.2f} ± {sd:.2f} log-odds")
        call = sigmoid(open_set(signs, args.seen_share))
        print(f"seen_share = {args.seen_share}\nfalse_alarms = {args.false_alarms}")
        print(f"signs_at = {call:.3f}\nalarm_at = {alarm:.3f}\n")


if __name__ == "__main__":
    main()
