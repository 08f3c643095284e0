"""What INT8 and FP16 arithmetic would gain and lose.

In: an exported network, held-out shards to judge it, training shards to set the INT8 ranges. Out: for each variant its
size, the least milliseconds of one crop on one thread, and the AUC on held-out twins. Nothing is kept.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

import evaluate_simulated
import export
import measure
import model
import score


class Ranges(CalibrationDataReader):
    """Crops of one training shard, one at a time."""

    def __init__(self, shard, count):
        with np.load(shard) as file:
            crops = file["crops"][:count]
        mean, std = (np.float32(v).reshape(1, 3, 1, 1) for v in (model.MEAN, model.STD))
        self.rest = [(crop[None].transpose(0, 3, 1, 2).astype(np.float32) / 255 - mean) / std for crop in crops]

    def get_next(self):
        """The next input, None after the last."""
        return {"input": self.rest.pop()} if self.rest else None


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, help="model.onnx")
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-face"))
    parser.add_argument("--set", default="held")
    parser.add_argument("--crops", type=int, default=192, help="crops that set the INT8 ranges")
    return parser.parse_args()


def main():
    """Prints a row a variant."""
    args = arguments()
    torch.set_num_threads(1)
    data = evaluate_simulated.columns(args.cache / "crops" / args.set)
    shard = sorted((args.cache / "crops" / "train").glob("*.npz"))[0]
    with tempfile.TemporaryDirectory() as folder:
        plain, int8, fp16 = (Path(folder) / f"{name}.onnx" for name in ("plain", "int8", "fp16"))
        quant_pre_process(str(args.network), str(plain))
        options = {"per_channel": True, "quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8}
        quantize_static(str(plain), str(int8), Ranges(shard, args.crops), weight_type=QuantType.QInt8, **options)
        onnx.save(convert_float_to_float16(onnx.load(str(plain)), keep_io_types=True), str(fp16))
        for name, path in (("FP32, as shipped", args.network), ("INT8", int8), ("FP16", fp16)):
            area = measure.auc(score.Scorer(path)(data["crops"]), data["label"])
            print(f"{name:18s} {path.stat().st_size / 1e6:5.2f} MB  {export.milliseconds(path):5.2f} ms  AUC {area:.3f}")


if __name__ == "__main__":
    main()
