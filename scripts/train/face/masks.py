"""Shapes of the pasted region.

In: a patch size, where the five landmarks lie in the patch, the outline of the face in eye distances, and a random
generator. Out: a float32 matte
(size,size) in 0..1: ovals, boxes, partial faces, holes, with erosion and feathering as swapping tools do.
"""

import cv2
import numpy as np

OVAL = np.array(
    [[0.0, -1.28], [0.55, -1.2], [0.95, -0.8], [1.12, -0.2], [1.1, 0.35], [1.0, 0.85], [0.75, 1.35], [0.4, 1.7],
     [0.0, 1.82], [-0.4, 1.7], [-0.75, 1.35], [-1.0, 0.85], [-1.1, 0.35], [-1.12, -0.2], [-0.95, -0.8], [-0.55, -1.2]],
    np.float64,
)
KINDS = ("oval", "box", "inner", "lower", "upper", "mouth", "hole", "segment")
ODDS = (0.30, 0.18, 0.18, 0.08, 0.04, 0.06, 0.06, 0.10)
LOWER = ("lower", "mouth")


def frame_of(points):
    """Origin (between the eyes), x axis and y axis of the face, each one eye distance long."""
    x = points[1] - points[0]
    return points[:2].mean(0), x, np.array([-x[1], x[0]])


def outline(points, rng, reach, wobble, oval):
    """Face outline in patch pixels: the oval scaled by `reach`, deformed smoothly by `wobble`."""
    origin, x, y = frame_of(points)
    angle = np.arange(len(oval)) * 2 * np.pi / len(oval)
    ripple = sum(rng.normal(0, wobble / (n + 1)) * np.cos(n * angle + rng.uniform(0, 6.28)) for n in range(1, 5))
    shape = oval * np.array(reach) * (1 + ripple)[:, None]
    return origin + (shape[:, :1] * x + shape[:, 1:] * y) * 0.98


def fill(size, polygon):
    """Filled polygon."""
    mask = np.zeros((size, size), np.float32)
    cv2.fillPoly(mask, [np.round(polygon * 8).astype(np.int32)], 1.0, shift=3)
    return mask


def cut_band(mask, points, above, below):
    """Keeps only what lies between two heights, in eye distances below the eyes."""
    origin, _, y = frame_of(points)
    rows, cols = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    height = ((cols - origin[0]) * y[0] + (rows - origin[1]) * y[1]) / (y @ y)
    return mask * ((height >= above) & (height <= below))


def shape(kind, size, points, rng, oval):
    """Hard-edged mask of a kind."""
    if kind == "box":
        inset = int(size * rng.uniform(0.02, 0.14))
        mask = np.zeros((size, size), np.float32)
        mask[inset : size - inset, inset : size - inset] = 1.0
        return mask
    reach = (rng.uniform(0.85, 1.12), rng.uniform(0.8, 1.08))
    mask = fill(size, outline(points, rng, reach, 0.10 if kind == "segment" else 0.04, oval))
    if kind == "inner":
        return cut_band(mask, points, rng.uniform(-0.65, -0.35), rng.uniform(1.45, 1.9))
    if kind == "lower":
        return cut_band(mask, points, rng.uniform(0.15, 0.6), 3.0)
    if kind == "upper":
        return cut_band(mask, points, -3.0, rng.uniform(0.6, 1.0))
    if kind == "mouth":
        mask = fill(size, outline(points, rng, (rng.uniform(0.5, 0.9), rng.uniform(0.5, 1.0)), 0.05, oval))
        return cut_band(mask, points, rng.uniform(0.55, 0.8), 3.0)
    if kind == "hole":
        mouth, eye = points[3:].mean(0), np.linalg.norm(points[1] - points[0])
        cv2.ellipse(mask, tuple(int(v) for v in mouth), (int(eye * 0.5), int(eye * 0.25)), 0, 0, 360, 0.0, -1)
    return mask


def bite(mask, points, rng):
    """Takes a random disc out of the mask, as an occlusion mask does."""
    origin, x, y = frame_of(points)
    centre = origin + x * rng.uniform(-1.2, 1.2) + y * rng.uniform(-0.9, 1.8)
    radius = np.linalg.norm(x) * rng.uniform(0.25, 0.6)
    cv2.circle(mask, tuple(int(v) for v in centre), max(int(radius), 1), 0.0, -1)
    return mask


def random_mask(size, points, rng, oval, kinds=KINDS):
    """A feathered matte of one of the kinds; half of the outlines are the face's own `oval`, half a common one."""
    oval = oval if rng.random() < 0.5 else OVAL
    odds = np.array([ODDS[KINDS.index(kind)] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=odds / odds.sum())]
    mask = np.ascontiguousarray(shape(kind, size, points, rng, oval), np.float32)
    if rng.random() < 0.12:
        mask = bite(mask, points, rng)
    eye = float(np.linalg.norm(points[1] - points[0]))
    if rng.random() < 0.6:
        width = max(int(eye * rng.uniform(0.02, 0.2)), 1)
        mask = cv2.erode(mask, np.ones((width, width), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    feather = eye * np.exp(rng.uniform(np.log(0.02), np.log(0.28)))
    mask = cv2.GaussianBlur(mask, (0, 0), max(feather, 0.4))
    edge = max(int(size * 0.02), 1)
    mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:] = 0, 0, 0, 0
    if kind == "box":
        mask = cv2.GaussianBlur(mask, (0, 0), max(feather * 0.5, 0.4))
    opacity = 1.0 if rng.random() < 0.75 else rng.uniform(0.65, 1.0)
    return mask * np.float32(opacity)


def head_matte(shape, points):
    """Very soft matte (h,w) over the whole head with hair and neck: no seam on the face."""
    origin, x, _ = frame_of(points)
    eye = float(np.linalg.norm(x))
    turn = float(np.degrees(np.arctan2(x[1], x[0])))
    matte = np.zeros(shape, np.float32)
    centre = origin + np.array([-x[1], x[0]]) * 0.5
    cv2.ellipse(matte, tuple(int(v) for v in centre), (int(eye * 1.9), int(eye * 2.7)), turn, 0, 360, 1.0, -1)
    return cv2.GaussianBlur(matte, (0, 0), eye * 0.35)
