"""Step M2: real windows of consecutive crops and their masked twins.

In: `train_video`, MOTION/mesh (motion_mesh.py), CACHE/generators, Real-ESRGAN's weights and YuNet in CACHE/models. Out:
MOTION/windows/SET/NNNN.npz shards with `crops` (n,8,160,160,3) RGB uint8, `label` (1 = masked), `pair` (twins share a
number), `eye_px`, `person`, `family`, `form`, `generator`, `warp`, `flags`, `codec`, `spacing_ms`. Twins sit in the same
encoded gallery; crops are cut by landmarks detected in the received picture, frame by frame, as the program does.
Shard n depends on --seed and n alone; shards that exist are skipped.
"""

import argparse
import os
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import camera
import clip_drive
import clip_scene
import clip_swap
import enhance
import fakes
import finish
import generators
import meeting
import yunet

FAMILIES = ("reenact", "talk", "idle", "lipsync", "swap")
ODDS = (0.34, 0.17, 0.07, 0.09, 0.33)
STILL = {"talk": 0.65, "idle": 0.65}  # so that little motion alone tells nothing
PAIRS = 2  # takes of a gallery


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    parser.add_argument("--set", default="train", help="name of the set of shards")
    parser.add_argument("--held-out", action="store_true", help="use the held-out people instead of the others")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--galleries", type=int, default=24, help="encoded galleries a shard")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Finish(finish.Finish):
    """Honest processing for moving pictures: noise is left out here, since it must not stand still."""

    def __init__(self, rng):
        super().__init__(rng, 0.5)
        self.changes = [change for change in self.changes if change not in (finish.grain, finish.low_light)]
        self.dark = rng.uniform(0.3, 0.8) if rng.random() < 0.08 else None
        self.level = rng.uniform(0.5, 5) if self.dark or rng.random() < 0.1 else None

    def over(self, frames, points, rng):
        """All frames with the same settings, noise drawn anew."""
        out = []
        for frame, at in zip(frames, points):
            frame = self(frame, at)
            if self.level:
                frame = np.clip(frame * (self.dark or 1.0) + camera.sensor_noise(frame.shape, rng, self.level, 0.5, 0.5), 0, 255).astype(np.uint8)
            out.append(frame)
        return out


class Twins:
    """Makes takes and their masked twins, and reads them back from the received gallery."""

    def __init__(self, args):
        networks = generators.load(args.cache / "generators") | enhance.load(args.cache / "models")
        networks = {name: net for name, net in networks.items() if name != "upscale-x2"}
        self.maker = fakes.Maker(networks, {"whole", "animated"})
        self.detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
        self.clips = clip_scene.Clips(args.data, args.motion, args.held_out)

    def network(self, rng):
        """(kind, network) for a driven picture; mostly none, the slow one rarely."""
        if rng.random() < 0.6:
            return "", None
        kinds = [kind for kind in self.maker.kinds if kind != "upscale" or rng.random() < 0.3]
        kind = kinds[rng.integers(len(kinds))]
        names = [name for name in sorted(self.maker.networks) if name.split("-")[0] == kind]
        return kind, self.maker.networks[names[rng.integers(len(names))]]

    def masked(self, family, take, shared, rng):
        """(frames, how) of the twin."""
        if family == "swap":
            plan = self.maker.plan(rng)
            frames, how = clip_swap.swapped(take, self.maker, plan, rng)
            return frames, {**how, "generator": plan.generator}
        kind, network = self.network(rng)
        frames, how, decode = clip_drive.driven(take, shared.rate, family, network, rng)
        if how["form"] in ("whole", "frozen") and rng.random() < 0.7:
            take.real = [decode.still(frame) for frame in take.real]
        return frames, {**how, "generator": kind}

    def tiles(self, shared, rng, scenes):
        """([real frames, masked frames], landmarks, how) at the meeting's side.

        Where head or frame is drawn without a seam, the real frames mostly pass the same decoder (an honest enhancer or
        filter), so that the texture of one picture tells nothing and time must.
        """
        family = FAMILIES[rng.choice(len(FAMILIES), p=ODDS)]
        take = clip_scene.film(self.clips, shared, rng, scenes, STILL.get(family, 0.15))
        fake, how = self.masked(family, take, shared, rng)
        points = take.points()
        own = Finish(rng)
        other = own if rng.random() < 0.5 else Finish(rng)
        side = take.real[0].shape[0]
        kernel = cv2.INTER_AREA if side > shared.side and rng.random() < 0.6 else cv2.INTER_LINEAR
        factor = shared.side / side
        points = [at * factor for at in points]
        pictures = [[cv2.resize(f, (shared.side,) * 2, interpolation=kernel) for f in frames] for frames in (take.real, fake)]
        pictures = [fin.over(frames, points, rng) for fin, frames in zip((own, other), pictures)]
        lively = f"{clip_swap.still_moving(take):.4f}"
        return pictures, points, {**how, "person": take.person, "flags": take.flags, "lively": lively}

    def crops(self, received, corner, side, factor, points, window):
        """Crops (8,160,160,3) of one tile by detected landmarks, and the eye distance; None where a face is lost."""
        low, high = np.round(corner * factor).astype(int), np.round((corner + side) * factor).astype(int)
        out, eyes, last = [], [], None
        for t in window:
            tile = np.ascontiguousarray(received[t][low[1] : high[1], low[0] : high[0]])
            boxes, found = yunet.detect(self.detector, tile)
            wanted = points[t].mean(0) * factor
            near = [at for at in found if np.linalg.norm(at.mean(0) - wanted) < 1.2 * np.linalg.norm(points[t][1] - points[t][0]) * factor]
            at = near[0] if near else last
            if at is None:
                return None, 0.0
            last = at
            out.append(align.crop(tile, at)[..., ::-1])
            eyes.append(np.linalg.norm(at[1] - at[0]))
        return np.stack(out), float(np.median(eyes))

    def gallery(self, number, rng):
        """Records of one encoded gallery."""
        shared = clip_scene.plan(rng)
        scenes = self.clips.scenes(rng, 2)
        made = [self.tiles(shared, rng, scenes) for _ in range(PAIRS)]
        pictures = [frames for pair, _, _ in made for frames in pair]
        order = rng.permutation(2 * PAIRS)
        rows = [np.concatenate([np.concatenate([pictures[i][t] for i in order[:2]], 1), np.concatenate([pictures[i][t] for i in order[2:]], 1)], 0)
                for t in range(shared.count)]
        received, codec, factor = meeting.transmit(rows, rng)
        if rng.random() < 0.06:
            kept = np.repeat(np.arange(0, shared.count, 2), 2)[: shared.count]
            received = [received[t] for t in kept]
        mirror, records = [rng.random() < 0.5 for _ in range(PAIRS)], []
        cells = [np.array([c % 2, c // 2]) * shared.side for c in np.argsort(order)]
        for i, (_, points, how) in enumerate(made):
            pair = [self.crops(received, cells[2 * i + m], shared.side, factor, points, shared.window) for m in (0, 1)]
            if any(crops is None for crops, _ in pair):
                continue
            for label, (crops, eye) in enumerate(pair):
                crops = crops[:, :, ::-1] if mirror[i] else crops
                records.append({"crops": crops, "label": label, "pair": number * PAIRS + i, "eye_px": eye, **how,
                                "codec": codec, "spacing_ms": shared.spacing_ms})
        return records


def shard(twins, args, number):
    """Makes one shard and writes it whole or not at all."""
    path = args.motion / "windows" / args.set / f"{number:04d}.npz"
    if path.exists():
        return
    rng = np.random.default_rng([args.seed, number, args.held_out])
    torch.manual_seed(args.seed * 10_000 + number)
    records = []
    for i in range(args.galleries):
        records += twins.gallery(number * args.galleries + i, rng)
    columns = {key: np.array([record[key] for record in records]) for key in records[0]}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as file:
        np.savez(file, **columns)
    part.rename(path)
    print(f"{path.name}: {len(records)} windows", flush=True)


def main():
    """Makes the shards asked for."""
    args = arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    twins = Twins(args)
    for number in range(args.start, args.start + args.shards):
        shard(twins, args, number)


if __name__ == "__main__":
    main()
