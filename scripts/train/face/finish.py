"""Honest processing after the camera, or after the mask: what says nothing about who is shown.

In: BGR tiles uint8, the five landmarks, a numpy random generator. Out: tiles of the same size. Real and masked
twins get it alike or each its own, so that softness, sharpness, noise and light alone tell nothing.
"""

import cv2
import numpy as np

import camera


def beauty(tile, points, rng):
    """Edge-keeping beauty filter."""
    return camera.smooth_skin(tile, points, rng.uniform(0.2, 1.0))


def skin_blur(tile, points, rng):
    """The cheap beauty filter: a blurred skin blended in, eyes and mouth spared."""
    eye = max(float(np.linalg.norm(points[1] - points[0])), 4.0)
    soft = cv2.GaussianBlur(tile, (0, 0), max(eye * rng.uniform(0.015, 0.06), 0.5))
    mask = camera.skin_mask(tile.shape, points)[..., None] * rng.uniform(0.3, 0.9)
    return np.clip(tile + mask * (soft.astype(np.float32) + rng.uniform(0, 8) - tile), 0, 255).astype(np.uint8)


def blur(tile, points, rng):
    """Out of focus."""
    return cv2.GaussianBlur(tile, (0, 0), rng.uniform(0.4, 1.6))


def small_stream(tile, points, rng):
    """Sent small and enlarged again."""
    factor = rng.uniform(0.35, 0.8)
    small = cv2.resize(tile, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if rng.random() < 0.6 else cv2.INTER_LINEAR)
    return cv2.resize(small, tile.shape[1::-1], interpolation=cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC)


def denoise(tile, points, rng):
    """Median or edge-keeping noise filter over the whole picture."""
    if rng.random() < 0.4:
        return cv2.medianBlur(tile, 3)
    return cv2.bilateralFilter(tile, 5, rng.uniform(10, 45), 3)


def sharpen(tile, points, rng):
    """A client's or a television's sharpening."""
    amount = rng.uniform(0.3, 1.6)
    return cv2.addWeighted(tile, 1 + amount, cv2.GaussianBlur(tile, (0, 0), rng.uniform(0.8, 1.8)), -amount, 0)


def strong_jpeg(tile, points, rng):
    """Coarse JPEG."""
    return camera.jpeg(tile, rng.uniform(20, 75))


def low_light(tile, points, rng):
    """A part of the light, with noise."""
    noise = camera.sensor_noise(tile.shape, rng, rng.uniform(1, 5), rng.uniform(0, 1), rng.uniform(0.2, 0.8))
    return np.clip(tile * rng.uniform(0.3, 0.7) + noise, 0, 255).astype(np.uint8)


def grain(tile, points, rng):
    """Noise alone."""
    noise = camera.sensor_noise(tile.shape, rng, rng.uniform(1, 6), rng.uniform(0, 1), rng.uniform(0.2, 0.8))
    return np.clip(tile + noise, 0, 255).astype(np.uint8)


def tone(tile, points, rng):
    """Another white balance and contrast."""
    return cv2.LUT(tile, camera.tone_curves(rng))


def moved_eyes(tile, points, rng):
    """Gaze correction: both eye regions shifted by a few hundredths of the eye distance, blended softly."""
    eye = float(np.linalg.norm(points[1] - points[0]))
    y, x = np.mgrid[0 : tile.shape[0], 0 : tile.shape[1]].astype(np.float32)
    shift = rng.normal(0, 0.04 * eye, 2)
    near = sum(np.exp(-((x - p[0]) ** 2 + (y - p[1]) ** 2) / (2 * (0.16 * eye) ** 2)) for p in points[:2])
    map_x, map_y = ((at + near * by).astype(np.float32) for at, by in zip((x, y), shift))
    return cv2.remap(tile, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


CHANGES = {
    beauty: 0.14, skin_blur: 0.12, blur: 0.13, small_stream: 0.14, denoise: 0.09, sharpen: 0.1,
    strong_jpeg: 0.07, low_light: 0.06, grain: 0.04, tone: 0.05, moved_eyes: 0.06,
}


class Finish:
    """No, one or two changes with fixed settings, the same for every frame of a tile."""

    def __init__(self, rng, idle=0.35):
        count = 0 if rng.random() < idle else 1 + int(rng.random() < 0.3)
        names, odds = list(CHANGES), np.array(list(CHANGES.values()))
        self.changes = [names[i] for i in rng.choice(len(names), count, replace=False, p=odds / odds.sum())]
        self.seed = int(rng.integers(1 << 30))

    def __call__(self, tile, points):
        rng = np.random.default_rng(self.seed)
        for change in self.changes:
            tile = change(tile, points, rng)
        return tile
