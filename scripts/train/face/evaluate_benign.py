"""False alarms under honest changes.

In: a network, its calibration (scale, offset) and the real clips of dev. Out: the share of real clips whose
mean probability passes 0.5, untouched and after each change: beauty smoothing, virtual background, eyes
moved as gaze correction does, low light, strong JPEG, blur, half size.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import camera
import finish
import measure
import prepare
import score
import yunet


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--dev", type=Path, default=Path("../shared/data/face/dev"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--offset", type=float, default=0.0)
    parser.add_argument("--frames", type=int, default=6)
    return parser.parse_args()


def low_light(picture, points, rng):
    """A third of the light with sensor noise."""
    dark = picture * 0.35 + camera.sensor_noise(picture.shape, rng, 4.0, 0.6, 0.5)
    return np.clip(dark, 0, 255).astype(np.uint8)


def half_size(picture, points, rng):
    """Halved and enlarged again, as a client does with a small stream."""
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


CHANGES = {
    "untouched": lambda picture, points, rng: picture,
    "beauty smoothing": lambda picture, points, rng: camera.smooth_skin(picture, points, 0.8),
    "virtual background": lambda picture, points, rng: camera.virtual_background(picture, points, rng, []),
    "eyes moved": finish.moved_eyes,
    "low light": low_light,
    "JPEG quality 30": lambda picture, points, rng: camera.jpeg(picture, 30),
    "blur": lambda picture, points, rng: cv2.GaussianBlur(picture, (0, 0), 1.2),
    "half size": half_size,
}


def real_frames(args):
    """[(picture, landmarks), ...] of each real clip."""
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    for row in prepare.rows(args.dev / "manifest.csv"):
        if row["label"] == "real":
            frames = prepare.clip_frames(args.dev / row["path"], args.frames)
            found = [(frame, prepare.best_face(detector, frame)) for frame in frames]
            kept = [(frame, points) for frame, points in found if points is not None]
            if kept:
                yield kept


def main():
    """Prints the table."""
    args = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    scorer, rng = score.Scorer(args.network), np.random.default_rng(1)
    probability = {name: [] for name in CHANGES}
    for frames in real_frames(args):
        for name, change in CHANGES.items():
            crops = [align.crop(change(picture, points, rng), points)[..., ::-1] for picture, points in frames]
            logit = scorer(np.stack(crops)).mean()
            probability[name].append(measure.sigmoid(args.scale * logit + args.offset))
    for name, values in probability.items():
        values = np.array(values)
        over = "  ".join(f"over {limit}: {(values > limit).mean():.3f}" for limit in (0.5, 0.9))
        print(f"{name:20s} clips {len(values)}  {over}  mean {values.mean():.3f}")


if __name__ == "__main__":
    main()
