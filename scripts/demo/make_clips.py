"""Make the demo's two clips: a short "interview" and its masked twin.

In:  NASA's public-domain portrait (portrait.py), recorded sentences from Debian's
     asterisk-core-sounds-en-wav, espeak-ng, ffmpeg; a seed.
Out: <out>/interview.mp4 and <out>/interview-masked.mp4 (H.264 + AAC, made the same way from the same
     motion). The portrait moves and talks like a person on a call: head drift, a mouth that follows the
     sound, sensor noise. In the twin the face goes through an aligned 128×128 picture, is smoothed and
     recoloured and pasted back through a blurred mask, as a real-time face swap does, and the voice is
     a speech synthesiser's. The same seed gives the same clips.
"""

import argparse
import itertools
import subprocess
import tempfile
import wave
from pathlib import Path

import cv2
import numpy as np

import portrait

SOUNDS = Path("/usr/share/asterisk/sounds")
SENTENCES = ["demo-congrats", "demo-abouttotry", "demo-moreinfo", "demo-echotest", "demo-instruct"]
ANSWER = (
    "Thank you for having me. In my last position I led a small team that built the billing platform. "
    "We moved it from one large program to a set of services, and I wrote most of the plan for that. "
    "The hardest part was to keep both versions running at the same time without losing a single invoice. "
    "What I learned from it is to measure first, to change one thing at a time, and to write it all down. "
)
RATE = 8_000  # the recordings are telephone sound; both voices are brought to it
SCALE = 2.5  # frame pixels per portrait pixel, at 720 rows
CENTRE_X = 0.47  # where the person sits in the frame
# In portrait pixels: the person's right eye, left eye, nose, right and left mouth corner.
LANDMARKS = np.float32([[203, 101], [248, 103], [225, 125], [207, 143], [243, 145]])
LIPS = (224.0, 148.0)
# Where a 128×128 swap network wants them (the ArcFace template, moved by 8).
SWAP_TEMPLATE = np.float32([[46.3, 51.7], [81.5, 51.5], [64.0, 71.7], [49.5, 92.4], [78.7, 92.2]])
SWAP_SIDE = 128


# --- sound -----------------------------------------------------------------------------------------


def pcm(path):
    """Any sound file → float32 samples at RATE."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-ar", str(RATE), "-ac", "1", "-f", "s16le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.int16) / np.float32(32768)


def recorded(name):
    found = sorted(SOUNDS.glob(f"en*/{name}.wav"))
    if not found:
        raise SystemExit("make_clips: install asterisk-core-sounds-en-wav (scripts/setup does)")
    return pcm(found[0])


def spoken(text):
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        subprocess.run(["espeak-ng", "-v", "en-us+f3", "-s", "155", "-w", out.name, text], check=True)
        return pcm(out.name)


def speech(parts, seconds, rng):
    """Join parts with short pauses, to the wanted length, at −23 dBFS, with a little room noise."""
    wanted, pieces, length = round(seconds * RATE), [np.zeros(RATE // 4, np.float32)], RATE // 4
    for part in itertools.cycle(parts):
        pieces += [part, np.zeros(round(0.35 * RATE), np.float32)]
        length += pieces[-1].size + pieces[-2].size
        if length >= wanted:
            break
    samples = np.concatenate(pieces)[:wanted]
    loud = samples[np.abs(samples) > 0.01]
    samples = samples * (10 ** (-23 / 20) / np.sqrt(np.mean(loud**2)))
    return np.clip(samples + rng.normal(0, 0.0006, wanted), -1, 1).astype(np.float32)


def write_wav(path, samples):
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes((samples * 32767).astype("<i2").tobytes())


def loudness(samples, frames, fps):
    """How open the mouth is in each frame, 0..1: the sound's smoothed envelope."""
    edges = (np.arange(frames + 1) * RATE / fps).astype(int)
    rms = np.array([np.sqrt(np.mean(samples[a:b] ** 2) + 1e-12) for a, b in itertools.pairwise(edges)])
    level = np.clip(rms / np.percentile(rms, 95), 0, 1)
    return smooth(level, 1.0)


# --- motion ----------------------------------------------------------------------------------------


def smooth(values, sigma):
    reach = max(1, round(4 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="reflect" if values.size > reach else "edge")
    return np.convolve(padded, kernel / kernel.sum(), "valid")


def wander(rng, frames, fps, seconds, size):
    """A random walk around zero that changes over `seconds`, of standard deviation `size`."""
    path = smooth(rng.normal(size=frames + 8 * fps), seconds * fps)[4 * fps : 4 * fps + frames]
    expected = np.sqrt(1 / (2 * np.sqrt(np.pi) * seconds * fps))
    return path / expected * size


def poses(rng, frames, fps, width, height):
    """2×3 matrices, portrait pixels → frame pixels: slow drift and small quick movements."""
    both = lambda slow, quick: wander(rng, frames, fps, 1.1, slow) + wander(rng, frames, fps, 0.25, quick)
    dx, dy, turn, zoom = both(13, 2.5), both(6, 2.5), both(1.6, 0.5), both(0.012, 0.003)
    pivot = np.array([225.0, 200.0])
    place = np.array([CENTRE_X * width, height * 200 / 288])
    result = []
    for x, y, angle, grow in zip(dx, dy, np.radians(turn), zoom):
        s = SCALE * height / 720 * (1 + grow)
        linear = s * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        result.append(np.column_stack([linear, place + (x, y + 6) - linear @ pivot]))
    return result


# --- picture ---------------------------------------------------------------------------------------


def cut_out(picture):
    """Soft person mask of the portrait's upper part, 0..1 (GrabCut from a rough outline)."""
    mask = np.full(picture.shape[:2], cv2.GC_PR_BGD, np.uint8)
    mask[:, :20] = mask[:12] = cv2.GC_BGD
    mask[:200, 325:] = mask[:185, :105] = mask[:90, :140] = cv2.GC_BGD
    cv2.ellipse(mask, (228, 85), (78, 75), 0, 0, 360, int(cv2.GC_PR_FGD), -1)
    cv2.ellipse(mask, (226, 100), (50, 72), 0, 0, 360, int(cv2.GC_FGD), -1)
    body = np.int32([[200, 150], [255, 150], [300, 230], [350, 290], [350, 330], [40, 330], [60, 270], [120, 200]])
    cv2.fillPoly(mask, [body], int(cv2.GC_FGD))
    cv2.setRNGSeed(1)
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    return cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.2)


class Scene:
    """The pieces of the picture at frame scale, and how a frame is put together from them."""

    def __init__(self, rng, width, height):
        picture = portrait.load()[:330]
        mask = cut_out(picture)
        self.size, self.rng = (width, height), rng
        hole = cv2.dilate((mask > 0.05).astype(np.uint8), np.ones((9, 9), np.uint8))
        room = cv2.GaussianBlur(cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA), (0, 0), 2.2)
        zoom = SCALE * height / 720
        still = np.float64([[zoom, 0, CENTRE_X * width - 225 * zoom], [0, zoom, 0]])
        self.room = cv2.warpAffine(room, still, self.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        # Twice the portrait's pixels, with the fine texture that enlarging leaves out.
        big = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        big += 0.55 * (big - cv2.GaussianBlur(big, (0, 0), 2.5))
        grain = cv2.GaussianBlur(rng.normal(0, 1, big.shape[:2]).astype(np.float32), (0, 0), 0.7)
        big *= 1 + 0.035 * grain[..., None]
        self.person = np.clip(big, 0, 255).astype(np.uint8)
        self.mask = cv2.resize(mask, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        self.mouth = self.mouth_field()
        shape = (height + 64, width + 64, 3)
        self.noise = [self.sensor_noise(shape) for _ in range(6)]

    def sensor_noise(self, shape):
        luma = self.rng.normal(0, 2.6, shape[:2] + (1,)).astype(np.float32)
        chroma = cv2.GaussianBlur(self.rng.normal(0, 3.0, shape).astype(np.float32), (0, 0), 1.2)
        return np.round(luma + chroma).astype(np.int16)

    def mouth_field(self):
        """For the box around the mouth (layer pixels): the box, coordinates, and the pull of an open jaw."""
        x0, y0, x1, y1 = 2 * 170, 2 * 128, 2 * 280, 2 * 205
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        across = np.exp(-(((x / 2 - LIPS[0]) / 22) ** 2))
        below = y / 2 - LIPS[1] + 4
        jaw = np.where(below < 0, 0, (1 - np.exp(-below / 3)) * np.exp(-((below / 32) ** 2)))
        return (x0, y0, x1, y1), x - x0, y - y0, (across * jaw).astype(np.float32)

    def frame(self, pose, mouth_open, light):
        """One uint8 BGR frame as the camera delivers it."""
        (x0, y0, x1, y1), x, y, pull = self.mouth
        layer = self.person.copy()
        box = layer[y0:y1, x0:x1]
        pulled = y - np.float32(9 * mouth_open) * pull
        layer[y0:y1, x0:x1] = cv2.remap(box, x, pulled, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        warp = pose.copy()
        warp[:, :2] /= 2
        person = cv2.warpAffine(layer, warp, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(self.mask, warp, self.size, flags=cv2.INTER_LINEAR)
        picture = cv2.blendLinear(person, self.room, mask, 1 - mask)
        dx, dy = self.rng.integers(0, 64, 2)
        noise = self.noise[self.rng.integers(len(self.noise))]
        width, height = self.size
        noisy = cv2.addWeighted(picture, light, picture, 0, 0)
        return cv2.add(noisy, noise[dy : dy + height, dx : dx + width], dtype=cv2.CV_8U)


# --- the mask --------------------------------------------------------------------------------------


def swap_mask():
    """Blurred rounded box in the 128×128 picture: hides its border, not quite well enough."""
    mask = np.zeros((SWAP_SIDE, SWAP_SIDE), np.float32)
    cv2.ellipse(mask, (64, 66), (43, 52), 0, 0, 360, 1.0, -1)
    mask[100:] *= 0.6
    return cv2.GaussianBlur(mask, (0, 0), 5)


def other_face():
    """A remap of the 128×128 picture that changes proportions a little: another identity's shape."""
    x, y = np.meshgrid(np.arange(SWAP_SIDE, dtype=np.float32), np.arange(SWAP_SIDE, dtype=np.float32))
    near = lambda cx, cy, r: np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / r**2))
    dx = 2.2 * (near(46, 52, 14) - near(82, 52, 14)) + (x - 64) * 0.10 * near(64, 74, 15)
    dy = 2.0 * near(64, 92, 20) + (y - 52) * 0.08 * (near(46, 52, 12) + near(82, 52, 12))
    return (x + dx).astype(np.float32), (y + dy).astype(np.float32)


class Swap:
    """A bad real-time face swap: aligned crop → 128×128 → smoothed, recoloured → pasted back."""

    def __init__(self, rng):
        self.rng, self.mask, self.shape = rng, swap_mask(), other_face()

    def __call__(self, frame, points):
        points = points + self.rng.normal(0, 0.7, (5, 2))
        to_crop, _ = cv2.estimateAffinePartial2D(points.astype(np.float32), SWAP_TEMPLATE, method=cv2.LMEDS)
        crop = cv2.warpAffine(frame, to_crop, (SWAP_SIDE, SWAP_SIDE), flags=cv2.INTER_AREA)
        face = cv2.remap(crop, *self.shape, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        face = cv2.bilateralFilter(face, 7, 28, 4)
        lab = cv2.cvtColor(face, cv2.COLOR_BGR2LAB).astype(np.float32)
        lab = (lab - lab.mean((0, 1))) * (0.94, 1.05, 1.05) + lab.mean((0, 1)) + (4, -2, 3)
        face = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)
        height, width = frame.shape[:2]
        back = cv2.invertAffineTransform(to_crop)
        pasted = cv2.warpAffine(face, back, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(self.mask, back, (width, height), flags=cv2.INTER_LINEAR)
        return cv2.blendLinear(pasted, frame, mask, 1 - mask)


# --- files -----------------------------------------------------------------------------------------


def encoder(path, sound, width, height, fps, bitrate):
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    colour = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", "yuv420p"]
    colour += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    video = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-g", str(2 * fps)]
    video += ["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate]
    audio = ["-c:a", "aac", "-ar", "48000", "-b:a", "96k"]
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-movflags", "+faststart"]
    command = ["ffmpeg", "-v", "error", "-y", *raw, "-i", sound, *colour, *video, *audio, *exact, path]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def make(args):
    rng = np.random.default_rng(args.seed)
    width, height = args.size
    frames = round(args.seconds * args.fps)
    human = speech([recorded(name) for name in SENTENCES], args.seconds, rng)
    synthetic = speech([spoken(ANSWER)], args.seconds, rng)
    mouth = loudness(human, frames, args.fps)
    light = 1 + wander(rng, frames, args.fps, 0.8, 0.006)
    track = poses(rng, frames, args.fps, width, height)
    scene, swap = Scene(rng, width, height), Swap(np.random.default_rng(args.seed + 1))
    args.out.mkdir(parents=True, exist_ok=True)
    names = ["interview"] if args.plain_only else ["interview", "interview-masked"]
    with tempfile.TemporaryDirectory(dir=args.out) as folder:
        streams = {}
        for name, samples in zip(names, (human, synthetic)):
            sound = Path(folder) / f"{name}.wav"
            write_wav(sound, samples)
            streams[name] = encoder(Path(folder) / f"{name}.mp4", sound, width, height, args.fps, args.bitrate)
        for pose, opened, shine in zip(track, mouth, light):
            frame = scene.frame(pose, opened, shine)
            points = LANDMARKS @ pose[:, :2].T + pose[:, 2]
            for name, stream in streams.items():
                stream.stdin.write((frame if name == "interview" else swap(frame, points)).data)
        for name, stream in streams.items():
            stream.stdin.close()
            if stream.wait():
                raise SystemExit(f"make_clips: ffmpeg failed on {name}.mp4")
        for name in names:
            (Path(folder) / f"{name}.mp4").rename(args.out / f"{name}.mp4")
            print(args.out / f"{name}.mp4")


def main():
    parser = argparse.ArgumentParser(description="make the demo's clip and its masked twin")
    parser.add_argument("--out", type=Path, default=Path("demo"))
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--size", type=lambda s: tuple(map(int, s.split("x"))), default=(1280, 720))
    parser.add_argument("--bitrate", default="3M")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--plain-only", action="store_true", help="no masked twin")
    make(parser.parse_args())


if __name__ == "__main__":
    main()
