"""The camera: what happens to a picture before any masking tool sees it.

In: BGR tiles uint8 (h,w,3) and a numpy random generator. Out: tiles of the same size. Everything here is
applied to real and fake twins alike: colour, low light, blur, sensor noise, the camera's own sharpening and
noise filter, motion JPEG, and the two honest changes, beauty smoothing and virtual background.
"""

import cv2
import numpy as np


def jpeg(picture, quality):
    """The picture through JPEG at `quality`."""
    ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if ok else picture


def tone_curves(rng):
    """One lookup table per channel: white balance, exposure, contrast, gamma; one in six is low light."""
    gain = rng.normal(1.0, 0.07, 3) * rng.uniform(0.85, 1.15)
    gamma, lift = np.exp(rng.normal(0, 0.22)), rng.uniform(-12, 12)
    if rng.random() < 0.16:
        gain, gamma = gain * rng.uniform(0.45, 0.8), gamma * rng.uniform(1.0, 1.3)
    level = np.arange(256) / 255
    curves = [255 * np.clip(level * g, 0, 1) ** gamma + lift for g in gain]
    return np.clip(np.stack(curves, 1), 0, 255).astype(np.uint8)[None]


def light_field(shape, rng):
    """Smooth multiplicative light (h,w,1) across the tile: window from one side, lamp, vignette."""
    height, width = shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
    ramp = (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) * 2
    return (1 + strength * ramp)[..., None]


def sensor_noise(shape, rng, level, grain, colour):
    """Additive noise (h,w,3): `grain` in pixels is its correlation length, `colour` its chroma share."""
    noise = rng.standard_normal(shape, np.float32)
    grey = noise.mean(2, keepdims=True) * np.float32(1.7)
    noise = grey * (1 - colour) + noise * colour
    if grain > 0.3:
        noise = cv2.GaussianBlur(noise, (0, 0), grain)
        noise /= max(float(noise.std()), 1e-3)
    return noise * level


def skin_mask(shape, points):
    """Soft mask (h,w) of the face without eyes and mouth."""
    eye = max(float(np.linalg.norm(points[1] - points[0])), 4.0)
    mask = np.zeros(shape[:2], np.float32)
    middle = points.mean(0)
    cv2.ellipse(mask, (int(middle[0]), int(middle[1])), (int(eye * 1.05), int(eye * 1.4)), 0, 0, 360, 1.0, -1)
    for point in points[[0, 1]]:
        cv2.circle(mask, (int(point[0]), int(point[1])), int(eye * 0.25), 0.0, -1)
    mouth = points[3:].mean(0)
    cv2.ellipse(mask, (int(mouth[0]), int(mouth[1])), (int(eye * 0.42), int(eye * 0.2)), 0, 0, 360, 0.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), eye * 0.12)


def smooth_skin(tile, points, strength):
    """Beauty filter: edge-keeping smoothing over the face, eyes and mouth spared, slight brightening."""
    eye = max(float(np.linalg.norm(points[1] - points[0])), 4.0)
    smooth = cv2.bilateralFilter(tile, 7, 20 + 45 * strength, eye * 0.12)
    mask = skin_mask(tile.shape, points)[..., None] * (0.4 + 0.6 * strength)
    out = tile + mask * (smooth.astype(np.float32) + 6 * strength - tile)
    return np.clip(out, 0, 255).astype(np.uint8)


def person_matte(tile, points):
    """Rough soft matte (h,w) of the person, by graph cut at small size from the landmarks."""
    scale = 72 / max(tile.shape[:2])
    small = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    p = points * scale
    eye, middle = float(np.linalg.norm(p[1] - p[0])), p.mean(0)
    mask = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    bottom = int(min(middle[1] + 2.0 * eye, small.shape[0]))
    mask[bottom:, :] = cv2.GC_PR_FGD
    cv2.ellipse(mask, (int(middle[0]), int(middle[1] - 0.2 * eye)), (int(eye * 1.6), int(eye * 2.2)), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.ellipse(mask, (int(middle[0]), int(middle[1])), (int(eye * 0.9), int(eye * 1.3)), 0, 0, 360, cv2.GC_FGD, -1)
    mask[: max(int(middle[1] - 2.6 * eye), 1), :] = cv2.GC_BGD
    cv2.grabCut(small, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    matte = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
    matte = cv2.resize(matte, tile.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(matte, (0, 0), 1.0)


def virtual_background(tile, points, rng, scenes):
    """The person before a blurred background or before another picture's."""
    matte = person_matte(tile, points)[..., None]
    if rng.random() < 0.5 or not scenes:
        behind = cv2.GaussianBlur(tile, (0, 0), rng.uniform(4, 14))
    else:
        behind = cv2.resize(scenes[rng.integers(len(scenes))], tile.shape[1::-1])
    return np.clip(tile * matte + behind * (1 - matte), 0, 255).astype(np.uint8)


def face_focus(tile, points, rng):
    """A lens or client that favours the face: soft blur or dimming away from it, no cut-out."""
    eye, middle = float(np.linalg.norm(points[1] - points[0])), points.mean(0)
    near = np.zeros(tile.shape[:2], np.float32)
    reach = rng.uniform(1.3, 2.2)
    cv2.ellipse(near, tuple(int(v) for v in middle), (int(eye * reach), int(eye * reach * 1.35)), 0, 0, 360, 1.0, -1)
    near = cv2.GaussianBlur(near, (0, 0), eye * 0.4)[..., None]
    far = cv2.GaussianBlur(tile, (0, 0), rng.uniform(0.6, 4.0)) * rng.uniform(0.8, 1.05)
    return np.clip(tile * near + far * (1 - near), 0, 255).astype(np.uint8)


class Camera:
    """One camera's fixed properties; `look` is applied to every frame of a tile, `noise` per frame.

    A quarter of the cameras leave the picture as it is: what real footage looks like before the meeting.
    """

    def __init__(self, rng, shape, scenes):
        def some(odds, value):
            return value if rng.random() < odds * self.share else None

        self.share = 0.0 if rng.random() < 0.25 else 1.0
        self.curves = some(2.0, tone_curves(rng))
        self.light = some(0.4, light_field(shape, rng))
        self.blur = some(0.35, rng.uniform(0.4, 1.3))
        self.streak = some(0.1, int(rng.integers(3, 7)))
        self.sharpen = some(0.4, rng.uniform(0.2, 1.2))
        self.level = some(0.75, abs(rng.normal(0, 5)) + 0.3)
        self.grain, self.colour = rng.uniform(0, 1.1), rng.uniform(0.1, 0.9)
        self.filter = some(0.25, True)
        self.quality = some(0.4, rng.uniform(45, 95))
        self.beauty = some(0.15, rng.uniform(0, 1))
        self.backdrop = some(0.15, True)
        self.focus = some(0.15, int(rng.integers(1 << 30)))
        self.scenes = scenes

    def look(self, tile, points, rng):
        """Light, colour, blur and the honest changes: no noise yet."""
        if self.backdrop:
            tile = virtual_background(tile, points, rng, self.scenes)
        if self.curves is not None:
            tile = cv2.LUT(tile, self.curves)
        if self.focus is not None:
            tile = face_focus(tile, points, np.random.default_rng(self.focus))
        if self.light is not None:
            tile = np.clip(tile * self.light, 0, 255).astype(np.uint8)
        if self.blur:
            tile = cv2.GaussianBlur(tile, (0, 0), self.blur)
        return cv2.blur(tile, (self.streak, 1)) if self.streak else tile

    def noise(self, tile, points, rng):
        """Sensor noise, the camera's filter and sharpening, beauty smoothing, motion JPEG."""
        if self.level:
            noise = sensor_noise(tile.shape, rng, self.level, self.grain, self.colour)
            tile = np.clip(tile + noise, 0, 255).astype(np.uint8)
        if self.filter:
            tile = cv2.bilateralFilter(tile, 5, 18, 3)
        if self.sharpen:
            tile = cv2.addWeighted(tile, 1 + self.sharpen, cv2.GaussianBlur(tile, (0, 0), 1.2), -self.sharpen, 0)
        if self.beauty is not None:
            tile = smooth_skin(tile, points, self.beauty)
        return jpeg(tile, self.quality) if self.quality else tile
