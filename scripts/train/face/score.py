"""Logits of crops, from a training checkpoint or from an exported network.

In: crops (n,160,160,3) RGB uint8 and a path ending in .pt or .onnx. Out: logits (n,).
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

import model
import statistics_net

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from half_weights import weights_of  # noqa: E402


def stored(path):
    """The weights in a run's average.pt, or those of the picture network in a file that export.py wrote."""
    if path.suffix != ".onnx":
        return torch.load(path, weights_only=True, map_location="cpu")
    named = weights_of(path).items()
    return {name.removeprefix("picture."): torch.from_numpy(v) for name, v in named if name.startswith("picture.")}


def torch_network(path):
    """The network of a training checkpoint, or the picture network of an exported file, ready to score."""
    weights = stored(Path(path))
    hidden = weights["embed.weight"].shape[::-1] if "spread" in weights else ()
    network = statistics_net.StatisticsNet(*hidden) if hidden else model.FaceNet()
    network.load_state_dict(weights)
    return network.eval()


def session(path, threads=1):
    """An ONNX Runtime session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def tensor(crops):
    """Normalised float32 (n,3,160,160)."""
    x = crops.astype(np.float32) / 255
    x = (x - np.float32(model.MEAN)) / np.float32(model.STD)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def batches(run, crops, batch=64):
    """What `run` makes of the normalised crops, joined."""
    with torch.no_grad():
        return np.concatenate([run(torch.from_numpy(tensor(crops[i : i + batch]))).numpy() for i in range(0, len(crops), batch)])


class Scorer:
    """Scores crops in batches, with the mirrored crop averaged in when `mirror` is set."""

    def __init__(self, path, mirror=False):
        self.mirror = mirror
        if str(path).endswith(".onnx"):
            run = session(path)
            self.run = lambda x: torch.from_numpy(run.run(["logit"], {"input": x.numpy()})[0])
        else:
            self.run = torch_network(path)

    def __call__(self, crops, batch=32):
        if len(crops) == 0:
            return np.zeros(0, np.float32)
        logit = batches(self.run, crops, batch)[:, 0]
        return (logit + batches(self.run, crops[:, :, ::-1], batch)[:, 0]) / 2 if self.mirror else logit
