"""Masked twins of real clips that no part of the training has seen: how far apart twins and sources lie.

In: a folder with manifest.csv and clips (the real ones are used), our generators, Real-ESRGAN's weights, CACHE/mesh.npy
for the average outline of a face. Every clip gets one twin a family, drawn frame by frame with the same settings; clip and
twins go through the same H.264, with --grid also through three sizes and three qualities. Out: CACHE/SET/FAMILY.npz
(and FAMILY-LONGEST-CRF.npz) with the aligned crops of both, by clip. Nothing is trained on them; evaluate_twins.py
scores them.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import animate
import enhance
import fakes
import generators
import meeting
import prepare
import yunet

FRAMES, CRF = 8, 25
FAMILIES = ("pasted", "redrawn", "whole")
GRID = [(longest, crf) for longest in (640, 360, 240) for crf in (23, 30, 36)]


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/face/dev"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--set", default="twins", help="name of the folder under the cache")
    parser.add_argument("--grid", action="store_true", help="also at 640, 360 and 240 pixels and crf 23, 30 and 36")
    parser.add_argument("--seed", type=int, default=5)
    return parser.parse_args()


def encoded(frames, crf=CRF):
    """The frames after H.264."""
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    options = ("-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-pix_fmt", "yuv420p", "-threads", "1")
    return meeting.encode([frame[:height, :width] for frame in frames], options, rate=5)


def crops(frames, points):
    """Aligned RGB crops."""
    return np.stack([align.crop(frame, at)[..., ::-1] for frame, at in zip(frames, points)])


def received(frames, points, grid):
    """Crops after the common encode, and after each of the grid: setting -> crops."""
    out = {"": crops(encoded(frames), points)}
    for longest, crf in GRID if grid else ():
        factor = min(longest / max(frames[0].shape[:2]), 1.0)
        small = [cv2.resize(f, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) for f in frames]
        out[f"-{longest}-{crf}"] = crops(encoded(small, crf), [at * factor for at in points])
    return out


def twin(maker, plan, frames, points, oval, seed):
    """Each frame masked anew with the same draws, as a live tool would."""
    masked = []
    for frame, at in zip(frames, points):
        out, _ = maker.twin(plan, [frame], frame, [at], oval, np.random.default_rng(seed))
        masked.append(out[0])
    return masked


def main():
    """Writes one file a family."""
    args = arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    networks = enhance.chained(generators.load(args.cache / "generators") | enhance.load(args.cache / "models"))
    mesh = np.load(args.cache / "mesh.npy").astype(np.float64)
    oval = np.mean([animate.outline(one) for one in mesh if np.isfinite(one).all()], 0)
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    found = {}
    for number, row in enumerate(prepare.rows(args.clips / "manifest.csv")):
        if row["label"] != "real":
            continue
        frames = prepare.clip_frames(args.clips / row["path"], FRAMES)
        seen = [(f, p) for f, p in ((f, prepare.best_face(detector, f)) for f in frames) if p is not None]
        if not seen:
            continue
        frames, points = zip(*seen)
        real = received(frames, points, args.grid)
        for family in FAMILIES:
            maker = fakes.Maker(networks, set(fakes.FAMILIES) - {family})
            torch.manual_seed(args.seed * 1000 + number)
            plan = maker.plan(np.random.default_rng([args.seed, number]))
            plan.moved = 0.0
            masked = received(twin(maker, plan, frames, points, oval, args.seed * 1000 + number), points, args.grid)
            for setting in real:
                columns = found.setdefault(family + setting, {})
                columns[f"r{number}"], columns[f"f{number}"] = real[setting], masked[setting]
        print(row["path"], len(frames), flush=True)
    (args.cache / args.set).mkdir(exist_ok=True)
    for name, columns in found.items():
        np.savez(args.cache / args.set / f"{name}.npz", **columns)


if __name__ == "__main__":
    main()
