"""Step 4b: train the network on statistics (statistics_net.py), minutes after the crops are there.

In: CACHE/crops/SET shards. Out: CACHE/runs/NAME/average.pt; statistics are kept under CACHE/statistics, so that runs
with something left out take a minute. Same losses as train.py, without the map. Prints the figures on held-out twins,
those of what was left out apart.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import evaluate_simulated
import score
import statistics_net

PAIRS = 64  # a step


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--sets", nargs="+", default=["train"])
    parser.add_argument("--held", default="held", help="set of held-out shards")
    parser.add_argument("--name", default="statistics")
    parser.add_argument("--leave-out", nargs="*", default=[], help="families or generators whose pairs are not used")
    parser.add_argument("--passes", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def shard_statistics(network, path, cache):
    """Statistics (n,k) float16 of a shard's crops, from the cache when they are there."""
    kept = cache / "statistics" / f"{path.parent.name}-{path.stem}.npy"
    if not kept.exists():
        with np.load(path) as file:
            values = score.batches(network.statistics, file["crops"])
        kept.parent.mkdir(exist_ok=True)
        np.save(kept.with_suffix(".part.npy"), values.astype(np.float16))
        kept.with_suffix(".part.npy").rename(kept)
    return np.load(kept)


def twins(network, cache, names, leave_out=frozenset()):
    """Statistics of all pairs as (2n,k) float32, the real one first, but those of what is left out."""
    parts = []
    for path in sorted(p for name in names for p in (cache / "crops" / name).glob("*.npz")):
        with np.load(path) as file:
            order = np.lexsort((file["label"], file["pair"])).reshape(-1, 2)
            kinds = np.stack([file["family"], file["generator"]], 1)[order[:, 1]]
        kept = ~np.isin(kinds, list(leave_out)).any(1)
        parts.append(shard_statistics(network, path, cache)[order[kept].ravel()])
    return torch.from_numpy(np.nan_to_num(np.concatenate(parts).astype(np.float32)))


def step(network, x):
    """Loss of real statistics followed by their twins'."""
    logit, half = network.judge(x)[:, 0], len(x) // 2
    label = torch.cat([torch.zeros(half), torch.ones(half)])
    plain = F.binary_cross_entropy_with_logits(logit, label * 0.96 + 0.02)
    return plain + 0.3 * F.softplus(1.0 - (logit[half:] - logit[:half])).mean()


def fit(network, x, args, rng):
    """Trains; the moving average of the weights."""
    network.middle.copy_(x.mean(0))
    network.spread.copy_(x.std(0) + 1e-3)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    for done in range(args.passes):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - done / args.passes) + 2e-5
        pairs = rng.permutation(len(x) // 2)
        for some in np.array_split(pairs, max(len(pairs) // PAIRS, 1)):
            rows = torch.from_numpy(some)
            loss = step(network, torch.cat([x[2 * rows], x[2 * rows + 1]]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for a, b in zip(average.parameters(), network.parameters()):
                    a.lerp_(b, 0.005)
    return average.eval()


def main():
    """Trains and measures."""
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    network = statistics_net.StatisticsNet()
    x = twins(network, args.cache, args.sets, frozenset(args.leave_out))
    average = fit(network, x, args, np.random.default_rng(args.seed))
    folder = args.cache / "runs" / args.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(average.state_dict(), folder / "average.pt")
    data = evaluate_simulated.columns(args.cache / "crops" / args.held)
    scores = score.Scorer(folder / "average.pt")(data["crops"])
    print(f"{args.name}: {len(x) // 2} pairs")
    evaluate_simulated.line("all", scores, data["label"])
    for kind in args.leave_out:
        rows = evaluate_simulated.of_kinds(data, [kind])
        evaluate_simulated.line(f"left out {kind}", scores[rows], data["label"][rows])


if __name__ == "__main__":
    main()
