"""Windows of the shards and their statistics, kept so that a run takes a minute.

In: MOTION/windows/SET of motion_make.py. Out: the columns of a set, twins next to each other with the real one first,
and the statistics (2n,k) of motion_net.py, cached under MOTION/statistics.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch

import model
import motion_net

KEYS = ("label", "pair", "eye_px", "person", "family", "form", "generator", "warp", "flags", "codec", "spacing_ms", "lively")
VERSION = hashlib.sha256(Path(motion_net.__file__).read_bytes()).hexdigest()[:8]


def tensor(crops):
    """Normalised float32 (n,8,3,160,160) of RGB windows (n,8,160,160,3)."""
    x = crops.astype(np.float32) / 255
    x = (x - np.float32(model.MEAN)) / np.float32(model.STD)
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 1, 4, 2, 3)))


def statistics(network, crops, batch=4):
    """Statistics (n,k) of windows."""
    with torch.no_grad():
        return np.concatenate([network.statistics(tensor(crops[i : i + batch])).numpy() for i in range(0, len(crops), batch)])


def shard(network, path, cache):
    """(columns, statistics float16) of one shard in the order of KEYS' pairs."""
    kept = cache / "statistics" / VERSION / f"{path.parent.name}-{path.stem}.npy"
    with np.load(path) as file:
        columns = {key: file[key] for key in KEYS}
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(".part.npy")
            np.save(part, statistics(network, file["crops"]).astype(np.float16))
            part.rename(kept)
    order = np.lexsort((columns["label"], columns["pair"]))
    return {key: value[order] for key, value in columns.items()}, np.load(kept)[order]


def twins(network, cache, name):
    """(columns, statistics) of a set."""
    parts = [shard(network, path, cache) for path in sorted((cache / "windows" / name).glob("*.npz"))]
    columns = {key: np.concatenate([part[0][key] for part in parts]) for key in KEYS}
    return columns, torch.from_numpy(np.nan_to_num(np.concatenate([part[1] for part in parts]).astype(np.float32)))


def kinds(columns):
    """What each twin can be left out by: family, family-form, warp and generator, (n,4) strings."""
    both = np.char.add(np.char.add(columns["family"].astype(str), "-"), columns["form"].astype(str))
    return np.stack([columns["family"].astype(str), both, columns["warp"].astype(str), columns["generator"].astype(str)], 1)


def of(columns, names):
    """True for pairs (by twin row) of one of the named kinds; both rows of a pair alike."""
    mine = np.isin(kinds(columns), list(names)).any(1) if len(names) else np.zeros(len(columns["label"]), bool)
    return mine
