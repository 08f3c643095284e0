"""How far the networks are from what the machine could do.

In:  `count`: nothing; `measure REPORT.json COUNTS.json`: what `unmask bench --json` printed, and what `count` printed.
Out: `count`: JSON, for each network its operations (2 × multiply-adds of convolutions and matrix products) and bytes
     (weights once, activations written and read once) for one sample. `measure`: copy bandwidth and matrix rate of this
     machine, measured now (torch on a GPU where there is one, else numpy), and the share of both that the whole networks-only
     row of each number of streams reaches.
`count` needs scripts/setup --bench; `measure` needs numpy, and torch for a GPU.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ["yunet", "face-lite160", "face-embed", "voice-spectrum", "voice-embed"]


def weights(folder):
    manifest = tomllib.loads((folder / "model.toml").read_text())
    path = folder / manifest["file"]
    return manifest, path if path.is_file() else ROOT / ".runtime/models" / folder.name / manifest["file"]


def count(folder):
    """Operations and bytes of one run on one sample, by running the graph with every intermediate as an output."""
    import onnx
    import onnxruntime

    manifest, path = weights(folder)
    model = onnx.load(path)
    sizes = {t.name: list(t.dims) for t in model.graph.initializer}
    weight_bytes = sum(int(np.prod(t.dims)) * 4 for t in model.graph.initializer)
    given = manifest["input"]
    shape = [1, *given["size"]] if given["layout"] == "nt" else [1, 3, given["size"][1], given["size"][0]]
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
    moved = sum(2 * 4 * int(np.prod(np.shape(value))) for value in values)
    return {"operations": operations, "bytes": weight_bytes + moved}


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
    face = {key: sum(counts[n][key] for n in ("yunet", "face-lite160")) for key in ("operations", "bytes")}
    print("a frame with one face, detector and scorer:", f"{face['operations'] / 1e9:.3f} GFLOP, {face['bytes'] / 1e6:.0f} MB")
    print("| provider | streams | rate | frames/s, networks only | of the matrix rate | of the copy bandwidth |")
    print("| --- | --- | --- | --- | --- | --- |")
    whole = {key(row): row for row in report["rows"] if row["work"] == "whole"}
    for row in (row for row in report["rows"] if row["work"] == "networks"):
        frames = whole[key(row)]["frames"] / max(row["wall_s"], 1e-9)
        shares = (frames * face["operations"] / rate, frames * face["bytes"] / copied)
        cells = [row["provider"], row["streams"], row["fps"] or "every frame", f"{frames:.0f}"]
        print("|", " | ".join(map(str, [*cells, *(f"{100 * share:.1f} %" for share in shares)])), "|")


def key(row):
    return row["provider"], row["streams"], row["fps"]


if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        print(json.dumps({name: count(ROOT / "models" / name) for name in NETWORKS}, indent=1))
    elif sys.argv[1:2] == ["measure"] and len(sys.argv) == 4:
        measure(*(json.loads(Path(path).read_text()) for path in sys.argv[2:]))
    else:
        raise SystemExit(__doc__)
