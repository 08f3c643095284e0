"""Step 2: train the generators on real faces.

In: CACHE/faces.npy from prepare.py. Out: CACHE/generators/KIND-early.pt and KIND-late.pt for each kind:
the two stages differ in softness and traces. Each kind trains for --seconds of processor time, in half precision,
the early stage is saved at a third. A kind whose late stage exists is skipped, so the command can be repeated.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import generators


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--kinds", nargs="*", default=sorted(generators.MAKERS))
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def batch_of(faces, count, rng, device):
    """Random faces (count,3,128,128) in 0..1, mirrored at random."""
    picked = np.ascontiguousarray(faces[np.sort(rng.integers(len(faces), size=count))].transpose(0, 3, 1, 2))
    x = torch.from_numpy(picked).to(device).float() / 255
    return (x.flip(3) if rng.random() < 0.5 else x).contiguous(memory_format=torch.channels_last)


def reconstruction_loss(output, target):
    """Mean absolute error of pixels, of gradients and of the half-size picture."""
    loss = F.l1_loss(output, target) + 0.5 * F.l1_loss(F.avg_pool2d(output, 2), F.avg_pool2d(target, 2))
    for axis in (2, 3):
        loss = loss + F.l1_loss(output.diff(dim=axis), target.diff(dim=axis))
    return loss


def critic_step(critic, optimiser, real, fake):
    """One hinge step of the critic."""
    loss = F.relu(1 - critic(real)).mean() + F.relu(1 + critic(fake.detach())).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def train(kind, faces, args, folder):
    """Trains one kind and saves its two stages."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    network = generators.MAKERS[kind]().to(args.device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.99))
    critic = generators.Critic().to(args.device)
    critic_optimiser = torch.optim.Adam(critic.parameters(), 4e-4, betas=(0.5, 0.99))
    mixed = torch.autocast(args.device.split(":")[0], torch.bfloat16)
    start, step, early, adversarial = time.process_time(), 0, False, kind in generators.ADVERSARIAL
    while (elapsed := time.process_time() - start) < args.seconds:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * max(1 - elapsed / args.seconds, 0.1)
        x = batch_of(faces, args.batch, rng, args.device)
        with mixed:
            y = network(x)
        y = y.float()
        loss = reconstruction_loss(y, x)
        shown = loss.item()
        if adversarial and elapsed > args.seconds * 0.35:
            critic_step(critic, critic_optimiser, x, y)
            loss = loss - 0.02 * critic(y).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if step % 50 == 0:
            print(f"{kind} step {step} {elapsed:.0f} s loss {shown:.4f}", flush=True)
        if not early and elapsed > args.seconds / 3:
            torch.save(network.state_dict(), folder / f"{kind}-early.pt")
            early = True
    torch.save(network.state_dict(), folder / f"{kind}-late.pt")


def main():
    """Trains every kind that is not there yet."""
    args = arguments()
    torch.set_num_threads(1)
    folder = args.cache / "generators"
    folder.mkdir(parents=True, exist_ok=True)
    faces = np.load(args.cache / "faces.npy", mmap_mode="r")
    for kind in args.kinds:
        if (folder / f"{kind}-late.pt").exists():
            print(f"{kind}: done already")
            continue
        train(kind, faces, args, folder)


if __name__ == "__main__":
    main()
