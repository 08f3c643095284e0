"""Masked twins of real frames, without ever swapping an identity.

In: the camera frames of one tile with the landmarks of each frame, a clean frame (no sensor noise) to draw
from, and our generators. Out: the same frames masked and the paste matte of each frame. Families: `pasted`
(one-photo simulation), `redrawn` (through a generator, pasted back), `whole` (no seam), `animated` (drawn from
another frame of the same person, moved by dense landmarks: reenactment, talking heads, lip sync). The generators of
sharp.py come three times as often as the small ones; `person` was trained on a few clips and draws only those.
"""

from dataclasses import dataclass

import cv2
import numpy as np

import align
import enhance
import masks
import match
import patches
import prepare
import sharp

FAMILIES = ("pasted", "redrawn", "whole", "animated")
ODDS = (0.22, 0.42, 0.20, 0.16)
FORMS = ("whole", "head", "face", "lower")
FORM_ODDS = {"whole": (0.7, 0.3, 0, 0), "animated": (0.3, 0.3, 0.2, 0.2), "pasted": (0, 0, 1, 0), "redrawn": (0, 0, 1, 0)}
ARCFACE = np.array([[0.342, 0.462], [0.657, 0.460], [0.500, 0.641], [0.371, 0.825], [0.631, 0.823]])


PERSON = "person"
FAITHFUL = {*sharp.MAKERS, PERSON, enhance.CHAINED}

@dataclass
class Plan:
    """What one fake shall be; `moved` is how strongly the face it is drawn from is animated first.

    `clip` names one of the clips that the `person` generator can draw; others leave it empty.
    """

    family: str
    form: str
    generator: str
    network: object
    moved: float
    clip: str = ""


class Maker:
    """Draws masked twins; `leave_out` names a family, a generator kind or a trace never to use.

    `clips` are those that the `person` generator may draw; without any it is not used.
    """

    def __init__(self, networks, leave_out=(), clips=()):
        self.leave_out, self.clips = set(leave_out) | (set() if clips else {PERSON}), sorted(clips)
        self.networks = {n: g for n, g in networks.items() if n.split("-")[0] not in self.leave_out}
        self.kinds = sorted({n.split("-")[0] for n in self.networks})
        odds = np.array([0 if f in self.leave_out else o for f, o in zip(FAMILIES, ODDS)])
        self.odds = odds / odds.sum()

    def plan(self, rng):
        """Draws family, form and generator."""
        family = FAMILIES[rng.choice(len(FAMILIES), p=self.odds)]
        form = FORMS[rng.choice(len(FORMS), p=FORM_ODDS[family])]
        moved = rng.uniform(1.0, 1.5) if family == "animated" else 0.0
        if form == "face" and family != "animated" and rng.random() < 0.3:
            moved = rng.uniform(0.3, 0.8)
        if family == "pasted" or (family == "animated" and rng.random() < 0.3):
            return Plan(family, form, "", None, moved)
        kind = self.kind(form, moved, rng)
        stages = [n for n in sorted(self.networks) if n.split("-")[0] == kind]
        clip = self.clips[rng.integers(len(self.clips))] if kind == PERSON else ""
        return Plan(family, form, kind, self.networks[stages[rng.integers(len(stages))]], moved, clip)

    def kind(self, form, moved, rng):
        """A kind of generator that can draw the form; the faithful ones three times as often."""
        kinds = [k for k in self.kinds if k != PERSON or (form == "face" and not moved)]
        odds = np.array([3.0 if k in FAITHFUL else 1.0 for k in kinds])
        return kinds[rng.choice(len(kinds), p=odds / odds.sum())]

    def twin(self, plan, frames, clean, points, oval, rng):
        """(masked frames, mattes) of one tile; `oval` is the face's outline in eye distances."""
        if plan.form in ("whole", "head"):
            return self.whole(plan, frames, clean, points, rng)
        return self.paste(plan, frames, clean, points, oval, rng)

    def paste(self, plan, frames, clean, points, oval, rng):
        """Aligned patch, redrawn or traced, warped back into every frame with landmark jitter."""
        size, template = self.patch_form(plan, rng)
        place = align.to_picture(points[0], size, template)
        source = clean if plan.moved or rng.random() < 0.85 else frames[0]
        patch = original = align.sample(source, place, size).astype(np.float32)
        if plan.network is not None:
            patch = patches.redraw(patch, plan.network, rng, plan.generator in FAITHFUL)
        patch = patches.trace(patch, rng, self.traces(plan, rng), self.leave_out)
        patch = match.towards(patch, original, rng, size)
        kinds = masks.LOWER if plan.form == "lower" else masks.KINDS
        matte = masks.random_mask(size, template * size, rng, oval, kinds)
        return self.warp_back(frames, points, patch, matte, template, rng)

    @staticmethod
    def traces(plan, rng):
        """Share of simulated traces: all that a paste has, few on what a generator drew."""
        if plan.network is None and plan.family == "pasted":
            return 1.0
        return rng.choice([0.0, 0.2, 0.45])

    def patch_form(self, plan, rng):
        """Patch size and template: the tight one of one-photo tools or a wider one."""
        if rng.random() < 0.5:
            template = ARCFACE
        else:
            template = prepare.loose_template(rng.uniform(0.22, 0.32))
        if plan.form == "lower":
            return int(rng.choice([96, 96, 128, 160])), template
        if plan.network is not None:
            return int(rng.choice([128, 128, 128, 160, 192, 224, 256])), template
        return int(rng.choice([96, 128, 128, 128, 160, 192, 224, 256, 256, 288])), template

    def warp_back(self, frames, points, patch, matte, template, rng):
        """Blends patch into each frame through its own alignment."""
        size, jitter = patch.shape[0], rng.uniform(0, 0.012)
        kernel = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
        out, mattes = [], []
        for frame, at in zip(frames, points):
            eye = np.linalg.norm(at[1] - at[0])
            place = align.to_picture(at + rng.normal(0, jitter * eye, at.shape), size, template)
            pixel = place.copy()
            pixel[:, 2] += place[:, :2] @ (0.5, 0.5) - 0.5
            shape = frame.shape[1::-1]
            back = self.warp_area(patch, pixel, shape, kernel, cv2.BORDER_REPLICATE)
            mask = self.warp_area(matte, pixel, shape, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)[..., None]
            out.append(np.clip(frame + mask * (back - frame), 0, 255).astype(np.uint8))
            mattes.append(mask[..., 0])
        return out, mattes

    @staticmethod
    def warp_area(patch, pixel, shape, kernel, border):
        """Warps with a box filter first where the patch is larger than its place."""
        scale = np.sqrt(abs(np.linalg.det(pixel[:, :2])))
        if scale < 0.8:
            small = max(int(patch.shape[0] * scale), 8)
            ratio = patch.shape[0] / small
            patch = cv2.resize(patch, (small, small), interpolation=cv2.INTER_AREA)
            pixel = pixel.copy()
            pixel[:, 2] += pixel[:, :2] @ np.full(2, 0.5 * ratio - 0.5)
            pixel[:, :2] = pixel[:, :2] * ratio
        return cv2.warpAffine(patch, pixel, shape, flags=kernel, borderMode=border)

    def whole(self, plan, frames, clean, points, rng):
        """The whole tile drawn by a generator at the scale it was trained for, moved by a smooth field."""
        height, width = frames[0].shape[:2]
        drawn = self.scene(plan, clean, np.linalg.norm(points[0][1] - points[0][0]), rng)
        drawn = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR)
        out, mattes = [], []
        for frame, at in zip(frames, points):
            move = align.umeyama(points[0], at)
            moved = cv2.warpAffine(drawn, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            matte = np.ones((height, width), np.float32)
            if plan.form == "head":
                matte = masks.head_matte((height, width), at)
                moved = frame + matte[..., None] * (moved - frame)
            out.append(np.clip(moved, 0, 255).astype(np.uint8))
            mattes.append(matte)
        return out, mattes

    def scene(self, plan, clean, eye, rng):
        """The clean tile redrawn, float32 and as large as the generator draws it."""
        scale = rng.uniform(32, 64) / eye
        side = max(int(max(clean.shape[:2]) * scale) // 16 * 16, 96)
        small = cv2.resize(clean, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.float32)
        drawn = small
        if plan.network is not None:
            drawn = patches.redraw(drawn, plan.network, rng, plan.generator in FAITHFUL)
        drawn = patches.trace(drawn, rng, rng.choice([0.1, 0.35]), self.leave_out | {"misplace", "recolour", "relight"})
        if rng.random() < 0.6:
            drawn = match.colour(drawn, small, 1.0)
        if rng.random() < 0.6:
            drawn = match.spectrum(drawn, small, rng.uniform(0.6, 1.0))
        return drawn
