"""The meeting: tiles of a gallery go through real video encoders together.

In: a list over frames of BGR gallery pictures. Out: the same list as the receiver sees it, after one or
two encodes (H.264, VP8, VP9, MPEG-4, motion JPEG) and re-scalings, with the name of the first codec and how
much the picture was scaled.
"""

import os
import subprocess
import tempfile

import cv2
import numpy as np

import camera

H264 = ("-c:v", "libx264", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-threads", "1")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "10", "-pix_fmt", "yuv420p", "-threads", "1")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-threads", "1")
FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None


def codec(rng):
    """Name and ffmpeg options of a random meeting encode."""
    pick = rng.random()
    if pick < 0.5:
        preset = ("ultrafast", "superfast", "veryfast")[rng.integers(3)]
        return "h264", (*H264, "-preset", preset, "-crf", str(rng.integers(19, 36)))
    if pick < 0.68:
        return "vp8", (*VP8, "-crf", str(rng.integers(8, 45)), "-b:v", "8M")
    if pick < 0.86:
        return "vp9", (*VP9, "-crf", str(rng.integers(20, 48)), "-b:v", "0")
    if pick < 0.92:
        return "mpeg4", ("-c:v", "mpeg4", "-q:v", str(rng.integers(2, 9)), "-pix_fmt", "yuv420p")
    return "mjpeg", ("-c:v", "mjpeg", "-q:v", str(rng.integers(2, 10)), "-pix_fmt", "yuvj420p")


def encode(frames, options, rate=25):
    """Frames of one size through ffmpeg's encoder and back."""
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    with tempfile.NamedTemporaryFile(suffix=".mkv", dir=FOLDER) as file:
        command = ["ffmpeg", "-v", "error", "-y", *raw, *options, file.name]
        data = np.ascontiguousarray(np.stack(frames)).tobytes()
        subprocess.run(command, input=data, check=True)
        capture = cv2.VideoCapture(file.name)
        out = [capture.read()[1] for _ in frames]
        capture.release()
    if any(frame is None or frame.shape != frames[0].shape for frame in out):
        raise ValueError("the encoder lost a frame")
    return out


def even(side):
    """The nearest even number below."""
    return int(side) // 2 * 2


def rescale(frames, factor, rng):
    """All frames scaled alike, by a random kernel."""
    height, width = frames[0].shape[:2]
    shape = (even(width * factor), even(height * factor))
    kernel = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)[rng.integers(3 if factor < 1 else 2)]
    return [cv2.resize(frame, shape, interpolation=kernel) for frame in frames]


def transmit(frames, rng):
    """(received frames, codec name, scale): a first encode, often re-scaled and encoded again as recorded."""
    name, factor = "jpeg", 1.0
    if rng.random() < 0.9:
        name, options = codec(rng)
        frames = encode(frames, options)
    else:
        quality = rng.uniform(40, 96)
        frames = [camera.jpeg(frame, quality) for frame in frames]
    if rng.random() < 0.55:
        factor = rng.uniform(0.7, 1.5)
        before = frames[0].shape[1]
        frames = rescale(frames, factor, rng)
        factor = frames[0].shape[1] / before
        options = (*H264, "-preset", "veryfast", "-crf", str(rng.integers(18, 31)))
        frames = encode(frames, options)
    return frames, name, factor
