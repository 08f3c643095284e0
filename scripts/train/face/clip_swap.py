"""Face swaps over time by ourselves: each frame masked anew, with what live tools do between frames.

In: a Take (clip_scene.py), a fakes.Maker, a numpy random generator. Out: the masked frames and a dictionary that says
how. The face is aligned by trembling, lagging or smoothed landmarks, redrawn by a generator or by the traces of
one-photo swaps, and pasted; colour and opacity may flicker, single frames may drop out. The face is always the person's
own at the same moment.
"""

import cv2
import numpy as np

import align
import animate
import clip_scene
import masks
import match
import patches

TRACES_OUT = {"misplace"}


def tracked(points, rng):
    """Landmarks as the tool uses them: white jitter, a lag of a frame or two, smoothing."""
    points = np.stack(points)
    eye = np.linalg.norm(points[0][1] - points[0][0])
    points = points + rng.normal(0, abs(rng.normal(0, 0.012)) * eye, points.shape)
    points = points + rng.normal(0, abs(rng.normal(0, 0.008)) * eye, (len(points), 1, 2))
    if rng.random() < 0.3:
        late = np.maximum(np.arange(len(points)) - int(rng.integers(1, 3)), 0)
        points = points[late]
    if rng.random() < 0.35:
        keep = rng.uniform(0.3, 0.7)
        for t in range(1, len(points)):
            points[t] = keep * points[t - 1] + (1 - keep) * points[t]
    return points


class Flicker:
    """Changes from frame to frame: colour and light of the patch, opacity of the paste, drop-outs."""

    def __init__(self, rng):
        self.colour = abs(rng.normal(0, 2.0)) if rng.random() < 0.4 else 0.0
        self.gain = abs(rng.normal(0, 0.02)) if rng.random() < 0.35 else 0.0
        self.opacity = rng.uniform(0.02, 0.2) if rng.random() < 0.25 else 0.0
        self.drop = rng.uniform(0.03, 0.15) if rng.random() < 0.25 else 0.0

    def patch(self, patch, rng):
        """The patch of this frame."""
        return patch * np.float32(1 + rng.normal(0, self.gain)) + rng.normal(0, self.colour, 3).astype(np.float32)

    def matte(self, matte, rng):
        """The matte of this frame; nothing of it when the tool loses the face."""
        if rng.random() < self.drop:
            return matte * 0
        return matte * np.float32(1 - abs(rng.normal(0, self.opacity)))


def pasted(frame, patch, matte, place, kernel):
    """One frame with the patch warped back."""
    pixel = place.copy()
    pixel[:, 2] += place[:, :2] @ (0.5, 0.5) - 0.5
    shape = frame.shape[1::-1]
    if np.sqrt(abs(np.linalg.det(pixel[:, :2]))) < 0.8:
        small = max(int(patch.shape[0] * np.sqrt(abs(np.linalg.det(pixel[:, :2])))), 8)
        ratio = patch.shape[0] / small
        patch = cv2.resize(patch, (small, small), interpolation=cv2.INTER_AREA)
        matte = cv2.resize(matte, (small, small), interpolation=cv2.INTER_AREA)
        pixel[:, 2] += pixel[:, :2] @ np.full(2, 0.5 * ratio - 0.5)
        pixel[:, :2] = pixel[:, :2] * ratio
    back = cv2.warpAffine(patch, pixel, shape, flags=kernel, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(matte, pixel, shape, flags=cv2.INTER_LINEAR)[..., None]
    return np.clip(frame + mask * (back - frame), 0, 255).astype(np.uint8)


def swapped(take, maker, plan, rng):
    """(frames, how they were made) of a take masked by a live swap."""
    size, template = maker.patch_form(plan, rng)
    if plan.generator == "upscale":
        size = min(size, 128)
    points, flicker = tracked(take.points(), rng), Flicker(rng)
    oval = animate.outline(take.meshes[0])
    seed, share = int(rng.integers(1 << 30)), 1.0 if plan.network is None else 0.4
    kinds = masks.LOWER if plan.form == "lower" else masks.KINDS
    matte = masks.random_mask(size, template * size, rng, oval, kinds)
    tone = rng.uniform(0.4, 1.0) if rng.random() < 0.6 else 0.0
    kernel = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    drawn_from = take.real if rng.random() < 0.5 else take.clean
    out = []
    for t, frame in enumerate(take.real):
        place = align.to_picture(points[t], size, template)
        patch = original = align.sample(drawn_from[t], place, size).astype(np.float32)
        fixed = np.random.default_rng(seed)
        if plan.network is not None:
            patch = patches.redraw(patch, plan.network, fixed)
        patch = patches.trace(patch, fixed, share, TRACES_OUT | maker.leave_out)
        if tone:
            patch = match.colour(patch, original, tone)
        patch = flicker.patch(patch, rng)
        out.append(pasted(frame, patch, flicker.matte(matte, rng), place, kernel))
    return out, {"family": plan.family, "form": plan.form, "warp": ""}


def still_moving(take):
    """Landmark motion of a take in eye distances a frame; for the record of how lively it is."""
    points = np.stack(take.points())
    eye = np.linalg.norm(points[0][1] - points[0][0])
    return float(np.abs(np.diff(points.mean(1), axis=0)).mean() / eye)
