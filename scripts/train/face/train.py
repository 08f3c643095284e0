"""Step 4: train the network.

In: CACHE/crops/SET shards (read again whenever new ones appear) and the ImageNet weights. Out:
CACHE/runs/NAME/last.pt (everything needed to go on), average.pt (moving average of the weights, the result)
and log.csv. Loss: cross-entropy of each crop, of the map, a ranking term between twins, and a
term that holds every pair's middle at the same level. Trains for --steps in total and resumes where it stopped.
"""

import argparse
import copy
import csv
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import augment
import model
import score


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--sets", nargs="+", default=["train"])
    parser.add_argument("--name", default="base")
    parser.add_argument("--start", type=Path, help="weights to start from instead of ImageNet's (a run's average.pt or an exported model.onnx)")
    parser.add_argument("--imagenet", type=Path, help="default: CACHE/models/efficientnet-lite0-57934424.pth")
    parser.add_argument("--leave-out", nargs="*", default=[], help="families or generators whose pairs are not used")
    parser.add_argument("--steps", type=int, default=2500, help="length of the run, which also sets the learning rate's course")
    parser.add_argument("--batch", type=int, default=32, help="pairs a step are half of this")
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class Pool:
    """Twins of all shards that exist, in memory; pairs are drawn without repetition until all were seen."""

    def __init__(self, args, rng):
        self.folders = [args.cache / "crops" / name for name in args.sets]
        self.leave_out, self.rng = set(args.leave_out), rng
        self.shards, self.pairs, self.queue = {}, [], []

    def refresh(self):
        """Takes in new shards."""
        for path in sorted(p for folder in self.folders for p in folder.glob("*.npz")):
            if path not in self.shards:
                self.add(path)

    def add(self, path):
        """Reads one shard and queues its pairs."""
        with np.load(path) as file:
            shard = {key: file[key] for key in ("crops", "mattes", "label", "pair", "family", "generator")}
        self.shards[path] = shard
        order = np.lexsort((shard["label"], shard["pair"])).reshape(-1, 2)
        fresh = [
            (path, real, fake) for real, fake in order
            if not self.leave_out & {str(shard["family"][fake]), str(shard["generator"][fake])}
        ]
        self.pairs += fresh
        self.queue += fresh
        self.rng.shuffle(self.queue)

    def draw(self, count):
        """crops (2*count,160,160,3) and mattes (2*count,10,10), both uint8: reals first, then their twins."""
        while len(self.queue) < count:
            again = list(self.pairs)
            self.rng.shuffle(again)
            self.queue += again
        picked, self.queue = self.queue[:count], self.queue[count:]
        rows = [(p, r) for p, r, _ in picked] + [(p, f) for p, _, f in picked]
        crops = np.stack([self.shards[p]["crops"][i] for p, i in rows])
        mattes = np.stack([self.shards[p]["mattes"][i] for p, i in rows])
        return crops, mattes


def pair_losses(logit):
    """(labels, cross-entropy, ranking loss) of logits (2n,): reals first and then their twins."""
    half = len(logit) // 2
    label = torch.cat([torch.zeros(half), torch.ones(half)]).to(logit.device)
    plain = F.binary_cross_entropy_with_logits(logit, label * 0.96 + 0.02)
    return label, plain, F.softplus(1.0 - (logit[half:] - logit[:half])).mean()


def loss_of(network, x, mattes):
    """(loss, figures for the log): cross-entropy, map, ranking of twins, and how far twins' middle is from zero."""
    logit, where = network.both(x)
    logit, half = logit[:, 0], len(x) // 2
    label, plain, rank = pair_losses(logit)
    there = F.binary_cross_entropy_with_logits(where, mattes.to(x.device))
    middle = (((logit[half:] + logit[:half]) / 2) ** 2).mean()
    right = ((logit > 0).float() == label).float().mean()
    order = (logit[half:] > logit[:half]).float().mean()
    return plain + 0.5 * there + 0.3 * rank + 0.05 * middle, (plain.item(), there.item(), right.item(), order.item())


def rate(done, top):
    """Learning rate at a share `done` of the run: short warm-up, then a cosine to a twentieth."""
    return top * min(done / 0.03 + 0.05, 1.0) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def average_into(average, network, decay):
    """Moving average of weights and of batch statistics."""
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), network.state_dict().values()):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)


def save(folder, network, average, optimiser, state):
    """Writes last.pt and average.pt, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"network": network.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), **state}
    for name, content in (("last.pt", parts), ("average.pt", average.state_dict())):
        torch.save(content, folder / (name + ".part"))
        (folder / (name + ".part")).rename(folder / name)


def begin(args, folder):
    """(network, average, optimiser, steps done, seconds done), resumed when last.pt is there."""
    network = model.pretrained(args.imagenet or args.cache / "models" / "efficientnet-lite0-57934424.pth")
    if args.start:
        network.load_state_dict(score.stored(args.start))
    network.to(args.device, memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), args.lr, weight_decay=0.02)
    if not (folder / "last.pt").exists():
        return network, average, optimiser, 0, 0.0
    parts = torch.load(folder / "last.pt", weights_only=True, map_location=args.device)
    network.load_state_dict(parts["network"])
    average.load_state_dict(parts["average"])
    optimiser.load_state_dict(parts["optimiser"])
    return network, average, optimiser, parts["step"], parts["seconds"]


def main():
    """The training loop."""
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    folder = args.cache / "runs" / args.name
    network, average, optimiser, step, spent = begin(args, folder)
    torch.manual_seed(args.seed + step)  # a resumed run draws on, it does not repeat
    rng = np.random.default_rng([args.seed, step])
    pool = Pool(args, rng)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1).to(args.device) for v in (model.MEAN, model.STD))
    start, parts = time.monotonic() - spent, []
    folder.mkdir(parents=True, exist_ok=True)
    log = csv.writer(open(folder / "log.csv", "a", newline="", buffering=1))
    network.train()
    while step < args.steps:
        if step % 100 == 0:
            pool.refresh()
        for group in optimiser.param_groups:
            group["lr"] = rate(step / args.steps, args.lr)
        crops, mattes = pool.draw(args.batch // 2)
        x, mattes = augment.batch(crops, mattes, rng)
        x = ((x.to(args.device) - mean) / std).contiguous(memory_format=torch.channels_last)
        loss, values = loss_of(network, x, mattes)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        average_into(average, network, min(0.995, step / (step + 20)))
        parts.append(values)
        spent = time.monotonic() - start
        if step % 50 == 0:
            row = [step, round(spent), len(pool.pairs), *np.round(np.mean(parts, 0), 4)]
            log.writerow(row)
            print(f"{args.name} step {row[0]} {row[1]} s pairs {row[2]} ce {row[3]} map {row[4]} right {row[5]} order {row[6]}", flush=True)
            parts = []
        if step % 200 == 0:
            save(folder, network, average, optimiser, {"step": step, "seconds": spent})
    save(folder, network, average, optimiser, {"step": step, "seconds": spent})


if __name__ == "__main__":
    main()
