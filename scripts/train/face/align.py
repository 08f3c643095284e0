"""Face alignment as models/README.md defines it.

In: five landmarks in pixels of a picture (right eye, left eye, nose tip, right and left mouth corner)
and a template in units of the crop. Out: the similarity transform between crop and picture, and the
crop itself. Coordinates are continuous: pixel (0,0) covers [0,1)x[0,1).
"""

import math

import cv2
import numpy as np

SIZE = 160
TEMPLATE = np.array(
    [[0.37, 0.40], [0.63, 0.40], [0.50, 0.549], [0.392, 0.70], [0.608, 0.70]], np.float64
)


def umeyama(source, target):
    """2x3 similarity that brings `source` (n,2) nearest to `target` (n,2) in the least-squares sense."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(t.T @ s / len(source))
    sign = np.array([1.0, math.copysign(1.0, np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = (d * sign).sum() / max((s**2).sum() / len(source), 1e-12)
    shift = mean_t - scale * rotation @ mean_s
    return np.concatenate([scale * rotation, shift[:, None]], 1)


def invert(matrix):
    """Inverse of a 2x3 affine transform."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.concatenate([inverse, (-inverse @ matrix[:, 2])[:, None]], 1)


def compose(outer, inner):
    """outer after inner, both 2x3."""
    return np.concatenate(
        [outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], 1
    )


def apply(matrix, points):
    """Points (n,2) moved by a 2x3 transform."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def to_picture(landmarks, size=SIZE, template=TEMPLATE):
    """2x3 transform from crop pixels to picture pixels for these landmarks."""
    return invert(umeyama(np.asarray(landmarks, np.float64), template * size))


def sample(picture, matrix, size=SIZE):
    """Crop (size,size,c) of `picture` through `matrix` (crop pixels to picture pixels).

    Each output pixel is the mean of k*k bilinear samples spread evenly over it, outside the picture
    the edge is repeated. Sample positions are rounded to 1/32 pixel by the remapping.
    """
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    k = int(min(max(math.ceil(scale - 1e-9), 1), 4))
    at = (np.arange(size * k, dtype=np.float64) + 0.5) / k
    x, y = np.meshgrid(at, at)
    map_x = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] - 0.5).astype(np.float32)
    map_y = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] - 0.5).astype(np.float32)
    fine = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if k == 1:
        return fine
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def crop(picture, landmarks, size=SIZE, template=TEMPLATE):
    """The aligned crop of `picture` for these landmarks."""
    return sample(picture, to_picture(landmarks, size, template), size)
