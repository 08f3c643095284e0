"""Step M1: dense landmarks of every frame of the real clips (MediaPipe Face Mesh, in the environment of mesh.py).

In: `train_video` with its manifest.csv, CACHE/index.json of prepare.py (where the face of each clip is). Out: one
file a clip, MOTION/mesh/CLIP.npz, with `mesh` float32 (frames,478,2) in pixels of the clip, nan where no face was
found, `fps` and `person`. Needs neither torch nor the other modules.
"""

import argparse
import csv
import json
from pathlib import Path

import cv2
import mediapipe
import numpy as np

POINTS, MOST = 478, 300  # frames of a clip


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--motion", type=Path, default=Path(".runtime/train-motion"))
    return parser.parse_args()


def areas(index):
    """Where each clip's face stays: clip name -> (low corner, high corner), wide enough for motion."""
    found = {}
    for item in index:
        if item["part"] == "video":
            clip = Path(item["file"]).stem.rsplit("_", 1)[0]
            middle, reach = np.mean(item["landmarks"], 0), 3.2 * item["eye_px"]
            low, high = found.get(clip, (np.full(2, np.inf), np.full(2, -np.inf)))
            found[clip] = np.minimum(low, middle - reach), np.maximum(high, middle + reach)
    return {clip: (np.maximum(low, 0).astype(int), high.astype(int)) for clip, (low, high) in found.items()}


def meshes(path, area):
    """Landmarks (frames,478,2) of one clip, followed from frame to frame."""
    capture, found = cv2.VideoCapture(str(path)), []
    low, high = area
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, refine_landmarks=True) as finder:
        while len(found) < MOST:
            ok, frame = capture.read()
            if not ok:
                break
            part = frame[low[1] : high[1], low[0] : high[0]]
            faces = finder.process(np.ascontiguousarray(part[..., ::-1])).multi_face_landmarks
            mesh = np.full((POINTS, 2), np.nan)
            if faces:
                mesh = np.array([[p.x, p.y] for p in faces[0].landmark]) * part.shape[1::-1] + low
            found.append(mesh.astype(np.float32))
    return np.stack(found)


def main():
    """Writes what is not there yet."""
    args = arguments()
    cv2.setNumThreads(1)
    known = areas(json.loads((args.cache / "index.json").read_text()))
    (args.motion / "mesh").mkdir(parents=True, exist_ok=True)
    with open(args.data / "train_video" / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        clip = Path(row["path"]).stem
        out = args.motion / "mesh" / f"{clip}.npz"
        if out.exists() or clip not in known:
            continue
        mesh = meshes(args.data / "train_video" / row["path"], known[clip])
        np.savez(out, mesh=mesh, fps=float(row["fps"]), person=row["person"])
        print(clip, len(mesh), int(np.isfinite(mesh[:, 0, 0]).sum()), flush=True)


if __name__ == "__main__":
    main()
