"""Traces of synthesis put on a face patch.

In: an aligned BGR patch float32 (p,p,3) in 0..255 that shows the real face, and a random generator. Out:
the patch as a masking tool would have drawn it. `redraw` runs one of our generators, the other functions
are the simulated traces of one-photo swaps.
"""

import cv2
import numpy as np
import torch

import camera

RESIZES = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)


def bottleneck(patch, rng):
    """Down to a small resolution and back up with some pair of kernels."""
    size = patch.shape[0]
    small = int(size * np.exp(rng.uniform(np.log(0.3), np.log(0.95))))
    low = cv2.resize(patch, (small, small), interpolation=RESIZES[rng.choice(4, p=(0.3, 0.2, 0.4, 0.1))])
    return cv2.resize(low, (size, size), interpolation=RESIZES[rng.choice(5, p=(0.5, 0.3, 0.0, 0.12, 0.08))])


def soften(patch, rng):
    """Gaussian or median or edge-keeping smoothing: the missing pores and noise."""
    pick = rng.integers(3)
    if pick == 0:
        return cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.4, 1.6))
    byte = np.clip(patch, 0, 255).astype(np.uint8)
    if pick == 1:
        return cv2.medianBlur(byte, 3).astype(np.float32)
    return cv2.bilateralFilter(byte, 5, rng.uniform(10, 40), rng.uniform(1.5, 4)).astype(np.float32)


def sharpen(patch, rng):
    """Unsharp mask, as enhancers and tools' sharpening sliders do."""
    blurred = cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.7, 2.2))
    return patch + rng.uniform(0.3, 1.8) * (patch - blurred)


def recolour(patch, rng):
    """Shift of colour, contrast and saturation."""
    grey = patch.mean(2, keepdims=True)
    mean = patch.mean((0, 1), keepdims=True)
    patch = grey + (patch - grey) * rng.uniform(0.7, 1.3)
    patch = mean + (patch - mean) * rng.uniform(0.8, 1.2)
    return patch + rng.normal(0, 5, 3).astype(np.float32) + np.float32(rng.normal(0, 5))


def relight(patch, rng):
    """Light on the patch that does not agree with the scene."""
    return patch * camera.light_field(patch.shape, rng)


def warp(patch, rng):
    """Smooth displacement of features: another geometry of eyes, nose and mouth."""
    size = patch.shape[0]
    cells = int(rng.integers(3, 8))
    field = rng.normal(0, size * rng.uniform(0.006, 0.028), (2, cells, cells)).astype(np.float32)
    dx, dy = (cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in field)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return cv2.remap(patch, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def misplace(patch, rng):
    """Small error of alignment: scale, turn, shift."""
    size = patch.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.normal(0, 1.5), 1 + rng.normal(0, 0.025))
    matrix[:, 2] += rng.normal(0, size * 0.01, 2)
    return cv2.warpAffine(patch, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def lattice(patch, rng):
    """Periodic traces of upsampling layers: a weak grid of period 2, 4 or 8, tied to the detail."""
    size, period = patch.shape[0], int(rng.choice([2, 2, 4, 8]))
    tile = rng.normal(0, 1, (period, period, 1)).astype(np.float32)
    tile -= tile.mean()
    grid = np.tile(tile, (-(-size // period), -(-size // period), 1))[:size, :size]
    detail = np.abs(patch - cv2.GaussianBlur(patch, (0, 0), 2.0)).mean(2, keepdims=True)
    return patch + grid * (rng.uniform(0.5, 2.0) + detail * rng.uniform(0.05, 0.3))


def spectrum(patch, rng):
    """Smooth random gain over spatial frequency: another texture with the same content."""
    size = patch.shape[0]
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    radius = np.sqrt(fx**2 + fy**2) / 0.5
    knots = np.exp(rng.normal(0, 0.35, 6))
    knots[0] = 1.0
    gain = np.interp(radius, np.linspace(0, 1, 6), knots).astype(np.float32)
    return np.fft.irfft2(np.fft.rfft2(patch, axes=(0, 1)) * gain[..., None], (size, size), axes=(0, 1)).astype(np.float32)


def regrain(patch, rng):
    """Denoise, then put on noise of another kind."""
    return soften(patch, rng) + camera.sensor_noise(patch.shape, rng, rng.uniform(1, 5), rng.uniform(0, 2.0), rng.uniform(0, 1))


def recompress(patch, rng):
    """JPEG of the patch alone, or coarse colour."""
    byte = np.clip(patch, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        return camera.jpeg(byte, rng.uniform(30, 85)).astype(np.float32)
    ycc = cv2.cvtColor(byte, cv2.COLOR_BGR2YCrCb)
    ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), rng.uniform(1, 4))
    return cv2.cvtColor(ycc, cv2.COLOR_YCrCb2BGR).astype(np.float32)


def deconvolve(patch, rng):
    """Halved, then doubled by a transposed convolution with an uneven kernel: checkerboard tied to content."""
    out, levels = patch, int(rng.integers(1, 3))
    for _ in range(levels):
        size = out.shape[0]
        low = cv2.resize(out, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
        sparse = np.zeros((size // 2 * 2, size // 2 * 2, 3), np.float32)
        sparse[::2, ::2] = low
        kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16 * (1 + rng.normal(0, rng.uniform(0.02, 0.15), (4, 4)))
        drawn = cv2.filter2D(sparse, -1, kernel * 4 / kernel.sum(), anchor=(1, 1), borderType=cv2.BORDER_REFLECT)
        out = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_LINEAR) if size % 2 else drawn
    return out + rng.uniform(0.0, 0.9) * cv2.GaussianBlur(patch - out, (0, 0), rng.uniform(0.5, 1.5))


def hallucinate(patch, rng):
    """Detail of the right strength in the wrong place: as sharp as before, but drawn by nobody's skin."""
    fine = patch - cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.8, 2.2))
    strength = np.sqrt(cv2.GaussianBlur((fine**2).mean(2), (0, 0), rng.uniform(1.5, 5.0)))[..., None]
    if rng.random() < 0.5:
        other = camera.sensor_noise(patch.shape, rng, 1.0, rng.uniform(0.3, 1.2), rng.uniform(0, 0.3)) * strength
    else:
        shift = rng.integers(2, 9, 2) * rng.choice([-1, 1], 2)
        moved = np.roll(fine[:, ::-1] if rng.random() < 0.5 else fine, tuple(shift), (0, 1))
        other = moved * (strength / (np.sqrt(cv2.GaussianBlur((moved**2).mean(2), (0, 0), 3.0))[..., None] + 0.5))
    share = rng.uniform(0.3, 1.0)
    return patch + share * (other * rng.uniform(0.6, 1.1) - fine)


def paint(patch, rng):
    """Flat skin between sharp edges, as small decoders draw it."""
    byte = np.clip(patch, 0, 255).astype(np.uint8)
    flat = byte
    for _ in range(int(rng.integers(1, 4))):
        flat = cv2.bilateralFilter(flat, 5, rng.uniform(12, 35), 2.5)
    edges = flat.astype(np.float32) - cv2.GaussianBlur(flat, (0, 0), 1.2)
    return flat + rng.uniform(0, 0.8) * edges


TRACES = {
    "bottleneck": (bottleneck, 0.5), "soften": (soften, 0.3), "warp": (warp, 0.4), "misplace": (misplace, 0.35),
    "recolour": (recolour, 0.45), "relight": (relight, 0.2), "sharpen": (sharpen, 0.3), "lattice": (lattice, 0.15),
    "spectrum": (spectrum, 0.2), "regrain": (regrain, 0.12), "deconvolve": (deconvolve, 0.15), "recompress": (recompress, 0.12),
    "hallucinate": (hallucinate, 0.3), "paint": (paint, 0.2),
}


def trace(patch, rng, share=1.0, leave_out=()):
    """A random handful of traces in order, at least one; `share` scales how many."""
    names = [n for n, (_, odds) in TRACES.items() if n not in leave_out and rng.random() < odds * share]
    if not names and share >= 1.0:
        names = [rng.choice([n for n in ("bottleneck", "warp", "spectrum") if n not in leave_out])]
    for name in names:
        patch = TRACES[name][0](patch, rng)
    return patch


@torch.no_grad()
def redraw(patch, network, rng, faithful=False):
    """The patch through a generator; mostly it keeps the structure of the face and loses only the texture.

    What a faithful generator draws is mostly kept as it is but for light and colour.
    """
    size = patch.shape[0] // 16 * 16
    face = cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA) if size != patch.shape[0] else patch
    x = torch.from_numpy(np.ascontiguousarray(face[..., ::-1].transpose(2, 0, 1))[None] / 255).float().clamp(0, 1)
    with torch.autocast("cpu", torch.bfloat16):  # live tools compute in half precision too
        y = network(x.contiguous(memory_format=torch.channels_last))
    drawn = y[0].float().numpy().transpose(1, 2, 0)[..., ::-1] * 255
    drawn = np.ascontiguousarray(drawn, np.float32)
    lost = face - drawn
    if faithful and rng.random() < 0.65:
        drawn = drawn + rng.uniform(0.3, 1.0) * cv2.GaussianBlur(lost, (0, 0), np.exp(rng.uniform(1.1, 2.3)))
    elif rng.random() < 0.85:
        drawn = drawn + rng.uniform(0.7, 1.0) * cv2.GaussianBlur(lost, (0, 0), np.exp(rng.uniform(-0.6, 0.6)))
    else:
        drawn = drawn + rng.uniform(0.2, 0.7) * lost
    if size != patch.shape[0]:
        drawn = cv2.resize(drawn, patch.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return drawn
