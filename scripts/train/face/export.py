"""Step 6: calibrate and export.

In: a run's average.pt, CACHE/crops/SET of held-out people (simulated twins), the real clips of held-out
people, and NASA's portrait. Out: models/ID/ with model.onnx (weights as FP16, computed in FP32), model.toml,
golden.png; what was measured goes to standard output. Dev clips are not used.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import torch

import align
import measure
import model
import prepare
import score
import yunet


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="models/ID")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/face"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--held", default="held", help="set of held-out shards")
    parser.add_argument("--portrait", type=Path, help="default: CACHE/models/astronaut.png")
    return parser.parse_args()


def halve(graph_model):
    """Stores weights as FP16 behind a Cast, so that the file halves and the arithmetic stays FP32."""
    graph, casts = graph_model.graph, []
    for i, weight in enumerate(list(graph.initializer)):
        if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < 64:
            continue
        values = onnx.numpy_helper.to_array(weight).astype(np.float16)
        half = onnx.numpy_helper.from_array(values, weight.name + "_half")
        casts.append(onnx.helper.make_node("Cast", [half.name], [weight.name], to=onnx.TensorProto.FLOAT, name=f"full_{i}"))
        graph.initializer.remove(weight)
        graph.initializer.append(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return graph_model


def write_onnx(network, path):
    """Exports with a dynamic batch and checks the result's form."""
    example = torch.zeros(2, 3, align.SIZE, align.SIZE)
    torch.onnx.export(
        network, (example,), str(path), input_names=["input"], output_names=["logit"], opset_version=17,
        dynamic_axes={"input": {0: "batch"}, "logit": {0: "batch"}}, dynamo=False,
    )
    exported = halve(onnx.load(str(path)))
    exported.producer_name, exported.doc_string = "unmask", ""
    onnx.checker.check_model(exported)
    onnx.save(exported, str(path))


def held_real_frames(args):
    """Crops of the held-out people's real video frames, as they are."""
    index = json.loads((args.cache / "index.json").read_text())
    items = [item for item in index if item["held_out"] and item["part"] == "video"]
    return np.stack([align.crop(prepare.read_picture(args.data, args.cache, i), i["landmarks"])[..., ::-1] for i in items])


def held_simulated(args):
    """(crops, labels) of the held-out people's simulated twins."""
    crops, labels = [], []
    for path in sorted((args.cache / "crops" / args.held).glob("*.npz")):
        with np.load(path) as file:
            crops.append(file["crops"])
            labels.append(file["label"])
    return np.concatenate(crops), np.concatenate(labels)


def calibrate(args, scorer):
    """(scale, offset, what it was fitted on); prints the fit."""
    crops, labels = held_simulated(args)
    scores, real = scorer(crops), scorer(held_real_frames(args))
    every, every_label = np.concatenate([scores, real]), np.concatenate([labels, np.zeros(len(real), labels.dtype)])
    scale, offset = measure.platt(every, every_label)
    p = measure.sigmoid(scale * scores + offset)
    print(f"held-out simulated: {len(labels)} crops, AUC {measure.auc(scores, labels):.3f}, ECE {measure.calibration_error(p, labels):.3f}")
    print(f"held-out real video frames: {len(real)}, over 0.5: {(measure.sigmoid(scale * real + offset) > 0.5).mean():.3f}")
    return scale, offset, f"{len(labels)} simulated crops and {len(real)} real video frames of held-out people"


def golden(args):
    """The portrait's aligned crop, written as golden.png; RGB."""
    picture = cv2.imread(str(args.portrait or args.cache / "models" / "astronaut.png"))
    detector = yunet.load(str(args.cache / "models" / "face_detection_yunet_2023mar.onnx"))
    crop = align.crop(picture, prepare.best_face(detector, picture))
    cv2.imwrite(str(args.out / "golden.png"), crop)
    return crop[..., ::-1]


def milliseconds(path, rounds=60):
    """Least time of one crop on one thread."""
    run, x, times = score.session(path), np.zeros((1, 3, align.SIZE, align.SIZE), np.float32), []
    for _ in range(rounds):
        start = time.perf_counter()
        run.run(None, {"input": x})
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def write_toml(args, scale, offset, fitted_on, p_masked):
    """model.toml as models/README.md asks for it."""
    digest = hashlib.sha256((args.out / "model.onnx").read_bytes()).hexdigest()
    template = "[" + ",".join(f"[{x:g},{y:g}]" for x, y in align.TEMPLATE) + "]"
    text = f"""id = "{args.out.name}"
task = "face_score"
file = "model.onnx"
sha256 = "{digest}"
licence = "MIT OR Apache-2.0"
commercial_use = true
origin = "trained by scripts/train/face; see card.md"

[input]
name = "input"
layout = "nchw"
size = [{align.SIZE}, {align.SIZE}]
color = "rgb"

[preprocess]
template = {template}
mean = {list(model.MEAN)}
std = {list(model.STD)}

[output]
name = "logit"
activation = "sigmoid"
masked_index = 0

[calibration]
scale = {scale:.5f}
offset = {offset:.5f}
fitted_on = "{fitted_on}"

[golden]
input = "golden.png"
p_masked = {p_masked:.5f}
tolerance = 0.02
"""
    (args.out / "model.toml").write_text(text)


def main():
    """Exports, calibrates, writes and checks that one and many crops give the same answer."""
    args = arguments()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "model.onnx"
    write_onnx(score.torch_network(args.weights), path)
    scorer = score.Scorer(path)
    scale, offset, fitted_on = calibrate(args, scorer)
    crop = golden(args)
    logit = scorer(crop[None])[0]
    write_toml(args, scale, offset, fitted_on, measure.sigmoid(scale * logit + offset))
    several = np.stack([crop, crop[:, ::-1], 255 - crop])
    apart = np.concatenate([scorer(one[None]) for one in several])
    print(f"batch against single: {np.abs(scorer(several) - apart).max():.2e}")
    print(f"against the checkpoint: {np.abs(score.Scorer(args.weights)(several) - apart).max():.2e}")
    print(f"golden p_masked {measure.sigmoid(scale * logit + offset):.4f}, {path.stat().st_size / 1e6:.2f} MB, {milliseconds(path):.2f} ms")


if __name__ == "__main__":
    main()
