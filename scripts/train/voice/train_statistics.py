"""Trains a network on statistics. In: the windows of bank.py. Out: `<run>/last.pt`, as train.py writes it.

    python train_statistics.py --kind statistics --run .runtime/train-voice/runs/statistics

The statistics of every window are taken once (`<cache>/bank/<kind>.f16`, which grows with the bank), so a training
takes a minute or two. Running it again trains anew.
"""

import copy
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from bank import Bank, left_in
from commands import parser_of
from networks import STATISTICS, build
from train import averaged


def statistics_of(folder, kind):
    """The statistics of all windows of the bank as float16 [units, 2, count], those not yet taken added first."""
    network, bank = build(kind), Bank(folder)
    count, path = network.norm.num_features, Path(folder) / f"{kind}.f16"
    path.touch()
    have = path.stat().st_size // (4 * count)
    with path.open("ab") as out, torch.no_grad():
        out.truncate(have * 4 * count)
        for unit in range(have, len(bank.units)):
            rows = network.statistics(torch.from_numpy(bank.window(unit)))
            out.write(rows.clamp(-3e4, 3e4).numpy().astype(np.float16).tobytes())
    return bank.units, np.memmap(path, dtype=np.float16, mode="r").reshape(-1, 2, count)


def hider(network, stripe=0.5, kinds=0.15):
    """A function that hides a stripe of bands and some kinds of statistics, alike in both windows of a unit."""
    band, kind = network.layout()

    def hide(known):
        units = len(known) // 2
        start = torch.randint(0, network.rows, (units, 1))
        width = torch.randint(0, int(network.rows * stripe), (units, 1))
        inside = (band >= start) & (band < start + width)
        lost = (torch.rand(units, int(kind.max()) + 1) < kinds)[:, kind]
        return known * (~(inside | lost)).float().repeat_interleave(2, dim=0)

    return hide


def loss_of(network, known, paired, hide=None, smooth=0.05):
    """Cross-entropy with soft labels, plus a ranking of each fake above its own real clip; `known` [units, 2, n]."""
    labels = torch.arange(2).repeat(len(known)).float()
    logits = network.judge(known.flatten(0, 1), hide).squeeze(1)
    entropy = F.binary_cross_entropy_with_logits(logits, labels * (1 - 2 * smooth) + smooth)
    ranking = (F.softplus(1.0 - (logits[1::2] - logits[0::2])) * paired).mean()
    return entropy + 0.3 * ranking


def fit(args, network, rows, units):
    """Trains for `--epochs`; gives the averaged weights."""
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.05)
    paired = torch.from_numpy((units["kind"] == "pair").to_numpy().astype(np.float32))
    places, rng = units.index.to_numpy(), np.random.default_rng(args.seed)
    total, step = args.epochs * (len(places) // args.batch), 0
    hide = hider(network) if args.hide else None
    for epoch in range(args.epochs):
        order, losses = rng.permutation(len(places)), []
        for start in range(0, len(order) - args.batch + 1, args.batch):
            for group in optimiser.param_groups:
                group["lr"] = args.rate * (0.5 + 0.5 * math.cos(math.pi * step / total))
            pick = np.sort(order[start : start + args.batch])
            known = torch.from_numpy(rows[places[pick]].astype(np.float32))
            loss = loss_of(network, known, paired[pick], hide)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            averaged(average, network, min(0.99, step / (step + 10)))
            losses.append(float(loss.detach()))
            step += 1
        print(f"epoch {epoch} loss {np.mean(losses):.4f}", flush=True)
    return average


def main():
    """Takes the statistics, trains and saves."""
    parser = parser_of(__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--kind", default="statistics", choices=STATISTICS)
    parser.add_argument("--leave-out", help="family:NAME, method:NAME, source:NAME or fold:0/4")
    parser.add_argument("--hide", action="store_true", help="hide bands and kinds of statistics while training")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=128, help="units of two windows")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    units, rows = statistics_of(args.cache / "bank", args.kind)
    units = left_in(units, args.leave_out)
    network = build(args.kind, args.seed).train()
    average = fit(args, network, rows, units)
    args.run.mkdir(parents=True, exist_ok=True)
    torch.save({"kind": args.kind, "average": average.state_dict()}, args.run / "last.pt")


if __name__ == "__main__":
    main()
