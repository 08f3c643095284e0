"""Weights at half their size.

In: an ONNX file. Out: the same graph with its large FP32 weights stored as FP16 behind a Cast, so that the file halves
and the arithmetic stays FP32.
"""

import numpy as np
import onnx

LEAST = 256  # smaller tensors are not worth a node


def halve_weights(path):
    """Rewrites the file in place."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < LEAST:
            continue
        name = weight.name
        half = onnx.numpy_helper.to_array(weight).astype(np.float16)
        weight.CopyFrom(onnx.numpy_helper.from_array(half, name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], name + "_cast", to=onnx.TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
