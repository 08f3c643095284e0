"""Step 6: calibrate and export.

In: average.pt of the picture network and of the statistics network, what calibrate.py needs, and NASA's portrait. Out: OUT with model.onnx (outputs `logit` and
`map`, the probability of each of 10x10 cells; weights as FP16, computed in FP32), model.toml, golden.png; what was
measured goes to standard output. OUT's name is the id: give a folder of that name outside models/ and move the files
over when the card is written. Dev clips are not used.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import torch

import align
import calibrate
import evaluate_simulated
import measure
import model
import prepare
import score
import yunet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from half_weights import halve  # noqa: E402

ABOUT = (
    "Says how much a face looks put on by a tool, from one picture. Misses most faces that are moved or spoken by a tool "
    "without being swapped, and swaps it has no like of."
)


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="picture network (train.py, or a model.onnx that has it)")
    parser.add_argument("statistics", type=Path, help="statistics network (train_statistics.py)")
    parser.add_argument("--out", type=Path, required=True, help="FOLDER/ID")
    calibrate.add_arguments(parser)
    parser.add_argument("--portrait", type=Path, help="default: CACHE/models/astronaut.png")
    return parser.parse_args()


def share(graph_model):
    """Large constants that the writer repeats at each use become one weight each."""
    graph, known, names = graph_model.graph, {}, {}
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        value = node.attribute[0].t
        if len(value.raw_data) >= 4096:
            key = (tuple(value.dims), value.raw_data)
            if key not in known:
                known[key] = f"shared_{len(known)}"
                graph.initializer.add().CopyFrom(value)
                graph.initializer[-1].name = known[key]
            names[node.output[0]] = known[key]
            graph.node.remove(node)
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)
    return graph_model


class Exported(torch.nn.Module):
    """Both networks, each brought to unit spread and added; the picture network's map as probabilities."""

    def __init__(self, picture, statistics, spreads):
        super().__init__()
        self.picture, self.statistics, self.spreads = picture, statistics, spreads

    def forward(self, x):
        logit, where = self.picture.both(x)
        return logit / self.spreads[0] + self.statistics(x) / self.spreads[1], torch.sigmoid(where)


def joined(args):
    """The two networks as one; spreads are those of their logits on the held-out twins."""
    twins = evaluate_simulated.columns(args.cache / "crops" / args.held)["crops"]
    networks = [score.torch_network(path) for path in (args.weights, args.statistics)]
    return Exported(*networks, [float(score.batches(network, twins).std()) for network in networks]).eval()


def write_onnx(network, path):
    """Exports with a dynamic batch and checks the result's form."""
    example = torch.zeros(2, 3, align.SIZE, align.SIZE)
    torch.onnx.export(
        network, (example,), str(path), input_names=["input"], output_names=["logit", "map"], opset_version=17,
        dynamic_axes={name: {0: "batch"} for name in ("input", "logit", "map")}, dynamo=False,
    )
    exported = share(halve(onnx.load(str(path))))
    exported.producer_name, exported.doc_string = "unmask", ""
    onnx.checker.check_model(exported)
    onnx.save(exported, str(path))


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


FORM = f'layout = "nchw"\nsize = [{align.SIZE}, {align.SIZE}]'


def write_toml(args, scale, offset, fitted_on, p_masked, task="face_score", scripts="", form=FORM, about=ABOUT):
    """model.toml as models/README.md asks for it; `form` says what one input is, `scripts` which files trained it."""
    digest = hashlib.sha256((args.out / "model.onnx").read_bytes()).hexdigest()
    template = "[" + ",".join(f"[{x:g},{y:g}]" for x, y in align.TEMPLATE) + "]"
    text = f"""id = "{args.out.name}"
task = "{task}"
file = "model.onnx"
sha256 = "{digest}"
licence = "MIT OR Apache-2.0"
commercial_use = true
origin = "trained by scripts/train/face{scripts}; see card.md"
about = "{about}"

[input]
name = "input"
{form}
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
    network = joined(args)
    write_onnx(network, path)
    scorer = score.Scorer(path)
    scale, offset, fitted_on = calibrate.fit(args, scorer)
    crop = golden(args)
    logit = scorer(crop[None])[0]
    write_toml(args, scale, offset, fitted_on, measure.sigmoid(scale * logit + offset))
    several = np.stack([crop, crop[:, ::-1], 255 - crop])
    apart = np.concatenate([scorer(one[None]) for one in several])
    print(f"batch against single: {np.abs(scorer(several) - apart).max():.2e}")
    exact = score.batches(lambda x: network(x)[0], several)[:, 0]
    print(f"against the checkpoints: {np.abs(exact - apart).max():.2e}")
    print(f"golden p_masked {measure.sigmoid(scale * logit + offset):.4f}, {path.stat().st_size / 1e6:.2f} MB, {milliseconds(path):.2f} ms")


if __name__ == "__main__":
    main()
