"""Masked twins of real clips that no part of the training has seen: how far apart twins and sources lie.

In: a folder with manifest.csv and clips (the real ones are used), our generators, Real-ESRGAN's weights, CACHE/mesh.npy
for the average outline of a face. Every clip gets one twin a family of one-photo swaps, drawn frame by frame with the
same settings; clip and twins go through the same H.264. Out: CACHE/twins/FAMILY.npz with the aligned crops of both, by
clip. Nothing is trained on them; evaluate_twins.py scores them.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import animate
import enhance
import fakes
import generators
import prepare
import yunet

FRAMES, CRF = 8, 25


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("../shared/data/face/dev"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--seed", type=int, default=5)
    return parser.parse_args()


def encoded(frames):
    """The frames after H.264."""
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
        command += ["-r", "5", "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(CRF)]
        command += ["-pix_fmt", "yuv420p", "-threads", "1", str(path)]
        data = b"".join(np.ascontiguousarray(frame[:height, :width]).tobytes() for frame in frames)
        subprocess.run(command, input=data, check=True)
        return prepare.clip_frames(path, len(frames))


def crops(frames, points):
    """Aligned RGB crops."""
    return np.stack([align.crop(frame, at)[..., ::-1] for frame, at in zip(frames, points)])


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
    networks = generators.load(args.cache / "generators") | enhance.load(args.cache / "models")
    mesh = np.load(args.cache / "mesh.npy").astype(np.float64)
    oval = np.mean([animate.outline(one) for one in mesh if np.isfinite(one).all()], 0)
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    found = {"pasted": {}, "redrawn": {}}
    for number, row in enumerate(prepare.rows(args.clips / "manifest.csv")):
        if row["label"] != "real":
            continue
        frames = prepare.clip_frames(args.clips / row["path"], FRAMES)
        seen = [(f, p) for f, p in ((f, prepare.best_face(detector, f)) for f in frames) if p is not None]
        if not seen:
            continue
        frames, points = zip(*seen)
        real = crops(encoded(frames), points)
        for family, columns in found.items():
            maker = fakes.Maker(networks, set(fakes.FAMILIES) - {family})
            torch.manual_seed(args.seed * 1000 + number)
            plan = maker.plan(np.random.default_rng([args.seed, number]))
            plan.moved = 0.0
            masked = encoded(twin(maker, plan, frames, points, oval, args.seed * 1000 + number))
            columns[f"r{number}"], columns[f"f{number}"] = real, crops(masked, points)
        print(row["path"], len(frames), flush=True)
    (args.cache / "twins").mkdir(exist_ok=True)
    for family, columns in found.items():
        np.savez(args.cache / "twins" / f"{family}.npz", **columns)


if __name__ == "__main__":
    main()
