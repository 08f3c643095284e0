"""Logits of crops, from a training checkpoint or from an exported network.

In: crops (n,160,160,3) RGB uint8 and a path ending in .pt or .onnx. Out: logits (n,).
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

import model
import statistics_net


def torch_network(path):
    """The network of a training checkpoint, or the picture network of an exported file, ready to score."""
    weights = model.weights(Path(path))
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
