"""dlib's face recognition network, from dlib's own file format to ONNX.

In:  the bytes of dlib_face_recognition_resnet_model_v1.dat (Davis King, public domain).
Out: an ONNX graph: input [batch,3,150,150] (RGB, normalised as models/face-embed/model.toml says), output
     "embedding" [batch,128].

The file keeps the layers from the input to the output. A layer begins with its name ("con_4", "affine_", "fc_2");
its weights are the first tensor behind it: a version, four sizes (each an integer whose first byte says its length
and sign), then little-endian floats. The layers between are known from dlib's dnn_face_recognition_ex.cpp: a
residual network whose shortcuts are filled up with zeros, in channels and at the right and lower edge, where the
two branches differ in shape. Convolutions that do not step have padding 1, the others none. Each affine layer is
folded into the convolution before it.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 150
# Channels of each residual block, and whether it halves the picture.
BLOCKS = [(32, False)] * 3 + [(64, True)] + [(64, False)] * 3 + [(128, True)] + [(128, False)] * 2
BLOCKS += [(256, True)] + [(256, False)] * 2 + [(256, True)]


class Weights:
    """The tensors of the file, layer by layer."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def integer(self, at):
        length = self.data[at] & 15
        return int.from_bytes(self.data[at + 1 : at + 1 + length], "little"), at + 1 + length

    def tensor(self, layer, integers, count):
        """The tensor behind the next layer of this name, which must have `count` values; `integers` stand between."""
        mark = bytes([1, len(layer)]) + layer
        at = self.data.index(mark, self.at) + len(mark)
        for _ in range(integers):
            _, at = self.integer(at)
        head = []
        for _ in range(5):
            value, at = self.integer(at)
            head.append(value)
        if head[0] != 2 or int(np.prod(head[1:])) != count:
            raise SystemExit(f"dlib_resnet: {layer.decode()} has {head[1:]}, where {count} values should be")
        self.at = at + 4 * count
        return np.frombuffer(self.data, "<f4", count, at).astype(np.float64)

    def convolution(self, channels, out_channels, kernel):
        """Filters and biases, the affine layer behind them folded in."""
        size = out_channels * channels * kernel * kernel
        params = self.tensor(b"con_4", 0, size + out_channels)
        gamma, beta = self.tensor(b"affine_", 0, 2 * out_channels).reshape(2, -1)
        filters = params[:size].reshape(out_channels, channels, kernel, kernel) * gamma[:, None, None, None]
        return filters.astype(np.float32), (params[size:] * gamma + beta).astype(np.float32)


class Graph:
    """Nodes and weights, and the shape that flows."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.tensors = [], []

    def keep(self, name, values):
        self.tensors.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, inputs, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def convolve(self, source, channels, out_channels, kernel, stride):
        filters, bias = self.weights.convolution(channels, out_channels, kernel)
        names = [self.keep(f"{part}_{len(self.nodes)}", v) for part, v in [("filters", filters), ("bias", bias)]]
        pad = 0 if stride > 1 else kernel // 2
        return self.node("Conv", [source, *names], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def fill(self, source, channels, side):
        """Zeros behind the last channel, column and row."""
        if channels == 0 and side == 0:
            return source
        pads = np.array([0, 0, 0, 0, 0, channels, side, side], np.int64)
        return self.node("Pad", [source, self.keep(f"pads_{len(self.nodes)}", pads)])

    def residual(self, source, channels, side, out_channels, halve):
        stride = 2 if halve else 1
        main = self.convolve(source, channels, out_channels, 3, stride)
        main = self.convolve(self.node("Relu", [main]), out_channels, out_channels, 3, 1)
        main_side = (side - 3) // 2 + 1 if halve else side
        short, short_side = source, side
        if halve:
            short = self.node("AveragePool", [source], kernel_shape=[2, 2], strides=[2, 2])
            short_side = (side - 2) // 2 + 1
        new_side = max(main_side, short_side)
        main = self.fill(main, 0, new_side - main_side)
        short = self.fill(short, out_channels - channels, new_side - short_side)
        return self.node("Relu", [self.node("Add", [main, short])]), new_side


def convert(data):
    graph = Graph(Weights(data))
    x = graph.convolve("input", 3, 32, 7, 2)
    x = graph.node("MaxPool", [graph.node("Relu", [x])], kernel_shape=[3, 3], strides=[2, 2])
    channels, side = 32, ((SIDE - 7) // 2 + 1 - 3) // 2 + 1
    for out_channels, halve in BLOCKS:
        x, side = graph.residual(x, channels, side, out_channels, halve)
        channels = out_channels
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], axis=1)
    last = graph.weights.tensor(b"fc_2", 2, channels * 128).reshape(channels, 128)
    nodes = graph.nodes + [helper.make_node("MatMul", [x, graph.keep("last", last.astype(np.float32))], ["embedding"])]
    declared = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 128]),
    ]
    whole = helper.make_graph(nodes, "dlib_face_recognition_resnet_v1", declared[:1], declared[1:], graph.tensors)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], producer_name="unmask")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
