"""Trains our own small vocoders on the cached real clips. Out: `<out>/<name>.pt`, one for each system.

    python train_vocoders.py --minutes 2

They need not sound perfect: a few minutes each give the traces of their kind. Speakers that the detector's
calibration keeps out are kept out here too. A finished system is skipped, so a stopped run goes on.
"""

import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from commands import parser_of
from data import fill, held_speaker
from own_vocoders import VOCODERS
from store import Store

SAMPLES = 12_800


class Judge(nn.Module):
    """A discriminator on complex spectrograms; gives its scores and its inner pictures."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        widths = [2, 16, 24, 32]
        self.layers = nn.ModuleList(
            [nn.Conv2d(a, b, (5, 3), (2, 1), (2, 1)) for a, b in zip(widths, widths[1:])] + [nn.Conv2d(32, 1, 3, 1, 1)]
        )

    def forward(self, wave):
        window = torch.hann_window(self.size, device=wave.device)
        x = torch.view_as_real(torch.stft(wave, self.size, self.size // 4, window=window, return_complex=True))
        x, seen = x.permute(0, 3, 1, 2), []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.1)
            seen.append(x)
        return self.layers[-1](x), seen


def spectral_distance(made, real):
    """How far two waves lie apart in linear and logarithmic magnitudes at three resolutions."""
    total = 0.0
    for size in (256, 512, 1024):
        window = torch.hann_window(size, device=made.device)
        a, b = (torch.stft(x, size, size // 4, window=window, return_complex=True).abs() for x in (made, real))
        total = total + (a - b).abs().mean() / (b.mean() + 1e-5)
        total = total + F.l1_loss(torch.log(a + 1e-3), torch.log(b + 1e-3))
    return total


def real_windows(cache, seed):
    """Endless batches [8, 12800] of real speech from the base store."""
    store, rng = Store(cache / "base"), np.random.default_rng(seed)
    table, samples = store.table(), store.mapped()
    table = table[(table["label"] == 0) & ~table["speaker"].map(held_speaker)]
    rows = list(table[["offset", "length"]].itertuples(index=False))
    while True:
        waves = []
        for pick in rng.integers(len(rows), size=8):
            row = rows[pick]
            wave = samples[row.offset : row.offset + row.length].astype(np.float32) / 32768
            wave = fill(wave, SAMPLES, rng.random())
            waves.append(wave * rng.uniform(0.05, 0.2) / (np.sqrt(np.mean(wave**2)) + 1e-4))
        yield torch.from_numpy(np.stack(waves).clip(-1, 1).astype(np.float32))


def train_one(name, args):
    """Trains one system for `--minutes` and saves it."""
    torch.manual_seed(len(name))
    network, judge = VOCODERS[name]().to(args.device), Judge(512).to(args.device)
    makers = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.8, 0.95))
    judges = torch.optim.AdamW(judge.parameters(), lr=3e-4, betas=(0.8, 0.95))
    began, distance = time.process_time(), 0.0
    for step, real in enumerate(real_windows(args.cache, len(name)), 1):
        done = (time.process_time() - began) / (args.minutes * 60)
        if done >= 1:
            break
        for group in makers.param_groups:
            group["lr"] = 1e-3 * (1 - done) + 3e-5
        real = real.to(args.device)
        made = network(real)
        loss = spectral_distance(made, real)
        distance = 0.98 * distance + 0.02 * float(loss.detach())
        if done > 0.4:
            loss = loss + 0.5 * judged(judge, judges, made, real)
        makers.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        makers.step()
        if step % 200 == 0:
            print(f"{name} step {step} share {done:.2f} distance {distance:.3f}", flush=True)
    torch.save({"name": name, "network": network.state_dict()}, args.out / f"{name}.pt")


def judged(judge, judges, made, real):
    """One step of the discriminator, then the generator's adversarial and feature-matching loss."""
    fake_score, real_score = judge(made.detach())[0], judge(real)[0]
    judges.zero_grad()
    ((real_score - 1) ** 2).mean().add((fake_score**2).mean()).backward()
    judges.step()
    score, seen = judge(made)
    with torch.no_grad():
        goal = judge(real)[1]
    return ((score - 1) ** 2).mean() + sum(F.l1_loss(a, b) for a, b in zip(seen, goal))


def main():
    """Trains every system that is not there yet."""
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=Path, default=Path(".runtime/train-voice/vocoders"))
    parser.add_argument("--minutes", type=float, default=2, help="of processor time, each")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in VOCODERS:
        if not (args.out / f"{name}.pt").exists():
            train_one(name, args)


if __name__ == "__main__":
    main()
