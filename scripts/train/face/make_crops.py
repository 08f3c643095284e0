"""Step 3: simulate calls and store aligned crops.

In: CACHE/index.json, CACHE/mesh.npy, the pictures, CACHE/generators. Out: CACHE/crops/SET/NNNN.npz shards,
each with `crops` (n,160,160,3) RGB uint8, `mattes` (n,10,10) uint8 (share of a cell that is masked), `label` (1
= masked), `pair` (twins share a number), `eye_px` (eye distance in the received picture), `family`, `form`,
`generator`, `codec`. Every tile gives --moments crops. Twins sit in the same encoded gallery. Shard n depends on --seed and n alone; shards
that exist are skipped, so the command can be stopped and repeated, or run twice with other --start.
"""

import argparse
import json
import os
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import enhance
import fakes
import generators
import meeting
import scene
import subjects

SIDES, SIDE_ODDS = (144, 176, 216, 264, 320, 384), (0.14, 0.2, 0.22, 0.2, 0.14, 0.1)
GALLERY = (4, 3)
FRAMES = 3


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--set", default="train", help="name of the set of shards")
    parser.add_argument("--held-out", action="store_true", help="use the held-out people instead of the others")
    parser.add_argument("--video-share", type=float, default=0.5, help="how often a video frame is the source")
    parser.add_argument("--leave-out", nargs="*", default=[], help="families, generator kinds or traces not to use")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--moments", type=int, default=2, help="frames of each tile that are kept")
    parser.add_argument("--galleries", type=int, default=40, help="encoded galleries a shard")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def blank(side):
    """An empty gallery picture."""
    return np.full((side * GALLERY[1], side * GALLERY[0], 3), 32, np.uint8)


def place(tiles, side, order):
    """Gallery pictures, one a frame, with the twins of all tiles in the given order."""
    galleries = []
    for t in range(FRAMES):
        picture = blank(side)
        for i, cell in enumerate(order):
            tile = tiles[i // 2]
            y, x = cell // GALLERY[0] * side, cell % GALLERY[0] * side
            picture[y : y + side, x : x + side] = (tile.fake if i % 2 else tile.real)[t]
        galleries.append(picture)
    return galleries


def cut(received, tile, masked, cell, side, factor, t, rng):
    """(crop, coarse matte, eye distance) of one received tile."""
    corner = np.array([cell % GALLERY[0] * side, cell // GALLERY[0] * side])
    eye = float(np.linalg.norm(tile.points[t][1] - tile.points[t][0]))
    points = tile.points[t] + rng.normal(0, 0.025 * eye, (5, 2)) + rng.normal(0, 0.015 * eye, 2)
    crop = align.crop(received[t], (points + corner) * factor)[..., ::-1]
    matte = np.zeros((10, 10), np.uint8)
    if masked:
        fine = align.crop(tile.mattes[t], points)
        matte = np.round(cv2.resize(fine, (10, 10), interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)
    return crop, matte, eye * factor


def gallery(people, maker, rng, number, moments):
    """Records of one encoded gallery."""
    side = int(SIDES[rng.choice(len(SIDES), p=SIDE_ODDS)])
    cells = GALLERY[0] * GALLERY[1]
    scenes = people.scenes(rng, 3)
    tiles = [scene.make_tile(people, side, FRAMES, maker, rng, scenes) for _ in range(cells // 2)]
    order = rng.permutation(cells)
    received, codec, factor = meeting.transmit(place(tiles, side, order), rng)
    records = []
    for i, cell in enumerate(order):
        tile, masked = tiles[i // 2], i % 2
        for k, t in enumerate(rng.choice(FRAMES, moments, replace=False)):
            crop, matte, eye = cut(received, tile, masked, cell, side, factor, int(t), rng)
            records.append({
                "crops": crop, "mattes": matte, "label": masked, "pair": (number * cells + i // 2) * FRAMES + k, "eye_px": eye,
                "family": tile.family, "form": tile.form, "generator": tile.generator, "codec": codec,
            })
    return records


def shard(people, maker, args, number):
    """Makes one shard and writes it whole or not at all."""
    path = args.cache / "crops" / args.set / f"{number:04d}.npz"
    if path.exists():
        return
    rng = np.random.default_rng([args.seed, number, args.held_out])
    torch.manual_seed(args.seed * 10_000 + number)
    records = []
    for i in range(args.galleries):
        records += gallery(people, maker, rng, number * args.galleries + i, args.moments)
    columns = {key: np.array([record[key] for record in records]) for key in records[0]}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as file:
        np.savez(file, **columns)
    part.rename(path)
    print(f"{path.name}: {len(records)} crops", flush=True)


def main():
    """Makes the shards asked for."""
    args = arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    people = subjects.Subjects(args.data, args.cache, args.held_out, args.video_share)
    networks = enhance.chained(generators.load(args.cache / "generators") | enhance.load(args.cache / "models"))
    known = args.cache / "generators" / "person.json"
    names = set(json.loads(known.read_text())) if known.exists() else set()
    clips = [clip for clip in people.clips if Path(clip).name in names]
    maker = fakes.Maker(networks, set(args.leave_out), clips)
    for number in range(args.start, args.start + args.shards):
        shard(people, maker, args, number)


if __name__ == "__main__":
    main()
