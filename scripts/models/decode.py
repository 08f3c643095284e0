"""Reference decoders of the third-party networks, in numpy: what the Rust decoders must agree with.

In:  raw ONNX outputs (or a picture / samples and a session).
Out: faces as dicts {score, box: [x, y, w, h], points: [[x, y] × 5]} in pixels of the tensor, best first;
     speech probabilities, one for each 512 samples.
Used by golden.py (the committed golden values) and by ../bench/peer.py.
"""

import cv2
import numpy as np

STRIDES = (8, 16, 32)
RETINA_SIZES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
RETINA_MEAN_BGR = np.array([104, 117, 123], np.float32)
VAD_FRAME, VAD_CONTEXT = 512, 64


def nms(boxes, scores, iou_limit):
    """Greedy suppression; returns the kept indices, best score first."""
    order = np.argsort(-scores, kind="stable")
    x1, y1 = boxes[:, 0], boxes[:, 1]
    x2, y2 = x1 + boxes[:, 2], y1 + boxes[:, 3]
    area = boxes[:, 2] * boxes[:, 3]
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        w = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        h = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest])
        inter = np.maximum(w, 0) * np.maximum(h, 0)
        order = rest[inter <= iou_limit * (area[best] + area[rest] - inter)]
    return kept


def faces(scores, boxes, points, threshold, iou_limit):
    """Threshold, suppress, and pack as dicts."""
    keep = scores >= threshold
    scores, boxes, points = scores[keep], boxes[keep], points[keep]
    return [
        {"score": float(scores[i]), "box": boxes[i].tolist(), "points": points[i].tolist()}
        for i in nms(boxes, scores, iou_limit)
    ]


def yunet_tensor(bgr):
    """H×W×3 uint8 BGR (sides multiples of 32) → 1×3×H×W float32, 0..255, no mean."""
    return np.stack(cv2.split(bgr))[None].astype(np.float32)


def yunet(outputs, width, height, threshold=0.6, iou_limit=0.3):
    """`outputs`: dict name → array of one picture, names cls_s, obj_s, bbox_s, kps_s for s = 8, 16, 32."""
    scores, boxes, points = [], [], []
    for s in STRIDES:
        cols, rows = width // s, height // s
        row, col = np.divmod(np.arange(rows * cols, dtype=np.float32), np.float32(cols))
        cls, obj = outputs[f"cls_{s}"][0, :, 0], outputs[f"obj_{s}"][0, :, 0]
        bbox, kps = outputs[f"bbox_{s}"][0], outputs[f"kps_{s}"][0]
        scores.append(np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1)))
        w, h = np.exp(bbox[:, 2]) * s, np.exp(bbox[:, 3]) * s
        cx, cy = (col + bbox[:, 0]) * s, (row + bbox[:, 1]) * s
        boxes.append(np.stack([cx - w / 2, cy - h / 2, w, h], 1))
        cell = np.stack([col, row], 1)[:, None, :]
        points.append((kps.reshape(-1, 5, 2) + cell) * s)
    return faces(np.concatenate(scores), np.concatenate(boxes), np.concatenate(points), threshold, iou_limit)


def retinaface_tensor(bgr):
    """H×W×3 uint8 BGR → 1×3×H×W float32, 0..255 less the mean 104, 117, 123 (B, G, R)."""
    return np.ascontiguousarray((bgr.astype(np.float32) - RETINA_MEAN_BGR).transpose(2, 0, 1)[None])


def retinaface_priors(width, height):
    """[P, 4] centre x, centre y, side, side in pixels: stride by stride, row by row, two sizes a cell."""
    priors = []
    for s in STRIDES:
        row, col = np.divmod(np.arange((height // s) * (width // s)), width // s)
        for size in RETINA_SIZES[s]:
            side = np.full(row.size, size)
            priors.append(np.stack([(col + 0.5) * s, (row + 0.5) * s, side, side], 1))
        small, large = priors.pop(-2), priors.pop()
        priors.append(np.stack([small, large], 1).reshape(-1, 4))
    return np.concatenate(priors).astype(np.float32)


def retinaface(outputs, width, height, threshold=0.6, iou_limit=0.4):
    """`outputs`: dict with loc [1,P,4], conf [1,P,2] (softmax already done, column 1 = face), landmarks [1,P,10]."""
    prior = retinaface_priors(width, height)
    loc, conf, marks = outputs["loc"][0], outputs["conf"][0], outputs["landmarks"][0]
    centre = prior[:, :2] + loc[:, :2] * 0.1 * prior[:, 2:]
    side = prior[:, 2:] * np.exp(loc[:, 2:] * 0.2)
    boxes = np.concatenate([centre - side / 2, side], 1)
    points = prior[:, None, :2] + marks.reshape(-1, 5, 2) * 0.1 * prior[:, None, 2:]
    return faces(conf[:, 1], boxes, points, threshold, iou_limit)


def detect(session, family, bgr, **limits):
    """Run `session` on one picture whose sides are multiples of 32."""
    height, width = bgr.shape[:2]
    tensor, decode = {"yunet": (yunet_tensor, yunet), "retinaface": (retinaface_tensor, retinaface)}[family]
    names = [o.name for o in session.get_outputs()]
    return decode(dict(zip(names, session.run(names, {"input": tensor(bgr)}))), width, height, **limits)


class Silero:
    """Silero VAD, 16 kHz, frame by frame: keeps the LSTM state and the 64 samples of context between calls."""

    def __init__(self, session):
        self.session = session
        self.h = self.c = np.zeros((1, 1, 128), np.float32)
        self.context = np.zeros(VAD_CONTEXT, np.float32)

    def push(self, samples):
        """float32 samples −1..1, a multiple of 512 → one probability for each 512."""
        whole = np.concatenate([self.context, samples])
        count = samples.size // VAD_FRAME
        frames = np.stack([whole[i * VAD_FRAME : i * VAD_FRAME + VAD_FRAME + VAD_CONTEXT] for i in range(count)])
        self.context = whole[-VAD_CONTEXT:]
        feed = {"input": frames, "h": self.h, "c": self.c}
        probs, self.h, self.c = self.session.run(["speech_probs", "hn", "cn"], feed)
        return probs
