"""Resemblyzer's speaker encoder, from PyTorch's old file format to ONNX.

In:  the bytes of resemblyzer/pretrained.pt (Corentin Jemine; Apache-2.0; after L. Wan et al., "Generalized End-to-End
     Loss for Speaker Verification", ICASSP 2018).
Out: an ONNX graph: input "samples" [batch,25840] at 16 kHz, -1..1; output "embedding" [batch,256], unit length.

The graph does what the package does to 1.6 s of speech: gain to -30 dBFS (never down), power of a short-time Fourier
transform (Hann window of 400 samples, hop 160), 40 mel bands (Slaney's scale and area), three LSTM layers, the last
state through a linear layer, ReLU, unit length. The frames are not padded; the package centres them.

The file is a row of pickles (magic number, version, sizes, the state, names of storages), then each storage: its
length, and little-endian floats. The state's pickle may name three classes; any other ends the conversion.
"""

import io
import pickle
from collections import OrderedDict

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE, WINDOW, HOP, FRAMES, BANDS, HIDDEN, LAYERS = 16000, 400, 160, 160, 40, 256, 3
SAMPLES = (FRAMES - 1) * HOP + WINDOW
TARGET_RMS = 10 ** (-30 / 20)
MAGIC = 0x1950A86A20F9469CFC6C


class State(pickle.Unpickler):
    """Reads tensors as (storage, offset, shape); storages by their key."""

    def find_class(self, module, name):
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, *_: (storage, offset, shape),
            ("torch", "FloatStorage"): "float",
        }
        if (module, name) not in allowed:
            raise SystemExit(f"speaker_lstm: the file names {module}.{name}, which it should not")
        return allowed[module, name]

    def persistent_load(self, pid):
        return pid[2]


def read(data):
    """The tensors of `model_state` by name."""
    file = io.BytesIO(data)
    if State(file).load() != MAGIC:
        raise SystemExit("speaker_lstm: not a file of PyTorch's old format")
    for _ in range(2):
        State(file).load()
    state = State(file).load()["model_state"]
    storages = {}
    for key in State(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(4 * count), "<f4")
    tensors = {}
    for name, (key, offset, shape) in state.items():
        count = int(np.prod(shape))
        tensors[name] = storages[key][offset : offset + count].reshape(shape)
    return tensors


def mel_filters():
    """[bins, BANDS] triangles on Slaney's mel scale, each of unit area in hertz."""

    def hertz(mel):
        linear = mel * 200 / 3
        return np.where(mel < 15, linear, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))

    top = 15 + np.log(RATE / 2 / 1000) * 27 / np.log(6.4)
    edges = hertz(np.linspace(0, top, BANDS + 2))
    bins = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return (triangles * 2 / (high - low)).T.astype(np.float32)


def fourier():
    """[2 * bins, 1, WINDOW]: cosines, then sines, under a periodic Hann window."""
    n = np.arange(WINDOW)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / WINDOW)
    angle = 2 * np.pi * np.outer(np.arange(WINDOW // 2 + 1), n) / WINDOW
    return (np.concatenate([np.cos(angle), np.sin(angle)]) * window)[:, None].astype(np.float32)


def gates(values):
    """PyTorch's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    i, f, c, o = np.split(values, 4)
    return np.concatenate([i, o, f, c])


def convert(data):
    state = read(data)
    nodes, tensors = [], []

    def keep(name, values):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(kind, inputs, outputs=None, **attributes):
        name = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, outputs or [name], name, **attributes))
        return (outputs or [name])[-1]

    last_axis = keep("last_axis", np.array([-1], np.int64))
    power = node("ReduceMean", [node("Mul", ["samples", "samples"])], axes=[1], keepdims=1)
    rms = node("Sqrt", [node("Add", [power, keep("tiny", np.float32(1e-12))])])
    gain = node("Max", [node("Div", [keep("target", np.float32(TARGET_RMS)), rms]), keep("one", np.float32(1))])
    x = node("Unsqueeze", [node("Mul", ["samples", gain]), keep("channel_axis", np.array([1], np.int64))])
    x = node("Conv", [x, keep("fourier", fourier())], strides=[HOP])
    x = node("Mul", [x, x])
    real, imaginary = f"real_{len(nodes)}", f"imaginary_{len(nodes)}"
    node("Split", [x, keep("halves", np.array([WINDOW // 2 + 1] * 2, np.int64))], [real, imaginary], axis=1)
    x = node("Transpose", [node("Add", [real, imaginary])], perm=[2, 0, 1])
    x = node("MatMul", [x, keep("mel", mel_filters())])
    for layer in range(LAYERS):
        weights = [gates(state[f"lstm.weight_{part}_l{layer}"])[None] for part in ("ih", "hh")]
        bias = np.concatenate([gates(state[f"lstm.bias_{part}_l{layer}"]) for part in ("ih", "hh")])[None]
        names = [keep(f"{part}_{layer}", v) for part, v in zip("wrb", [*weights, bias], strict=True)]
        steps, final = f"steps_{layer}", f"final_{layer}"
        node("LSTM", [x, *names], [steps, final], hidden_size=HIDDEN)
        x = node("Squeeze", [steps, keep(f"direction_{layer}", np.array([1], np.int64))])
    x = node("Squeeze", [final, keep("first_axis", np.array([0], np.int64))])
    x = node("Gemm", [x, keep("linear", state["linear.weight"]), keep("bias", state["linear.bias"])], transB=1)
    x = node("Relu", [x])
    length = node("Sqrt", [node("ReduceSum", [node("Mul", [x, x]), last_axis], keepdims=1)])
    node("Div", [x, node("Add", [length, "tiny"])], ["embedding"])
    declared = [
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", SAMPLES]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN]),
    ]
    graph = helper.make_graph(nodes, "resemblyzer_voice_encoder", declared[:1], declared[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="unmask")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
