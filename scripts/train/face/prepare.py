"""Step 1: find the faces.

In: the folders `train` (photos) and `train_video` (clips), each with its manifest.csv, and YuNet's ONNX
file. Out, under --cache: `pictures/*.png` for video frames, `index.json` with one entry a face (file,
person, part, landmarks, size, held_out), and `faces.npy`, loose 128-pixel crops on which the generators
are trained. Photos stay where they are.
"""

import argparse
import csv
import hashlib
import json
import zlib
from pathlib import Path

import cv2
import numpy as np

import align
import yunet

HELD_OUT_PERCENT = 12
LOOSE_TEMPLATE_SCALES = (0.24, 0.29, 0.34)


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--yunet", type=Path, help="default: CACHE/models/face_detection_yunet_2023mar.onnx")
    parser.add_argument("--yunet-sha256", default="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
    parser.add_argument("--frames", type=int, default=6, help="frames taken from each clip")
    return parser.parse_args()


def rows(path):
    """Rows of a manifest as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def held_out(person):
    """True for the people kept out of training: a fixed hash of the name, so it never changes."""
    return zlib.crc32(person.encode()) % 100 < HELD_OUT_PERCENT


def best_face(detector, picture):
    """Landmarks of the largest face, or None."""
    boxes, points = yunet.detect(detector, picture)
    if len(boxes) == 0:
        return None
    return points[np.argmax(boxes[:, 2] * boxes[:, 3])]


def entry(file, part, person, picture, points):
    """One line of the index."""
    eye = float(np.linalg.norm(points[1] - points[0]))
    return {
        "file": str(file), "part": part, "person": person, "held_out": held_out(person),
        "landmarks": np.round(points, 2).tolist(), "eye_px": round(eye, 2),
        "width": picture.shape[1], "height": picture.shape[0],
    }


def photos(data, detector):
    """Index entries of the photos."""
    for row in rows(data / "train" / "manifest.csv"):
        picture = cv2.imread(str(data / "train" / row["path"]))
        points = None if picture is None else best_face(detector, picture)
        if points is not None:
            yield entry(Path("train") / row["path"], "photo", row["person"], picture, points)


def clip_frames(path, count):
    """`count` frames spread evenly over a clip."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(frame)
    step = max(len(frames) / count, 1.0)
    return [frames[int(i * step)] for i in range(count) if int(i * step) < len(frames)]


def videos(data, cache, detector, count):
    """Index entries of video frames, which are stored as PNG under the cache."""
    folder = cache / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows(data / "train_video" / "manifest.csv"):
        for i, frame in enumerate(clip_frames(data / "train_video" / row["path"], count)):
            points = best_face(detector, frame)
            if points is None:
                continue
            file = folder / f"{Path(row['path']).stem}_{i}.png"
            cv2.imwrite(str(file), frame)
            yield entry(Path("pictures") / file.name, "video", row["person"], frame, points)


def read_picture(data, cache, item):
    """The BGR picture of an index entry."""
    root = cache if item["part"] == "video" else data
    return cv2.imread(str(root / item["file"]))


def loose_template(eye_distance):
    """The crop template scaled about its centre so that the eyes are `eye_distance` crop widths apart."""
    centre = np.array([0.5, 0.52])
    return centre + (align.TEMPLATE - centre) * (eye_distance / 0.26)


def loose_faces(data, cache, index):
    """RGB crops (n,128,128,3) of the people who are not held out, at several scales."""
    crops = []
    for item in index:
        if item["held_out"] or item["eye_px"] < 24:
            continue
        picture = read_picture(data, cache, item)
        for scale in LOOSE_TEMPLATE_SCALES:
            crops.append(align.crop(picture, item["landmarks"], 128, loose_template(scale))[..., ::-1])
    return np.stack(crops)


def main():
    """Runs the step; does nothing when its results are there."""
    args = arguments()
    args.cache.mkdir(parents=True, exist_ok=True)
    if (args.cache / "faces.npy").exists():
        print("prepare: done already")
        return
    cv2.setNumThreads(1)
    path = args.yunet or args.cache / "models" / "face_detection_yunet_2023mar.onnx"
    if hashlib.sha256(path.read_bytes()).hexdigest() != args.yunet_sha256:
        raise SystemExit(f"{path}: not the expected detector file")
    detector = yunet.load(str(path))
    index = list(photos(args.data, detector))
    index += list(videos(args.data, args.cache, detector, args.frames))
    (args.cache / "index.json").write_text(json.dumps(index))
    np.save(args.cache / "faces.npy", loose_faces(args.data, args.cache, index))
    people = {item["person"] for item in index}
    apart = {item["person"] for item in index if item["held_out"]}
    print(f"prepare: {len(index)} faces of {len(people)} people, {len(apart)} people held out")


if __name__ == "__main__":
    main()
