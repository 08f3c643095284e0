"""The training stream: pairs of a real clip and its own fake, and natural fakes against matched reals.

In: the stores that prepare.py filled. Out: drawn items and their windows with the channel applied.
"""

import zlib

import numpy as np
import pandas as pd

from channel import after_codec, before_codec, finished
from store import Store

STAGES = ["base", "made", "own", "neural", "read", "coded"]
NEURAL = ("own-", "hifigan-", "mb-melgan", "hibari", "kokoro", "Piper")
HELD_METHODS = {"WaveGrad", "PortaSpeech", "StarGAN-VC", "bin-shift"}


def held_speaker(speaker):
    """True for the tenth of the speakers that calibration and model choice keep out of training."""
    return zlib.crc32(f"voice {speaker}".encode()) % 10 == 0


def left_out(frame, text):
    """True for the rows of `text`: "family:vc", "source:x", "method:x", or "fold:2/4", which is every fourth system."""
    column, value = text.split(":", 1)
    if column == "fold":
        number, count = map(int, value.split("/"))
        return frame["method"].map(lambda name: zlib.crc32(name.encode()) % count == number)
    columns = [name for name in frame.columns if name == column or name.endswith(f"_{column}")]
    return frame[columns].eq(value).any(axis=1)


def load_table(cache, leave_out=None):
    """All cached clips with `stage` and `held`; what `left_out` says of `leave_out` is marked too."""
    frames = []
    for stage in STAGES:
        if (cache / stage / "clips.csv").exists():
            frames.append(Store(cache / stage).table().assign(stage=stage))
    table = pd.concat(frames, ignore_index=True)
    table["held"] = table["speaker"].map(held_speaker) | table["method"].isin(HELD_METHODS)
    table["left_out"] = left_out(table, leave_out) if leave_out else False
    return table


class Library:
    """Reads clips of a table from the mapped stores."""

    def __init__(self, cache, table):
        self.table = table.reset_index(drop=True)
        self.maps = {stage: Store(cache / stage).mapped() for stage in self.table["stage"].unique()}
        self.rows = list(self.table[["stage", "offset", "length", "label", "variant"]].itertuples(index=False))

    def wave(self, index):
        """The whole clip as float32."""
        row = self.rows[index]
        return self.maps[row.stage][row.offset : row.offset + row.length].astype(np.float32) / 32768


def fill(wave, samples, start):
    """A stretch of `samples` from a clip, repeated when it is shorter, beginning at `start` (0..1 of the room)."""
    if len(wave) < samples:
        copies = -(-samples // len(wave)) + 1
        shift = int(start * len(wave))
        return np.tile(wave, copies)[shift : shift + samples]
    shift = int(start * (len(wave) - samples))
    return wave[shift : shift + samples]


class Batches:
    """Draws and renders: `pairs` real/fake pairs of one clip each, then `singles` natural fakes and as many reals."""

    def __init__(self, cache, table, samples, pairs, singles):
        self.library = Library(cache, table)
        self.samples, self.pairs, self.singles = samples, pairs, singles
        self.group(self.library.table)

    def group(self, table):
        """Sorts row numbers into the pools that sampling draws from."""
        fake, real = table[table["label"] == 1], table[table["label"] == 0]
        own = fake[fake["origin"] != fake["id"].str.split("~").str[0]]
        natural = fake.drop(own.index)
        self.own = {key: part.index.to_numpy() for key, part in own.groupby("method")}
        self.natural = {key: part.index.to_numpy() for key, part in natural.groupby("method")}
        self.reals = {key: part.index.to_numpy() for key, part in real.groupby("origin")}
        self.variants = table["variant"].to_numpy()
        self.origin = table["origin"].to_numpy()
        self.speaker = table["speaker"].to_numpy()
        self.by_speaker = {key: part["origin"].unique() for key, part in real.groupby("speaker")}
        groups = real.assign(group=real["source"])
        self.by_source = {key: part["speaker"].unique() for key, part in groups.groupby("group")}
        self.weights = {key: len(speakers) ** 0.5 for key, speakers in self.by_source.items()}

    def pick_method(self, pools, rng):
        """A method, drawn with the square root of its size so that no system rules; neural ones twice as often."""
        names = list(pools)
        weight = np.sqrt([min(len(pools[name]), 200) for name in names])
        weight = weight * [2.0 if name.startswith(NEURAL) else 1.0 for name in names]
        return names[rng.choice(len(names), p=weight / weight.sum())]

    def pick_real(self, rng, variant=None, speaker=None, origin=None):
        """A real row: of this clip, else of this speaker, else of any speaker of a random source."""
        if origin not in self.reals:
            if speaker not in self.by_speaker:
                names = list(self.by_source)
                weight = np.array([self.weights[name] for name in names])
                speakers = self.by_source[names[rng.choice(len(names), p=weight / weight.sum())]]
                speaker = speakers[rng.integers(len(speakers))]
            clips = self.by_speaker[speaker]
            origin = clips[rng.integers(len(clips))]
        rows = self.reals[origin]
        same = rows[self.variants[rows] == variant] if variant is not None else rows
        rows = same if len(same) else rows
        return int(rows[rng.integers(len(rows))])

    def babble(self, size, rng):
        """Three other real voices at once."""
        waves = [fill(self.library.wave(self.pick_real(rng)), size, rng.random()) for _ in range(3)]
        return np.sum(waves, axis=0)

    def through(self, index, place, seed):
        """A window of the clip, sent through the channel that `seed` stands for."""
        rng = np.random.default_rng(seed)
        wave = fill(self.library.wave(index), self.samples, place)
        if self.library.rows[index].variant == "plain" and rng.random() < 0.6:
            wave = before_codec(wave, rng, self.babble)
        return finished(after_codec(wave, rng), rng)

    def batch(self, rng):
        """One batch of (row, place, channel seed): pairs share place and channel."""
        items = []
        for _ in range(self.pairs):
            pool = self.own[self.pick_method(self.own, rng)]
            fake = int(pool[rng.integers(len(pool))])
            real = self.pick_real(rng, self.variants[fake], origin=self.origin[fake])
            place, seed = rng.random(), int(rng.integers(1 << 31))
            items += [(real, place, seed), (fake, place, seed)]
        for _ in range(self.singles):
            pool = self.natural[self.pick_method(self.natural, rng)]
            fake = int(pool[rng.integers(len(pool))])
            speaker = self.speaker[fake] if rng.random() < 0.5 else None
            real = self.pick_real(rng, self.variants[fake], speaker=speaker)
            items += [
                (real, rng.random(), int(rng.integers(1 << 31))),
                (fake, rng.random(), int(rng.integers(1 << 31))),
            ]
        return items
