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

import evaluate_simulated
import score
import statistics_net
import train

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
    parser.add_argument("--members", type=int, default=2, help="networks of other seeds whose mean is the result")
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
            _, plain, rank = train.pair_losses(network.judge(torch.cat([x[2 * rows], x[2 * rows + 1]]))[:, 0])
            loss = plain + 0.3 * rank
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            train.average_into(average, network, 0.995)
    return average.eval()


def member(x, args, seed):
    """One network of its own seed."""
    torch.manual_seed(seed)
    return fit(statistics_net.StatisticsNet(), x, args, np.random.default_rng(seed))


def main():
    """Trains and measures."""
    args = arguments()
    torch.set_num_threads(1)
    x = twins(statistics_net.StatisticsNet(), args.cache, args.sets, frozenset(args.leave_out))
    average = statistics_net.merged([member(x, args, args.seed + i) for i in range(args.members)])
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
