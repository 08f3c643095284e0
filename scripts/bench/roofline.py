"""How far the networks are from what the machine could do.

In:  `count`: nothing; `measure REPORT.json COUNTS.json`: what `unmask bench --json` printed, and what `count` printed.
Out: `count`: JSON, for each network the values of one input, its operations on it (2 × multiply-adds of convolutions and
     matrix products), the bytes of its weights (as float32) and those of that input with its outputs. `measure`: copy
     bandwidth and matrix rate of this machine, measured now (torch on a GPU where there is one, else numpy), and the share of
     both that each networks-only row reaches: the operations of the very runs of the scan, by the size of their inputs, and
     the bytes of weights once a run (streams that share batches need fewer), input and outputs once. What a run keeps in
     between may stay in a cache.
`count` needs scripts/setup --bench; `measure` needs numpy, and torch for a GPU.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ["yunet", "face-lite160", "face-embed", "voice-spectrum", "voice-embed", "speaker-segmentation"]


def weights(folder):
    manifest = tomllib.loads((folder / "model.toml").read_text())
    path = folder / manifest["file"]
    return manifest, path if path.is_file() else ROOT / ".runtime/models" / folder.name / manifest["file"]


def count(folder):
    """Operations and bytes of one run on one input, by running the graph with every intermediate as an output."""
    import onnx
    import onnxruntime

    manifest, path = weights(folder)
    model = onnx.load(path)
    sizes = {t.name: list(t.dims) for t in model.graph.initializer}
    weight_bytes = sum(int(np.prod(t.dims)) * 4 for t in model.graph.initializer)
    given = manifest["input"]
    rank = len(next(i for i in model.graph.input if i.name == given["name"]).type.tensor_type.shape.dim)
    sound = given["layout"] == "nt"
    shape = [1] * (rank - 1) + given["size"] if sound else [1, 3, given["size"][1], given["size"][0]]
    results = {output.name for output in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(names, {given["name"]: np.zeros(shape, np.float32)})
    sizes |= {name: list(np.shape(value)) for name, value in zip(names, values)}
    sizes[given["name"]] = shape
    operations = 0
    for node in model.graph.node:
        out = int(np.prod(sizes.get(node.output[0], [0])))
        if node.op_type == "Conv":
            operations += 2 * out * int(np.prod(sizes[node.input[1]][1:]))
        elif node.op_type in ("MatMul", "Gemm"):
            operations += 2 * out * sizes[node.input[0]][-1]
        elif node.op_type == "LSTM":
            steps, batch, _ = sizes[node.input[0]]
            operations += 2 * steps * batch * sum(int(np.prod(sizes[name])) for name in node.input[1:3])
    given_values = int(np.prod(shape))
    got_values = sum(int(np.prod(sizes[name])) for name in results)
    return {
        "values": given_values,
        "operations": operations,
        "weight_bytes": weight_bytes,
        "in_and_out_bytes": 4 * (given_values + got_values),
    }


def machine():
    """(name, bytes a second copied, operations a second in a matrix product)."""
    try:
        import torch

        if torch.cuda.is_available():
            return gpu(torch)
    except ImportError:
        pass
    data, target = np.ones(64 << 20, np.uint8), np.empty(64 << 20, np.uint8)
    n = 1024
    a = np.ones((n, n), np.float32)
    copy = best(lambda: np.copyto(target, data))
    product = best(lambda: a @ a)
    return "processor, all threads of numpy", 2 * data.size / copy, 2 * n**3 / product


def gpu(torch):
    def timed(work):
        def once():
            work()
            torch.cuda.synchronize()

        return best(once)

    data = torch.ones(1 << 28, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(data)
    a = torch.ones((8192, 8192), device="cuda")
    copy, product = timed(lambda: target.copy_(data)), timed(lambda: a @ a)
    return torch.cuda.get_device_name(), 2 * data.numel() / copy, 2 * 8192**3 / product


def best(work, times=7):
    work()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def measure(report, counts):
    name, copied, rate = machine()
    print(f"{name}: copies {copied / 1e9:.1f} GB/s, multiplies {rate / 1e9:.0f} GFLOP/s (float32)")
    print("| provider | streams | rate | GFLOP | GB, at least | wall s | of the matrix rate | of the copy bandwidth |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in (row for row in report["rows"] if row["work"] == "networks"):
        operations, moved = needed([runs for runs in report["asked"] if key(runs) == key(row)], counts)
        wall = max(row["wall_s"], 1e-9)
        cells = [row["provider"], row["streams"], row["fps"] or "every frame"]
        cells += [f"{operations / 1e9:.1f}", f"{moved / 1e9:.2f}", f"{wall:.2f}"]
        cells += [f"{100 * share:.1f} %" for share in (operations / wall / rate, moved / wall / copied)]
        print("|", " | ".join(map(str, cells)), "|")


def needed(asked, counts):
    """(operations, bytes) of runs; networks that were not counted (`silero-vad`, tiny) count nothing."""
    operations = moved = 0
    for runs in (runs for runs in asked if runs["network"] in counts):
        one = counts[runs["network"]]
        inputs = int(np.prod(runs["input"])) / one["values"]
        operations += runs["times"] * inputs * one["operations"]
        moved += runs["times"] * (one["weight_bytes"] + inputs * one["in_and_out_bytes"])
    return operations, moved


def key(row):
    return row["provider"], row["streams"], row["fps"]


if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        print(json.dumps({name: count(ROOT / "models" / name) for name in NETWORKS}, indent=1))
    elif sys.argv[1:2] == ["measure"] and len(sys.argv) == 4:
        measure(*(json.loads(Path(path).read_text()) for path in sys.argv[2:]))
    else:
        raise SystemExit(__doc__)
