"""Step M3: train the network on statistics of windows (motion_net.py).

In: MOTION/windows/SET shards. Out: MOTION/runs/NAME/average.pt, the moving average of the weights (export several runs with
other --seed to average their logits); figures on held-out people, of what was left out with --each.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import measure
import motion_data
import motion_net

PAIRS = 48  # a step


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    parser.add_argument("--sets", nargs="+", default=["train"])
    parser.add_argument("--held", nargs="+", default=["held"])
    parser.add_argument("--name", default="main")
    parser.add_argument("--leave-out", nargs="*", default=[], help="families, family-form, warps or generators not used")
    parser.add_argument("--each", nargs="*", default=[], help="leave each of these out in turn; prints, keeps nothing")
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def load(network, motion, names):
    """(columns, statistics) of several sets joined."""
    parts = [motion_data.twins(network, motion, name) for name in names]
    columns = {key: np.concatenate([part[0][key] for part in parts]) for key in motion_data.KEYS}
    return columns, torch.cat([part[1] for part in parts])


def step(network, x):
    """Loss of real statistics followed by their twins'."""
    logit, half = network.judge(x)[:, 0], len(x) // 2
    label = torch.cat([torch.zeros(half), torch.ones(half)])
    plain = F.binary_cross_entropy_with_logits(logit, label * 0.94 + 0.03)
    return plain + 0.2 * F.softplus(1.0 - (logit[half:] - logit[:half])).mean()


def fit(x, passes, seed):
    """A trained network: the moving average of the weights."""
    torch.manual_seed(seed)
    rng, network = np.random.default_rng(seed), motion_net.MotionNet()
    network.middle.copy_(x.mean(0))
    network.spread.copy_(x.std(0) + 1e-2)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=5e-2)
    for done in range(passes):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - done / passes) + 2e-5
        pairs = rng.permutation(len(x) // 2)
        for some in np.array_split(pairs, max(len(pairs) // PAIRS, 1)):
            rows = torch.from_numpy(some)
            loss = step(network, torch.cat([x[2 * rows], x[2 * rows + 1]]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for a, b in zip(average.parameters(), network.parameters()):
                    a.lerp_(b, 0.01)
    return average.eval()


def judged(network, x):
    """Logits (n,)."""
    with torch.no_grad():
        return network.judge(x)[:, 0].numpy()


def line(name, scores, labels):
    """Prints one row; scores alternate real, masked."""
    higher = (scores[1::2] > scores[::2]).mean() if len(scores) else float("nan")
    print(f"  {name:28s} pairs {len(scores) // 2:5d}  auc {measure.auc(scores, labels):.3f}  masked higher {higher:.3f}", flush=True)


def table(columns, scores):
    """Rows by family, form, warp, generator, codec, spacing, face size."""
    labels = columns["label"]
    line("all", scores, labels)
    size = np.select([columns["eye_px"] < 45, columns["eye_px"] < 75], ["face < 97 px", "face < 161 px"], "larger")
    apart = np.select([columns["spacing_ms"] < 105, columns["spacing_ms"] < 145], ["< 105 ms", "105-145 ms"], "> 145 ms")
    names = motion_data.kinds(columns)
    for key, values in (("", names[:, 1]), ("warp", names[:, 2]), ("generator", names[:, 3]), ("", columns["codec"]), ("", size), ("", apart)):
        for value in sorted(set(values[1::2])):
            if value:
                rows = np.repeat(values[1::2] == value, 2)
                line(f"{key} {value}", scores[rows], labels[rows])


def honest(columns, scores):
    """False alarms by honest oddity: the share of reals above the level that a tenth of all reals pass."""
    real = columns["label"] == 0
    level = np.quantile(scores[real], 0.9)
    for flag in ("still", "freeze", "backdrop", "beauty", ""):
        rows = real & np.array([flag in flags.split("+") for flags in columns["flags"]])
        print(f"  real, {flag or 'none of these':20s} windows {rows.sum():4d}  over the level {(scores[rows] > level).mean():.3f}")


def kept(columns, names):
    """Rows of the pairs whose twin is none of the named kinds."""
    return np.repeat(~motion_data.of(columns, names)[1::2], 2)


def main():
    """Trains and measures."""
    args = arguments()
    torch.set_num_threads(1)
    blank = motion_net.MotionNet()
    columns, x = load(blank, args.motion, args.sets)
    held, y = load(blank, args.motion, args.held)
    for name in args.each:
        network = fit(x[torch.from_numpy(kept(columns, [name]))], args.passes, args.seed)
        rows = ~kept(held, [name])
        line(f"left out {name}", judged(network, y)[rows], held["label"][rows])
    if args.each:
        return
    average = fit(x[torch.from_numpy(kept(columns, args.leave_out))], args.passes, args.seed)
    folder = args.motion / "runs" / args.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(average.state_dict(), folder / "average.pt")
    print(f"{args.name}: {len(x) // 2} pairs, {x.shape[1]} statistics")
    scores = judged(average, y)
    table(held, scores)
    honest(held, scores)


if __name__ == "__main__":
    main()
