"""Virtual backgrounds. In: pictures with the five points of a face. Out: a soft mask of the person, and the picture with
the background blurred behind it, as meeting clients draw it."""

import cv2
import numpy as np


def person_mask(frame, points):
    """Soft mask of the person about the face (GrabCut from a rough outline), float32 0..1, of the frame's size."""
    middle, eyes = points.mean(0), np.linalg.norm(points[0] - points[1])
    mask = np.full(frame.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.ellipse(mask, tuple(map(int, middle)), (int(2.2 * eyes), int(2.9 * eyes)), 0, 0, 360, cv2.GC_PR_FGD, -1)
    body = np.int32([middle + eyes * np.float32(p) for p in [(-1.5, 1.5), (1.5, 1.5), (4.5, 9), (-4.5, 9)]])
    cv2.fillPoly(mask, [body], cv2.GC_PR_FGD)
    cv2.ellipse(mask, tuple(map(int, middle)), (int(1.1 * eyes), int(1.6 * eyes)), 0, 0, 360, cv2.GC_FGD, -1)
    behind = mask == cv2.GC_BGD
    if behind.all() or not behind.any():  # the person fills the picture, or lies outside it
        return (~behind).astype(np.float32)
    cv2.setRNGSeed(1)
    cv2.grabCut(frame, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    return cv2.GaussianBlur(np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32), (0, 0), 2.0)


def blurred(frame, mask):
    """The frame with everything outside the mask blurred."""
    return cv2.blendLinear(frame, cv2.GaussianBlur(frame, (0, 0), frame.shape[0] / 40), mask, 1 - mask)
