"""Whose picture comes next: photos and video frames in a set proportion, each person equally often.

In: CACHE/index.json, CACHE/mesh.npy and the pictures. Out: Subjects, which draws a picture with its five
landmarks, the outline of the face and, when asked, the same picture animated (animate.py).
"""

import json

import cv2
import numpy as np

import animate
import prepare


class Subjects:
    """Draws people of one side of the split."""

    def __init__(self, data, cache, held_out, video_share):
        self.data, self.cache, self.video_share = data, cache, video_share
        self.index = json.loads((cache / "index.json").read_text())
        self.mesh = np.load(cache / "mesh.npy").astype(np.float64)
        self.people, self.clips = {"photo": {}, "video": {}}, {}
        for number, item in enumerate(self.index):
            if item["held_out"] == held_out and np.isfinite(self.mesh[number]).all():
                self.people[item["part"]].setdefault(item["person"], []).append(number)
                if item["part"] == "video":
                    self.clips.setdefault(item["file"].rsplit("_", 1)[0], []).append(number)
        self.moving = [numbers for _, numbers in sorted(self.clips.items()) if len(numbers) > 1]

    def picture(self, number):
        """The BGR picture of an index entry."""
        return prepare.read_picture(self.data, self.cache, self.index[number])

    def draw(self, rng, moved=0.0, clip=""):
        """(picture, landmarks, face outline, animated picture or None), of one clip if it is named.

        `moved` is the strength of the animation.
        """
        people = self.people["video" if rng.random() < self.video_share else "photo"]
        numbers = self.clips[clip] if clip else people[sorted(people)[rng.integers(len(people))]]
        number = numbers[rng.integers(len(numbers))]
        picture = self.picture(number)
        altered = self.animated(number, picture, moved, rng) if moved else None
        return picture, np.array(self.index[number]["landmarks"]), animate.outline(self.mesh[number]), altered

    def animated(self, number, picture, strength, rng):
        """The picture as reenactment would draw it: from another frame of its clip, or by a borrowed motion."""
        mesh = self.mesh[number]
        clip = self.clips.get(self.index[number]["file"].rsplit("_", 1)[0], [])
        others = [other for other in clip if other != number]
        if others and strength >= 1.0 and rng.random() < 0.75:
            other = others[rng.integers(len(others))]
            return animate.move(self.picture(other), self.mesh[other], mesh, rng)
        frames = self.moving[rng.integers(len(self.moving))]
        first, second = rng.choice(frames, 2, replace=False)
        motion = animate.motion_between(self.mesh[first], self.mesh[second])
        target = animate.carried(mesh, motion, strength * rng.uniform(0.6, 1.6))
        return animate.move(picture, mesh, target, rng)

    def scenes(self, rng, count):
        """A few blurred pictures for virtual backgrounds."""
        return [cv2.GaussianBlur(self.draw(rng)[0], (0, 0), 3) for _ in range(count)]
