"""Changes of a training batch, drawn anew each time a crop is seen.

In: crops (2n,160,160,3) RGB uint8, reals first and then their twins, mattes (2n,10,10) uint8, a numpy random
generator. Out: float32 tensors (2n,3,160,160) in 0..1 and (2n,1,10,10) in 0..1.
"""

import numpy as np
import torch

import align
import finish

IDLE = 0.55  # share of crops that get no honest processing on top


def processed(crops, rng):
    """Each crop after its own honest processing: what a receiver, a recorder or a viewer may add."""
    points = align.TEMPLATE * align.SIZE
    out = [finish.Finish(rng, IDLE)(np.ascontiguousarray(crop[..., ::-1]), points)[..., ::-1] for crop in crops]
    return np.stack(out)


def batch(crops, mattes, rng):
    """Processes, mirrors, tints and erases; mirror, tint and erasure are the same for twins."""
    half = len(crops) // 2
    x = torch.from_numpy(np.ascontiguousarray(processed(crops, rng).transpose(0, 3, 1, 2))).float() / 255
    there = torch.from_numpy(mattes)[:, None].float() / 255
    flip = torch.from_numpy(rng.random(half) < 0.5).repeat(2)
    x[flip], there[flip] = x[flip].flip(3), there[flip].flip(3)
    tint = rng.normal(1, 0.06, (half, 3, 1, 1)) * rng.uniform(0.85, 1.15, (half, 1, 1, 1))
    x = (x * torch.from_numpy(tint).float().repeat(2, 1, 1, 1)).clamp(0, 1)
    for i in np.flatnonzero(rng.random(half) < 0.25):
        height, width = rng.integers(16, 70, 2)
        top, left = rng.integers(0, align.SIZE - height), rng.integers(0, align.SIZE - width)
        for j in (i, i + half):
            x[j, :, top : top + height, left : left + width] = float(rng.random())
    return x, there
