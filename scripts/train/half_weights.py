"""Weights at half their size, and back.

In: an ONNX graph. Out: the same graph with its FP32 weights stored as FP16 behind a Cast, so that the file halves and
the arithmetic stays FP32; or the weights of such a file by name, FP32 again.
"""

import numpy as np
import onnx

LEAST = 64  # smaller tensors are not worth a node


def large(weight):
    return np.prod(weight.dims) >= LEAST


def halve(model, wanted=large):
    """Changes the graph in place, and returns it; `wanted` says which weights."""
    graph, casts = model.graph, []
    for i, weight in enumerate(list(graph.initializer)):
        if weight.data_type != onnx.TensorProto.FLOAT or not wanted(weight):
            continue
        values = onnx.numpy_helper.to_array(weight).astype(np.float16)
        half = onnx.numpy_helper.from_array(values, weight.name + "_half")
        casts.append(onnx.helper.make_node("Cast", [half.name], [weight.name], to=onnx.TensorProto.FLOAT, name=f"full_{i}"))
        graph.initializer.remove(weight)
        graph.initializer.append(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return model


def halve_weights(path):
    """Rewrites a file in place."""
    model = halve(onnx.load(path))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def weights_of(path):
    """{name: FP32 array} of a file's weights, those stored as halves among them."""
    stored = onnx.load(path).graph.initializer
    return {w.name.removesuffix("_half"): onnx.numpy_helper.to_array(w).astype(np.float32) for w in stored}
