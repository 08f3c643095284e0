"""One tile of a call: a real picture as a webcam films it for a few frames, and its masked twin.

In: Subjects to draw a picture from, the tile's side in the meeting, a Maker of fakes. Out: real and masked
frames (BGR, side x side), the landmarks in each frame, and the mattes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

import align
import camera
import finish


@dataclass
class Film:
    """What a camera took: `frames` with its noise, `quiet` without, a clean frame to draw from, landmarks, the camera."""

    frames: list
    quiet: list
    clean: np.ndarray
    points: list
    lens: camera.Camera


@dataclass
class Tile:
    """Twins of one tile: lists over frames."""

    real: list
    fake: list
    points: list
    mattes: list
    family: str
    form: str
    generator: str


def mirrored(pictures, points):
    """Pictures and landmarks flipped left to right, the person's sides kept right."""
    points = points.copy()
    points[:, 0] = pictures[0].shape[1] - points[:, 0]
    return [picture[:, ::-1] for picture in pictures], points[[1, 0, 2, 4, 3]]


def fit(pictures, points, ratio):
    """Area-reduces the pictures when they will be shown at `ratio` of their size."""
    if ratio > 0.85:
        return pictures, points
    small = [cv2.resize(p, None, fx=ratio * 1.1, fy=ratio * 1.1, interpolation=cv2.INTER_AREA) for p in pictures]
    factor = np.array([small[0].shape[1] / pictures[0].shape[1], small[0].shape[0] / pictures[0].shape[0]])
    return small, points * factor


def framing(points, side, eye, rng):
    """2x3 transform from picture pixels to tile pixels: eye distance `eye`, the face somewhere central."""
    span = points[1] - points[0]
    target = np.arctan2(span[1], span[0]) + rng.normal(0, 0.06)
    angle = target - np.arctan2(span[1], span[0]) if rng.random() < 0.7 else -np.arctan2(span[1], span[0])
    scale = eye / np.linalg.norm(span)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slack = max(side / eye / 2 - 1.9, 0.0) * eye * 0.7
    centre = np.array([side / 2, side * 0.48]) + rng.uniform(-slack, slack, 2)
    shift = centre - turn @ points.mean(0)
    return np.concatenate([turn, shift[:, None]], 1)


def motion(side, count, rng):
    """Small head and camera motion: one 2x3 transform a frame."""
    speed = side * abs(rng.normal(0, 0.006))
    turn, zoom, at = rng.normal(0, 0.006), rng.normal(0, 0.004), rng.normal(0, 1, 2)
    moves = []
    for t in range(count):
        angle, scale = turn * t, 1 + zoom * t
        rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.full(2, side / 2)
        shift = middle - rotation @ middle + at * speed * t
        moves.append(np.concatenate([rotation, shift[:, None]], 1))
    return moves


def shown(picture, matrix, side, enlarged):
    """The picture in the camera's frame; `matrix` brings picture pixels to tile pixels."""
    pixel = matrix.copy()
    pixel[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    kernel = cv2.INTER_CUBIC if enlarged else cv2.INTER_LINEAR
    return cv2.warpAffine(picture, pixel, (side, side), flags=kernel, borderMode=cv2.BORDER_REFLECT_101)


def filmed(pictures, points, side, eye, count, rng, scenes):
    """The Film of the first picture, whose clean frame is the first of the last picture."""
    ratio = eye / np.linalg.norm(points[1] - points[0])
    pictures, points = fit(pictures, points, ratio)
    base = framing(points, side, eye, rng)
    lens = camera.Camera(rng, (side, side), scenes)
    frames, quiet, landmarks, clean = [], [], [], None
    for move in motion(side, count, rng):
        matrix = align.compose(move, base)
        at = align.apply(matrix, points)
        tile = lens.look(shown(pictures[0], matrix, side, ratio > 1), at, rng)
        if clean is None:
            clean = tile if len(pictures) == 1 else lens.look(shown(pictures[1], matrix, side, ratio > 1), at, rng)
        frames.append(lens.noise(tile, at, rng))
        quiet.append(tile)
        landmarks.append(at)
    return Film(frames, quiet, clean, landmarks, lens)


def twins(plan, film, maker, oval, rng):
    """(real frames, masked frames, mattes).

    What is drawn without a seam comes without a camera's noise, and so do many honest pictures: in four of five such
    pairs both twins have it, or neither, so that noise alone tells nothing.
    """
    pick = rng.random()
    if plan.form not in ("whole", "head") or pick < 0.2:
        return film.frames, *maker.twin(plan, film.frames, film.clean, film.points, oval, rng)
    fake, mattes = maker.twin(plan, film.quiet, film.clean, film.points, oval, rng)
    if pick < 0.6:
        return film.frames, [film.lens.noise(frame, at, rng) for frame, at in zip(fake, film.points)], mattes
    return film.quiet, fake, mattes


def resize(frames, side, kernel):
    """Frames brought to the meeting's size."""
    return [cv2.resize(frame, (side, side), interpolation=kernel) for frame in frames]


def finished(real, fake, points, rng):
    """Both twins after the honest processing of finish.py, in half of the cases each after its own."""
    own = finish.Finish(rng)
    other = own if rng.random() < 0.5 else finish.Finish(rng)
    return [own(f, at) for f, at in zip(real, points)], [other(f, at) for f, at in zip(fake, points)]


def make_tile(subjects, side, count, maker, rng, scenes):
    """Films one person, masks the twin, and brings both to the meeting's tile size."""
    plan = maker.plan(rng)
    picture, points, oval, altered = subjects.draw(rng, plan.moved, plan.clip)
    pictures = [picture] if altered is None else [picture, altered]
    if rng.random() < 0.5:
        (pictures, points), oval = mirrored(pictures, points), oval * (-1, 1)
    eye_meet = side / rng.uniform(3.9, 6.2)
    zoom = np.exp(rng.uniform(np.log(0.55), np.log(3.0)))
    eye_camera = float(np.clip(eye_meet * zoom, 18, 1.25 * np.linalg.norm(points[1] - points[0])))
    camera_side = int(np.clip(side * eye_camera / eye_meet, 96, 480))
    eye_camera = eye_meet * camera_side / side
    film = filmed(pictures, points, camera_side, eye_camera, count, rng, scenes)
    real, fake, mattes = twins(plan, film, maker, oval, rng)
    kernel = cv2.INTER_AREA if camera_side > side and rng.random() < 0.6 else cv2.INTER_LINEAR
    landmarks = [at * (side / camera_side) for at in film.points]
    real, fake = finished(resize(real, side, kernel), resize(fake, side, kernel), landmarks, rng)
    return Tile(real, fake, landmarks, resize(mattes, side, cv2.INTER_AREA), plan.family, plan.form, plan.generator)
