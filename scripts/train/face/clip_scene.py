"""A real clip as a webcam films it: consecutive frames of one person with dense landmarks.

In: `train_video`, MOTION/mesh of motion_mesh.py, a numpy random generator. Out: a Take, the camera's frames (BGR,
side x side) with and without noise, the 478 landmarks in each, and when the frames of a window were taken. Frame rate,
spacing, still and frozen stretches, hand-held shake and the camera's honest changes are drawn here, for both twins.
"""

from dataclasses import dataclass

import cv2
import numpy as np

import align
import animate
import camera
import prepare
import scene

STEPS = 8  # frames of a window
RATES = (5, 7, 8, 10, 12, 15, 20, 25, 30)
RATE_ODDS = np.array((0.1, 0.12, 0.1, 0.16, 0.14, 0.16, 0.07, 0.09, 0.06))
SIDES, SIDE_ODDS = (144, 176, 216, 264, 320), (0.16, 0.22, 0.24, 0.22, 0.16)


@dataclass
class Plan:
    """What the takes of one gallery share: tile side, stream frames, the window's frames, their spacing."""

    side: int
    rate: float
    count: int
    window: list

    @property
    def spacing_ms(self):
        """Time between the frames of the window."""
        return 1000 * (self.window[1] - self.window[0]) / self.rate


@dataclass
class Take:
    """One filmed clip; `flags` names its honest oddities."""

    real: list
    clean: list
    meshes: np.ndarray
    lens: camera.Camera
    person: str
    flags: str

    def points(self):
        """The five landmarks of every frame."""
        return [five(mesh) for mesh in self.meshes]


def five(mesh):
    """Right eye, left eye, nose tip, right and left mouth corner of a mesh."""
    eyes = [mesh[list(corners)].mean(0) for corners in animate.EYES]
    return np.stack([*eyes, mesh[4], mesh[61], mesh[291]])


def plan(rng):
    """Draws frame rate and spacing: windows span 0.6 to 1.6 s, seen at 5 to 30 frames a second."""
    rate = float(RATES[rng.choice(len(RATES), p=RATE_ODDS / RATE_ODDS.sum())])
    stride = max(int(round(rng.uniform(0.08, 0.2) * rate)), 1)
    stride = min(stride, 4)
    first = int(rng.integers(0, 4))
    side = int(SIDES[rng.choice(len(SIDES), p=SIDE_ODDS)])
    window = [first + stride * i for i in range(STEPS)]
    return Plan(side, rate, window[-1] + 1, window)


def frozen(times, rng):
    """Indices with a stretch that stands still, as a lost connection shows it."""
    times = times.copy()
    start = int(rng.integers(1, max(len(times) - 2, 2)))
    times[start : start + int(rng.integers(2, 2 + len(times) // 3))] = times[start]
    return times


class Clips:
    """The clips of one side of the split; every person is drawn equally often."""

    def __init__(self, data, motion, held_out):
        self.data, self.people = data, {}
        for path in sorted((motion / "mesh").glob("*.npz")):
            with np.load(path) as file:
                mesh, fps, person = file["mesh"].astype(np.float64), float(file["fps"]), str(file["person"])
            found = np.isfinite(mesh[:, 0, 0])
            if found.mean() > 0.9 and len(mesh) >= 20 and prepare.held_out(person) == held_out:
                if self.eye(mesh[found]) >= 22:
                    self.people.setdefault(person, []).append((path.stem, mesh, fps))

    @staticmethod
    def eye(meshes):
        """Median distance between the eyes."""
        return float(np.median([np.linalg.norm(animate.face_frame(mesh)[:, 0]) for mesh in meshes]))

    def native(self, clip, count):
        """The first frames of a clip."""
        capture, frames = cv2.VideoCapture(str(self.data / "train_video" / f"{clip}.mkv")), []
        while len(frames) < count:
            ok, frame = capture.read()
            if not ok:
                return frames
            frames.append(frame)
        return frames

    def draw(self, rng, shared, still):
        """(frames, meshes, person, flags) of a stretch with the plan's frame rate, every frame with a face."""
        for _ in range(50):
            person = sorted(self.people)[rng.integers(len(self.people))]
            clip, mesh, fps = self.people[person][rng.integers(len(self.people[person]))]
            flags = []
            speed = 1.0
            if rng.random() < still:
                speed, flags = rng.uniform(0.1, 0.5), ["still"]
            step = speed * fps / shared.rate
            room = len(mesh) - 1 - step * (shared.count - 1)
            if room < 0:
                continue
            times = np.round(rng.uniform(0, room) + step * np.arange(shared.count)).astype(int)
            if rng.random() < 0.07:
                times, flags = frozen(times, rng), [*flags, "freeze"]
            if not np.isfinite(mesh[times, 0, 0]).all():
                continue
            frames = self.native(clip, times.max() + 1)
            if times.max() < len(frames):
                return [frames[t] for t in times], mesh[times], person, flags
        raise RuntimeError("no clip is long enough")

    def scenes(self, rng, count):
        """A few blurred pictures for virtual backgrounds."""
        clips = [clip for group in self.people.values() for clip, _, _ in group]
        picked = [clips[rng.integers(len(clips))] for _ in range(count)]
        return [cv2.GaussianBlur(self.native(clip, 1)[0], (0, 0), 3) for clip in picked]


def shaken(count, side, rng):
    """Hand-held camera: one 2x3 transform a frame, slow drift and a little tremble."""
    walk = np.cumsum(rng.normal(0, side * rng.uniform(0.0005, 0.003), (count, 2)), 0)
    turn = np.cumsum(rng.normal(0, 0.001, count))
    moves = []
    for at, angle in zip(walk, turn):
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.full(2, side / 2)
        moves.append(np.concatenate([rotation, (middle - rotation @ middle + at)[:, None]], 1))
    return moves


def sizes(side, eye_source, rng):
    """(camera side, eye distance in the camera's frame) for a tile of this side."""
    eye_meet = side / rng.uniform(3.9, 6.2)
    zoom = np.exp(rng.uniform(np.log(0.6), np.log(2.2)))
    eye = float(np.clip(eye_meet * zoom, 18, 1.25 * eye_source))
    camera_side = int(np.clip(side * eye / eye_meet, 96, 300))
    return camera_side, eye_meet * camera_side / side


def film(clips, shared, rng, scenes, still=0.15):
    """A Take in the camera's own size; tiles are brought to the meeting's side later. `still`: odds of slow motion."""
    frames, meshes, person, flags = clips.draw(rng, shared, still)
    middle = five(meshes[len(meshes) // 2])
    eye_source = float(np.linalg.norm(middle[1] - middle[0]))
    side, eye = sizes(shared.side, eye_source, rng)
    ratio = eye / eye_source
    base = scene.framing(middle, side, eye, rng)
    moves = shaken(len(frames), side, rng) if rng.random() < 0.3 else [np.eye(2, 3)] * len(frames)
    lens = camera.Camera(rng, (side, side), scenes)
    lens.backdrop = True if rng.random() < 0.12 else None
    flags += [name for name in ("backdrop", "beauty") if getattr(lens, name) is not None]
    seed, noise = int(rng.integers(1 << 30)), rng.random() < 0.6
    real, clean, placed = [], [], []
    for frame, mesh, move in zip(frames, meshes, moves):
        matrix = align.compose(move, base)
        if ratio < 0.85:
            small = min(ratio * 1.1, 1.0)
            frame = cv2.resize(frame, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
            matrix = align.compose(matrix, np.array([[1 / small, 0, 0], [0, 1 / small, 0]]))
        tile = scene.shown(frame, matrix, side, ratio > 1)
        at = align.apply(align.compose(move, base), mesh)
        tile = lens.look(tile, five(at), np.random.default_rng(seed))
        clean.append(tile)
        real.append(lens.noise(tile, five(at), rng) if noise else tile)
        placed.append(at)
    return Take(real, clean, np.stack(placed), lens if noise else None, person, "+".join(flags))
