"""Step 2b: train the larger generators (sharp.py) on real faces, with perceptual, frequency and adversarial terms.

In: CACHE/faces.npy and CACHE/index.json from prepare.py, CACHE/mesh.npy, the ImageNet weights. Out:
CACHE/generators/KIND-half.pt and KIND-late.pt, at two thirds and at the end of --seconds (of processor time). A kind whose
late stage exists is skipped; with --more it goes on from there to KIND-more.pt. `reenact` learns from moved pictures
(animate.py), `adain` and `attributes` from slightly warped and blurred ones.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import align
import model
import prepare
import sharp
import subjects

WARPED = {"adain", "attributes"}  # are shown disturbed faces
SHARP_EYES = 40  # pixels between the eyes that a picture needs, so that no blur is learned


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--kinds", nargs="*", default=list(sharp.MAKERS))
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--more", action="store_true", help="go on from the late stage")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def sharp_faces(cache):
    """The faces of prepare.py that come from large pictures, (n,128,128,3) RGB."""
    index = [i for i in json.loads((cache / "index.json").read_text()) if not i["held_out"] and i["eye_px"] >= 24]
    kept = np.repeat([i["eye_px"] >= SHARP_EYES for i in index], len(prepare.LOOSE_TEMPLATE_SCALES))
    return np.load(cache / "faces.npy")[kept]


def moved_faces(args, rounds=2):
    """(moved, true) crops (n,128,128,3) RGB of the training people: what `reenact` gets and what it shall draw."""
    people, rng, pairs = subjects.Subjects(args.data, args.cache, False, 0.5), np.random.default_rng(args.seed), []
    numbers = sorted(n for part in people.people.values() for own in part.values() for n in own)
    for number in (n for _ in range(rounds) for n in numbers if people.index[n]["eye_px"] >= SHARP_EYES):
        picture = people.picture(number)
        moved = people.animated(number, picture, 1.2, rng)
        template = prepare.loose_template(rng.uniform(0.24, 0.36))
        pairs.append([align.crop(p, people.index[number]["landmarks"], 128, template)[..., ::-1] for p in (moved, picture)])
    return np.array(pairs, np.uint8).transpose(1, 0, 2, 3, 4)


def disturbed(faces, rng):
    """The faces warped by a smooth field and blurred or noisy: what an autoencoder shall draw cleanly."""
    out = []
    for face in faces:
        field = rng.normal(0, 128 * 0.006, (2, 5, 5)).astype(np.float32)
        dx, dy = (cv2.resize(f, (128, 128), interpolation=cv2.INTER_CUBIC) for f in field)
        y, x = np.mgrid[0:128, 0:128].astype(np.float32)
        face = cv2.remap(face, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if rng.random() < 0.3:
            face = cv2.GaussianBlur(face, (0, 0), rng.uniform(0.5, 1.2))
        out.append(face)
    return np.stack(out)


class Perception:
    """Distance of two pictures in the first stages of the ImageNet network."""

    TAPS = (0, 2, 4)

    def __init__(self, path, device):
        self.network = model.pretrained(path).eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1).to(device) for v in (model.MEAN, model.STD))

    def features(self, x):
        """Unit-length features of three stages; the residual channels, untrained, stay empty."""
        x = (x - self.mean) / self.std
        h, out = model.convolve(torch.cat([x, torch.zeros_like(x), torch.zeros_like(x)], 1), self.network.stem), []
        h = model.rectify(h)
        for i, block in enumerate(self.network.blocks[: self.TAPS[-1] + 1]):
            h = block(h)
            if i in self.TAPS:
                out.append(F.normalize(h.float(), dim=1))
        return out

    def __call__(self, y, x):
        with torch.no_grad():
            target = self.features(x)
        return sum((a - b).abs().sum(1).mean() for a, b in zip(self.features(y), target)) / len(target)


def frequency_loss(y, x):
    """Difference of log amplitudes: detail of the right strength, wherever it lies."""
    a, b = (torch.log(torch.fft.rfft2(v.mean(1), norm="ortho").abs() + 0.02) for v in (y, x))
    return F.l1_loss(a, b)


def picture_loss(y, x):
    """Pixels and gradients."""
    loss = F.l1_loss(y, x) + F.l1_loss(F.avg_pool2d(y, 4), F.avg_pool2d(x, 4))
    return loss + 0.5 * sum(F.l1_loss(y.diff(dim=d), x.diff(dim=d)) for d in (2, 3))


class Trainer:
    """One generator with its critic."""

    def __init__(self, network, args, rate=6e-4):
        self.device, self.rate = args.device, rate
        self.network = network.to(args.device, memory_format=torch.channels_last).train()
        self.critic = sharp.Critic().to(args.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.network.parameters(), rate, betas=(0.5, 0.99))
        self.critics = torch.optim.Adam(self.critic.parameters(), 3e-4, betas=(0.5, 0.99))
        self.perception = Perception(args.cache / "models" / "efficientnet-lite0-57934424.pth", args.device)

    def mixed(self):
        """Arithmetic in half precision where the hardware gains by it."""
        return torch.autocast(self.device.split(":")[0], torch.bfloat16)

    def tensor(self, faces):
        """uint8 (n,h,w,3) to float (n,3,h,w) in 0..1."""
        x = torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).to(self.device).float() / 255
        return x.contiguous(memory_format=torch.channels_last)

    def against_critic(self, y, x):
        """One hinge step of the critic; the generator's adversarial and feature-matching loss."""
        with self.mixed():
            loss = F.relu(1 - self.critic(x)[0]).mean() + F.relu(1 + self.critic(y.detach())[0]).mean()
        self.critics.zero_grad()
        loss.backward()
        self.critics.step()
        with self.mixed():
            verdict, features = self.critic(y)
            with torch.no_grad():
                wanted = self.critic(x)[1]
            return 0.1 * -verdict.mean() + 0.5 * sum(F.l1_loss(a, b) for a, b in zip(features, wanted))

    def step(self, seen, wanted, share, adversarial):
        """One step at a share of the way; the picture loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, 2.2 * (1 - share) + 0.05)
        x, target = self.tensor(seen), self.tensor(wanted)
        with self.mixed():
            y = self.network(x)
        y = y.float()
        loss = shown = picture_loss(y, target)
        with self.mixed():
            loss = 2 * loss + 0.6 * self.perception(y, target)
        loss = loss + 0.2 * frequency_loss(y, target)
        if adversarial:
            loss = loss + self.against_critic(y, target)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        return shown.item()


def save(network, path):
    """Writes the weights whole or not at all."""
    torch.save(network.state_dict(), path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def train(kind, args, folder):
    """Trains one kind and saves its two stages."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    moved = moved_faces(args) if kind == "reenact" else None
    faces = sharp_faces(args.cache) if moved is None else moved[1]
    network = sharp.MAKERS[kind]()
    if args.more:
        network.load_state_dict(torch.load(folder / f"{kind}-late.pt", weights_only=True))
    trainer = Trainer(network, args)
    start, step, half = time.process_time(), 0, args.more
    print(f"{kind}: {len(faces)} faces", flush=True)
    while (share := (time.process_time() - start) / args.seconds) < 1:
        picked = rng.integers(len(faces), size=args.batch)
        wanted = faces[picked][:, :, :: rng.choice([-1, 1])] if moved is None else faces[picked]
        seen = disturbed(wanted, rng) if kind in WARPED else wanted if moved is None else moved[0][picked]
        shown = trainer.step(seen, wanted, share, share > (0.05 if args.more else 0.2))
        step += 1
        if step % 50 == 0:
            print(f"{kind} step {step} {share * args.seconds:.0f} s loss {shown:.4f}", flush=True)
        if not half and share > 0.66:
            save(trainer.network, folder / f"{kind}-half.pt")
            half = True
    save(trainer.network, folder / f"{kind}-{stage(args)}.pt")


def stage(args):
    """Name of the last stage of this call."""
    return "more" if args.more else "late"


def main():
    """Trains every kind that is not there yet."""
    args = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    folder = args.cache / "generators"
    for kind in args.kinds:
        if (folder / f"{kind}-{stage(args)}.pt").exists():
            print(f"{kind}: done already")
        else:
            train(kind, args, folder)


if __name__ == "__main__":
    main()
