#!/usr/bin/env python3
"""Where signs begin: thresholds for a stated rate of false alarms, from genuine calls.

In:  reports of `unmask eval MANIFEST.csv --json` on genuine clips (masked ones in them are left out), one for each
     quality of picture or sound: as recorded, dim, small and coarse.
Out: for face and voice the lines for the configuration's [verdict.face] and [verdict.voice].
     signs_at: P(masked) that at most --false-alarms of genuine calls exceed; alarm_at: P(masked) of a
     moment (a second of frames, four seconds of speech) that genuine calls exceed at most --alarms-per-hour times.
     Both hold for each quality by itself: the highest of the reports' thresholds is taken. Coarse faces (below
     --below-sharpness) and dim ones (below --below-exposure), which the networks take for masked more often, get
     thresholds of their own, and the program takes the highest of those that apply.
The thresholds are quantiles of a normal distribution of the networks' log-odds, since there are too few calls for the
tail itself. In its mean and spread a source (the manifest's `source` up to its first colon, else the person) counts
for at most ten values, so that one large source does not pass for the world.

    unmask eval ../shared/data/face/train_video/manifest.csv --fps 10 --json > genuine.json
    scripts/eval/operating_point.py genuine.json dim.json low.json
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
# A quality with fewer clips than this in a report has no threshold from it.
FEWEST = 20
# Frames (at ten a second) and windows of speech that make up a moment, and how many moments an hour has.
PER_MOMENT = {"face": 10, "voice": 4}
MOMENTS_PER_HOUR = {"face": 3600, "voice": 900}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--false-alarms", type=float, default=0.02)
    parser.add_argument("--seen-share", type=float, default=0.5, help="as in the configuration")
    parser.add_argument("--below-sharpness", type=float, default=0.15, help="faces below it are coarse")
    parser.add_argument("--below-exposure", type=float, default=0.25, help="faces below it are dim")
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


def by_source(report, name, wanted):
    """Log-odds of a report's genuine clips and of their moments, by source; `wanted` says which clips count."""
    calls, moments = defaultdict(list), defaultdict(list)
    for clip in json.loads(report.read_text())["clips"]:
        found = moments_of(clip, name)
        if clip["label"] == "real" and found and wanted(clip):
            source = clip["source"].split(":")[0] or clip["person"] or clip["path"]
            calls[source].append(sum(found) / len(found))
            moments[source] += found
    return calls, moments


def thresholds(report, name, wanted, args):
    """Log-odds at which calls and moments of one report are flagged, and what is known of the calls."""
    calls, moments = by_source(report, name, wanted)
    count = sum(map(len, calls.values()))
    if count < FEWEST:
        return []
    mean, sd = spread(calls)
    signs = mean + NormalDist().inv_cdf(1 - args.false_alarms) * sd
    mean_s, sd_s = spread(moments)
    alarm = mean_s + NormalDist().inv_cdf(1 - args.alarms_per_hour / MOMENTS_PER_HOUR[name]) * sd_s
    return [(signs, alarm, f"{report.stem}: {count} clips, {len(calls)} sources: {mean:.2f} ± {sd:.2f} log-odds")]


def show(title, name, wanted, args):
    """Prints a table of the configuration; says whether there was one."""
    found = [t for report in args.reports for t in thresholds(report, name, wanted, args)]
    if not found:
        return False
    print(f"[{title}]")
    for signs, alarm, about in found:
        print(f"# {about}; alone {sigmoid(open_set(signs, args.seen_share)):.3f} and {sigmoid(alarm):.3f}")
    signs, alarm = (max(values) for values in list(zip(*found))[:2])
    print(f"signs_at = {sigmoid(open_set(signs, args.seen_share)):.3f}\nalarm_at = {sigmoid(alarm):.3f}")
    return True


def poor(clip, limits):
    """Names of the qualities, of {name: (field, limit)}, in which the clip's face is poor."""
    return {name for name, (field, limit) in limits.items() if clip[field] is not None and clip[field] < limit}


def main():
    args = arguments()
    limits = {"coarse": ("sharpness", args.below_sharpness), "dim": ("exposure", args.below_exposure)}
    for part, qualities in (("face", limits), ("voice", {})):
        if show(f"verdict.{part}", part, lambda clip: not poor(clip, qualities), args):
            print(f"seen_share = {args.seen_share}\nfalse_alarms = {args.false_alarms}\n")
        for name, (_, limit) in qualities.items():
            if show(f"verdict.{part}.{name}", part, lambda clip: name in poor(clip, qualities), args):
                print(f"below = {limit}\n")


if __name__ == "__main__":
    main()
