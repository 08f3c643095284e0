"""Step 1b: dense landmarks of every indexed face (MediaPipe Face Mesh, Apache-2.0, in a venv of its own).

In: CACHE/index.json and the pictures. Out: CACHE/mesh.npy, float32 (n,478,2) in pixels of each picture, nan
where no mesh was found. The person's own sides are MediaPipe's. Needs neither torch nor the other modules.
"""

import argparse
import json
from pathlib import Path

import cv2
import mediapipe
import numpy as np

POINTS = 478


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    return parser.parse_args()


def around(picture, item):
    """(part of the picture about the face, its corner): the mesh's own detector needs a large face."""
    middle, reach = np.mean(item["landmarks"], 0), 3.2 * item["eye_px"]
    low = np.maximum(middle - reach, 0).astype(int)
    high = (middle + reach).astype(int)
    return picture[low[1] : high[1], low[0] : high[0]], low


def main():
    """Writes the landmarks; does nothing when they are there."""
    args = arguments()
    out = args.cache / "mesh.npy"
    if out.exists():
        print("mesh: done already")
        return
    cv2.setNumThreads(1)
    index = json.loads((args.cache / "index.json").read_text())
    found = np.full((len(index), POINTS, 2), np.nan, np.float32)
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as finder:
        for i, item in enumerate(index):
            root = args.cache if item["part"] == "video" else args.data
            part, corner = around(cv2.imread(str(root / item["file"])), item)
            faces = finder.process(np.ascontiguousarray(part[..., ::-1])).multi_face_landmarks
            if faces:
                unit = np.array([[p.x, p.y] for p in faces[0].landmark])
                found[i] = unit * (part.shape[1], part.shape[0]) + corner
    np.save(out, found)
    print(f"mesh: {np.isfinite(found[:, 0, 0]).sum()} of {len(index)} faces")


if __name__ == "__main__":
    main()
