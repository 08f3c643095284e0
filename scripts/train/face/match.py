"""A drawn patch brought towards the real one it stands for, as colour transfer and tuned generators do.

In: BGR patches float32 (p,p,3), the drawn one and its target, and how far to go. Out: the changed patch.
"""

import cv2
import numpy as np

import camera

NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # Immerkaer's: blind to edges


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


def light(patch, target, strength, reach):
    """Slow changes of light and colour taken from the target: no step at the mask's edge is left."""
    return patch + strength * cv2.GaussianBlur(target - patch, (0, 0), reach)


def noise_level(patch):
    """Deviation of the noise, from the median so that edges do not count."""
    return float(np.median(np.abs(cv2.filter2D(patch, -1, NOISE)))) * 1.48


def grain(patch, target, rng):
    """Noise added until the patch has as much as its target."""
    missing = noise_level(target) ** 2 - noise_level(patch) ** 2
    if missing <= 0:
        return patch
    noise = camera.sensor_noise(patch.shape, rng, 1.0, rng.uniform(0, 0.8), rng.uniform(0.1, 0.9))
    return patch + noise * np.sqrt(missing) * rng.uniform(0.7, 1.2)


def towards(patch, target, rng, reach):
    """A random handful of the above, as careful tools do; `reach` is the scale of light in pixels."""
    if rng.random() < 0.65:
        patch = colour(patch, target, rng.uniform(0.4, 1.0))
    if rng.random() < 0.35:
        patch = light(patch, target, rng.uniform(0.5, 1.0), reach * rng.uniform(0.15, 0.5))
    if rng.random() < 0.45:
        patch = spectrum(patch, target, rng.uniform(0.5, 1.0))
    return grain(patch, target, rng) if rng.random() < 0.3 else patch
