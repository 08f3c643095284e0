"""Reenactment and talking heads by ourselves: a clip redrawn from ONE of its own frames.

In: a Take (clip_scene.py), a numpy random generator, our generators. Out: the frames as such a tool would show them and
a dictionary that says how. The one frame is the "photo"; the clip's own landmarks, a part of them or an idle sway drive
it. Nothing in the result was photographed at the time it is shown: pores, light and highlights are those of one moment,
moved by smooth warps, which is what real tools leave. Only one person is ever involved.
"""

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, RBFInterpolator

import align
import animate
import camera
import clip_scene
import masks
import match
import patches

MODES = ("reenact", "talk", "idle", "lipsync")
CELLS = 22
LIPS = sorted({*animate.INNER_LIPS, 61, 291, 0, 17, 37, 267, 84, 314, 39, 269, 181, 405, 40, 270, 91, 321, 185, 409, 146, 375})
EYES = (159, 145, 386, 374, 33, 133, 362, 263, 158, 153, 385, 380, 160, 144, 387, 373)
KEYS = (10, 152, 234, 454, 4, 33, 263, 61, 291, 13, 14, 70, 300, 172, 397, 168, 50, 280, 9, 127, 356)


def in_face(mesh):
    """The mesh in eye distances, origin between the eyes."""
    return align.apply(align.invert(animate.face_frame(mesh)), mesh)


def smoothed(meshes, rng):
    """Landmarks as a tool tracks them: smoothed in time, or with a tremble, or as they are."""
    eye = float(np.linalg.norm(animate.face_frame(meshes[0])[:, 0]))
    pick, out = rng.random(), meshes.copy()
    if pick < 0.4:
        keep = rng.uniform(0.3, 0.8)
        for t in range(1, len(out)):
            out[t] = keep * out[t - 1] + (1 - keep) * out[t]
    elif pick < 0.65:
        out = out + rng.normal(0, rng.uniform(0.002, 0.008) * eye, (len(out), 1, 2))
    return out


def near(mesh, indices, reach):
    """Weight (478,1) that falls off around some landmarks, in eye distances."""
    unit = in_face(mesh)
    distance = np.min(np.linalg.norm(unit[:, None] - unit[list(indices)][None], axis=2), 1)
    return np.exp(-((distance / reach) ** 2))[:, None]


def sway(count, eye, rate, rng):
    """Idle motion: one 2x3 similarity a frame about the face, from slow sine waves; often none."""
    if rng.random() < 0.25:
        return [np.eye(2, 3)] * count
    t = np.arange(count) / rate
    waves = [rng.uniform(0.1, 0.6) * np.sin(2 * np.pi * rng.uniform(0.15, 0.7) * t + rng.uniform(0, 6.28)) for _ in range(4)]
    reach = rng.uniform(0.03, 0.35) * eye
    moves = []
    for dx, dy, turn, zoom in zip(*waves):
        angle, scale = 0.12 * turn * rng.uniform(0.9, 1.1), 1 + 0.05 * zoom
        rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moves.append(np.concatenate([rotation, reach * np.array([[dx], [dy]])], 1))
    return moves


def swayed(mesh, move):
    """The mesh moved about its middle."""
    middle = mesh.mean(0)
    return align.apply(move, mesh - middle) + middle


def targets(mode, meshes, k, rate, gain, rng):
    """Where the landmarks of source frame k go at each time."""
    source, count = meshes[k], len(meshes)
    if mode == "lipsync":
        late = np.clip(np.arange(count) + int(rng.choice([-5, -4, -3, 3, 4, 5])), 0, count - 1)
        share = near(source, LIPS, 0.35)
        return [animate.carried(m, animate.motion_between(m, meshes[j]) * share, rng.uniform(0.8, 1.2)) for m, j in zip(meshes, late)]
    driven = smoothed(meshes, rng)
    if mode == "reenact":
        return [source + gain * (mesh - source) for mesh in driven]
    frame = animate.face_frame(source)
    share = 0.0 * source[:, :1]
    if mode == "talk":
        share = near(source, LIPS, rng.uniform(0.3, 0.6)) * rng.uniform(0.8, 1.3)
        if rng.random() < 0.5:
            share = np.maximum(share, near(source, EYES, 0.2))
    moved = [source + share * animate.motion_between(source, m) @ frame[:, :2].T for m in driven]
    eye = float(np.linalg.norm(frame[:, 0]))
    return [swayed(mesh, move) for mesh, move in zip(moved, sway(count, eye, rate, rng))]


class Warp:
    """How the photo is moved: by all landmarks with straight pieces, or by a few key points with smooth splines."""

    def __init__(self, shape, rng):
        self.shape, self.kind = shape, "dense" if rng.random() < 0.5 else "sparse"
        self.drag = rng.random() < 0.5
        some = rng.permutation(len(KEYS))[: int(rng.integers(9, len(KEYS) + 1))]
        self.keys = [KEYS[i] for i in some] + [61, 291, 13, 14]
        self.keys = sorted(set(self.keys))
        self.smooth = float(rng.uniform(0, 0.5))
        self.kernel = cv2.INTER_LINEAR if rng.random() < 0.75 else cv2.INTER_CUBIC
        height, width = shape
        self.grid = np.mgrid[0:height, 0:width].astype(np.float32)
        self.cells = np.stack(np.meshgrid((np.arange(CELLS) + 0.5) * width / CELLS, (np.arange(CELLS) + 0.5) * height / CELLS), 2)

    def field(self, source, target):
        """(h,w,2): where each pixel looks."""
        height, width = self.shape
        held = animate.border(width, height)
        behind = align.apply(align.umeyama(target, source), held) if self.drag else held
        if self.kind == "sparse":
            source, target = source[self.keys], target[self.keys]
        known, offset = np.concatenate([target, held]), np.concatenate([source - target, behind - held])
        if self.kind == "sparse":
            known = known + np.arange(len(known))[:, None] * 1e-4
            coarse = RBFInterpolator(known, offset, smoothing=self.smooth)(self.cells.reshape(-1, 2)).reshape(CELLS, CELLS, 2)
        else:
            coarse = LinearNDInterpolator(known, offset, fill_value=0.0)(self.cells)
        return cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)

    def __call__(self, picture, source, target, extra=None):
        field = self.field(source, target)
        if extra is not None:
            field = field + extra
        y, x = self.grid
        return cv2.remap(picture, x + field[..., 0], y + field[..., 1], self.kernel, borderMode=cv2.BORDER_REFLECT_101)


def ripple(shape, cells, size, rng):
    """A small smooth random field (h,w,2)."""
    field = rng.normal(0, size, (cells, cells, 2)).astype(np.float32)
    return cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)


class Decoder:
    """What a synthesis network adds: its texture on each picture (`still`), and between pictures flicker, boiling detail
    and features that swim."""

    def __init__(self, network, eye, rng):
        self.network, self.seed = network, int(rng.integers(1 << 30))
        self.scale = float(np.clip(rng.uniform(28, 64) / eye, 0.4, 1.5))
        self.trace = rng.random() < 0.3
        self.colour, self.spectrum = rng.random() < 0.5, rng.random() < 0.6
        self.flicker = rng.uniform(0.3, 2.5) if rng.random() < 0.35 else 0.0
        self.boil = rng.uniform(0.1, 0.5) if rng.random() < 0.25 else 0.0
        self.swim = rng.uniform(0.1, 0.7) if rng.random() < 0.35 else 0.0
        self.cells = int(rng.integers(4, 16))

    def extra(self, shape, rng):
        """Displacement that follows no head."""
        return ripple(shape, self.cells, self.swim, rng) if self.swim else None

    def still(self, picture):
        """One picture as the network draws it; the same for the same picture."""
        if self.network is None and not self.trace:
            return picture
        shape = (max(int(picture.shape[0] * self.scale) // 16 * 16, 64),) * 2
        small = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR).astype(np.float32)
        drawn, fixed = small, np.random.default_rng(self.seed)
        if self.network is not None:
            drawn = patches.redraw(drawn, self.network, fixed)
        if self.trace:
            drawn = patches.trace(drawn, fixed, 0.35, {"misplace", "recolour", "relight", "regrain"})
        if self.colour:
            drawn = match.colour(drawn, small, 1.0)
        if self.spectrum:
            drawn = match.spectrum(drawn, small, 0.9)
        drawn = cv2.resize(drawn, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        return np.clip(drawn, 0, 255).astype(np.uint8)

    def __call__(self, picture, rng):
        """One picture of the sequence."""
        picture = self.still(picture)
        if self.boil:
            fine = picture - cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.float32)
            strength = np.sqrt(cv2.GaussianBlur((fine * fine).mean(2), (0, 0), 3.0))[..., None]
            picture = picture - self.boil * fine + camera.sensor_noise(picture.shape, rng, self.boil, 0.8, 0.2) * strength
        if self.flicker:
            noise = cv2.resize(rng.normal(0, self.flicker, (self.cells, self.cells)).astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
            picture = picture + noise[..., None]
        return np.clip(picture, 0, 255).astype(np.uint8)


def polygon(shape, points, feather, grow):
    """Feathered matte (h,w,1) of a hull, grown by a number of pixels."""
    matte = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(matte, cv2.convexHull(np.round(points).astype(np.int32)), 1.0)
    if grow >= 1:
        matte = cv2.dilate(matte, np.ones((int(grow) * 2 + 1,) * 2))
    return cv2.GaussianBlur(matte, (0, 0), max(feather, 0.5))[..., None]


def emptied(picture, mesh):
    """The picture without its head: what lies around it drawn inwards, softly."""
    shape = picture.shape[:2]
    matte = masks.head_matte(shape, clip_scene.five(mesh))
    small = (48, 48)
    hole = (cv2.resize(matte, small, interpolation=cv2.INTER_AREA) > 0.15).astype(np.uint8) * 255
    behind = cv2.inpaint(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), hole, 3, cv2.INPAINT_TELEA)
    behind = cv2.resize(behind, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + matte[..., None] * (behind.astype(np.float32) - picture), 0, 255).astype(np.uint8)


def photo_of(take, rng):
    """Index of the frame that is the photo: any, or the sharpest."""
    if rng.random() < 0.5:
        return int(rng.integers(len(take.clean)))
    return int(np.argmax([cv2.Laplacian(frame[..., 1], cv2.CV_32F).var() for frame in take.clean]))


def form_of(mode, gain, rng):
    """Where the drawn picture is used: the whole frame, the head over something, or the lower face."""
    if mode == "lipsync":
        return "lower"
    if mode == "reenact" and gain == 1.0:
        return ("whole", "head", "frozen", "face")[rng.choice(4, p=(0.5, 0.2, 0.15, 0.15))]
    return ("whole", "frozen")[int(rng.random() < 0.25)]


def matte_of(form, shape, target, eye):
    """The share (h,w,1) of a frame that is drawn, or None for all of it."""
    if form == "whole":
        return None
    if form == "face":
        return polygon(shape, target[list(animate.OUTLINE)], 0.12 * eye, 0)
    if form == "lower":
        low = target[[i for i in animate.OUTLINE if in_face(target)[i, 1] > 0.45] + [4, 50, 280]]
        return polygon(shape, low, 0.12 * eye, 0)
    return masks.head_matte(shape, clip_scene.five(target))[..., None]


def driven(take, rate, mode, network, rng):
    """(frames, how they were made, the decoder) of a take redrawn in one of MODES."""
    shape = take.clean[0].shape[:2]
    eye = float(np.linalg.norm(animate.face_frame(take.meshes[0])[:, 0]))
    gain = 1.0 if rng.random() < 0.7 else rng.uniform(0.3, 1.2)
    k, form, warp = photo_of(take, rng), form_of(mode, gain, rng), Warp(shape, rng)
    if mode == "lipsync":
        warp.kind, warp.drag = "dense", False
    photo = (take.real if rng.random() < 0.3 else take.clean)[k]
    goals = targets(mode, take.meshes, k, rate, gain, rng)
    decode = Decoder(network, eye, rng)
    behind = emptied(photo, take.meshes[k]) if form == "frozen" else None
    mouth, soft = rng.random(), int(rng.integers(1 << 30))
    out = []
    for t, goal in enumerate(goals):
        source, mesh = (take.clean[t], take.meshes[t]) if mode == "lipsync" else (photo, take.meshes[k])
        drawn = warp(source, mesh, goal, decode.extra(shape, rng))
        if mouth < 0.35:
            drawn = animate.blur_mouth(drawn, goal, np.random.default_rng(soft))
        elif mouth < 0.5 and mode == "reenact" and gain == 1.0:
            lips = polygon(shape, take.meshes[t][LIPS], 0.06 * eye, 0.04 * eye)
            drawn = np.clip(drawn + lips * (take.clean[t].astype(np.float32) - drawn), 0, 255).astype(np.uint8)
        drawn = decode(drawn, rng)
        matte = matte_of(form, shape, goal, eye)
        if matte is not None:
            under = (behind if form == "frozen" else take.real[t]).astype(np.float32)
            drawn = np.clip(under + matte * (drawn - under), 0, 255).astype(np.uint8)
        out.append(drawn)
    if take.lens is not None and form in ("whole", "frozen") and rng.random() < 0.45:
        out = [take.lens.noise(frame, clip_scene.five(goal), rng) for frame, goal in zip(out, goals)]
    return out, {"family": mode, "form": form, "warp": warp.kind}, decode
