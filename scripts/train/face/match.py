"""A drawn patch brought towards the real one it stands for, as colour transfer and tuned generators do.

In: BGR patches float32 (p,p,3), the drawn one and its target, and how far to go. Out: the changed patch.
"""

import numpy as np


def spectrum(patch, target, strength):
    """Energy per spatial frequency brought towards the target's, so that softness alone tells nothing."""
    size = patch.shape[0]
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    ring = np.minimum(np.sqrt(fx**2 + fy**2) * 24, 15).astype(int)
    drawn, wanted = (np.fft.rfft2(p, axes=(0, 1)) for p in (patch, target))
    energy, aim = (
        np.bincount(ring.ravel(), (np.abs(s) ** 2).sum(2).ravel(), 16) + 1.0 for s in (drawn, wanted)
    )
    gain = np.clip(np.sqrt(aim / energy), 0.4, 4.0) ** strength
    gain[0] = 1.0
    smooth = np.interp(np.sqrt(fx**2 + fy**2) * 24, np.arange(16) + 0.5, gain)
    return np.fft.irfft2(drawn * smooth[..., None], (size, size), axes=(0, 1)).astype(np.float32)


def colour(patch, target, strength):
    """Mean and deviation per channel brought towards the target's."""
    mean, deviation = patch.mean((0, 1)), patch.std((0, 1)) + 1e-3
    matched = (patch - mean) * (target.std((0, 1)) / deviation) + target.mean((0, 1))
    return patch + strength * (matched - patch)
