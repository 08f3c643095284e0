"""YuNet face detector on ONNX Runtime.

In: a BGR picture (h,w,3) uint8. Out: faces as rows [x, y, w, h, score] and landmarks (n,5,2), best
first, in pixels of the picture.
"""

import cv2
import numpy as np
import onnx
import onnxruntime as ort

STRIDES = (8, 16, 32)


def load(path, threads=1):
    """ONNX Runtime session of the packaged 640x640 file with its input made dynamic."""
    model = onnx.load(path)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims[2].dim_param, dims[3].dim_param = "h", "w"
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = "n_" + output.name
    del model.graph.value_info[:]
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def decode(outputs, height, width, threshold):
    """Candidate boxes and landmarks above `threshold` from the twelve raw outputs."""
    boxes, points = [], []
    for stride in STRIDES:
        rows, cols = height // stride, width // stride
        cls, obj = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
        keep = np.flatnonzero(score >= threshold)
        col, row = keep % cols, keep // cols
        assert len(score) == rows * cols
        box, kps = outputs[f"bbox_{stride}"][0][keep], outputs[f"kps_{stride}"][0][keep]
        size = np.exp(box[:, 2:4]) * stride
        centre = (np.stack([col, row], 1) + box[:, :2]) * stride
        boxes.append(np.concatenate([centre - size / 2, size, score[keep, None]], 1))
        anchor = np.stack([col, row], 1)[:, None]
        points.append((kps.reshape(-1, 5, 2) + anchor) * stride)
    return np.concatenate(boxes), np.concatenate(points)


def detect(session, picture, longest=640, threshold=0.6):
    """Faces of a picture, scaled down first so that its longest side is at most `longest`."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    small = picture
    if scale < 1.0:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = (-(-side // 32) * 32 for side in small.shape[:2])
    padded = np.zeros((height, width, 3), np.uint8)
    padded[: small.shape[0], : small.shape[1]] = small
    tensor = padded.transpose(2, 0, 1)[None].astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {session.get_inputs()[0].name: tensor})))
    boxes, points = decode(outputs, height, width, threshold)
    if len(boxes) == 0:
        return boxes.reshape(0, 5), points.reshape(0, 5, 2)
    kept = cv2.dnn.NMSBoxes(boxes[:, :4].tolist(), boxes[:, 4].tolist(), threshold, 0.3)
    kept = np.array(kept).reshape(-1)
    boxes, points = boxes[kept], points[kept]
    sx, sy = picture.shape[1] / small.shape[1], picture.shape[0] / small.shape[0]
    boxes = boxes * np.array([sx, sy, sx, sy, 1.0])
    return boxes, points * np.array([sx, sy])
