"""Self-reenactment: a face moved to another expression or pose of the same person by its dense landmarks.

In: a picture, its 478 landmarks (mesh.py) and where they shall go: those of another frame of the same clip, or
its own plus the small motion seen in some clip. Out: the moved picture (BGR uint8). Nobody's face is put on
anybody else: the picture that is moved and the one that it stands for show the same person.
"""

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

import align

EYES = ((33, 133), (362, 263))  # corners of the person's right and left eye
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
CELLS = 40  # the displacement is interpolated on this many cells across the picture


def face_frame(mesh):
    """2x3 transform from units of the eye distance, origin between the eyes, to picture pixels."""
    right, left = (mesh[list(corners)].mean(0) for corners in EYES)
    x = left - right
    return np.array([[x[0], -x[1], (right[0] + left[0]) / 2], [x[1], x[0], (right[1] + left[1]) / 2]], np.float64)


def outline(mesh):
    """The face's outline (36,2) in eye distances, origin between the eyes."""
    return align.apply(align.invert(face_frame(mesh)), mesh[list(OUTLINE)])


def motion_between(first, second):
    """Displacement of each landmark from one mesh to another of the same person, in eye distances."""
    return align.apply(align.invert(face_frame(second)), second) - align.apply(align.invert(face_frame(first)), first)


def carried(mesh, motion, gain):
    """The mesh with a motion of motion_between applied to it."""
    frame = face_frame(mesh)
    return mesh + gain * motion @ frame[:, :2].T


def border(width, height):
    """Points around the picture that hold the background."""
    steps = np.linspace(-0.02, 1.02, 6)
    x, y = np.meshgrid(steps, steps)
    edge = (x < 0) | (x > 1) | (y < 0) | (y > 1)
    return np.stack([x[edge] * width, y[edge] * height], 1)


def displacement(shape, source, target, drag):
    """Field (h,w,2) that tells each pixel where to look; `drag` moves the background along with the face."""
    height, width = shape[:2]
    held = border(width, height)
    behind = align.apply(align.umeyama(target, source), held) if drag else held
    known = np.concatenate([target, held])
    offset = np.concatenate([source - target, behind - held])
    x, y = np.meshgrid((np.arange(CELLS) + 0.5) * width / CELLS, (np.arange(CELLS) + 0.5) * height / CELLS)
    coarse = LinearNDInterpolator(known, offset, fill_value=0.0)(x, y).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def blur_mouth(picture, mesh, rng):
    """The inside of the mouth drawn without detail, as weak generators draw teeth and tongue."""
    lips = mesh[list(INNER_LIPS)]
    eye = float(np.linalg.norm(face_frame(mesh)[:, 0]))
    matte = np.zeros(picture.shape[:2], np.float32)
    cv2.fillPoly(matte, [np.round(lips).astype(np.int32)], 1.0)
    matte = cv2.GaussianBlur(cv2.dilate(matte, np.ones((3, 3))), (0, 0), max(0.02 * eye, 0.5))[..., None]
    soft = cv2.GaussianBlur(picture, (0, 0), max(eye * rng.uniform(0.02, 0.09), 0.5))
    return np.clip(picture + matte * (soft * rng.uniform(0.8, 1.05) - picture), 0, 255).astype(np.uint8)


def move(picture, source, target, rng):
    """The picture with its landmarks brought from `source` to `target`."""
    eye = float(np.linalg.norm(face_frame(target)[:, 0]))
    if rng.random() < 0.4:
        target = target + rng.normal(0, rng.uniform(0.003, 0.012) * eye, target.shape)
    field = displacement(picture.shape, source, target, rng.random() < 0.5)
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    kernel = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    moved = cv2.remap(picture, x + field[..., 0], y + field[..., 1], kernel, borderMode=cv2.BORDER_REFLECT_101)
    return blur_mouth(moved, target, rng) if rng.random() < 0.6 else moved
