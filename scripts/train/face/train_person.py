"""Step 2c: train the dense generator on a few clips alone, as trained swaps are trained on a few people.

In: CACHE/index.json and the clips. Out: CACHE/generators/person-late.pt, which draws the people of --clips clips of the
training side and --held clips of the people kept apart, each as themselves, and CACHE/generators/person.json, the names
of those clips; nobody else is drawn with it. Does nothing when the results are there.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch

import align
import prepare
import sharp
import train_sharp
import yunet

FRAMES = 36


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--clips", type=int, default=9)
    parser.add_argument("--held", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=260, help="processor time")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def chosen(args):
    """Paths of the clips, one a person, faces not too small."""
    index = json.loads((args.cache / "index.json").read_text())
    files = {Path(row["path"]).stem: row["path"] for row in prepare.rows(args.data / "train_video" / "manifest.csv")}
    people = {True: {}, False: {}}
    for item in index:
        if item["part"] == "video" and item["eye_px"] >= 30:
            people[item["held_out"]].setdefault(item["person"], Path(item["file"]).stem.rsplit("_", 1)[0])
    rng, out = np.random.default_rng(args.seed), []
    for held_out, count in ((False, args.clips), (True, args.held)):
        clips = sorted(people[held_out].values())
        out += [files[clip] for clip in rng.permutation(clips)[:count]]
    return out


def faces_of(path, detector, rng):
    """Aligned RGB faces (n,128,128,3) of a clip at the framings that swaps use."""
    crops = []
    for frame in prepare.clip_frames(path, FRAMES):
        points = prepare.best_face(detector, frame)
        if points is not None:
            for scale in (rng.uniform(0.25, 0.3), rng.uniform(0.3, 0.34)):
                crops.append(align.crop(frame, points, 128, prepare.loose_template(scale))[..., ::-1])
    return np.array(crops)


def fit(faces, args, rng):
    """The generator after --seconds on these faces."""
    trainer, step = train_sharp.Trainer(sharp.Dense(), args, 8e-4), 0
    begin = time.process_time()
    while (share := (time.process_time() - begin) / args.seconds) < 1:
        wanted = faces[rng.integers(len(faces), size=args.batch)][:, :, :: rng.choice([-1, 1])]
        loss = trainer.step(train_sharp.disturbed(wanted, rng), wanted, share, share > 0.5)
        step += 1
        if step % 50 == 0:
            print(f"person step {step} {share * args.seconds:.0f} s loss {loss:.4f}", flush=True)
    return trainer.network


def main():
    """Reads the clips, trains and saves."""
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    cv2.setNumThreads(1)
    folder, rng = args.cache / "generators", np.random.default_rng(args.seed)
    if (folder / "person-late.pt").exists():
        print("person: done already")
        return
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    clips = chosen(args)
    faces = np.concatenate([faces_of(args.data / "train_video" / file, detector, rng) for file in clips])
    print(f"person: {len(faces)} faces of {len(clips)} clips", flush=True)
    network = fit(faces, args, rng)
    (folder / "person.json").write_text(json.dumps([Path(file).stem for file in clips]))
    train_sharp.save(network, folder / "person-late.pt")


if __name__ == "__main__":
    main()
