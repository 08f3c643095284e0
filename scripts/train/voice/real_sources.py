"""More real speech from packages: folders of recordings and the lines of games (game_sources.py).

In: a folder and a pattern, or a game's lines. Out: clips of 1.5-8 s added to a store, short words of one
speaker joined with pauses. Every clip names its speaker and source, so both can be kept out of training.
"""

import re
import subprocess
import zlib

import numpy as np
import soundfile
from scipy.signal import resample_poly

from codecs_ffmpeg import decoded_file
from store import RATE, levelled

SUFFIXES = (".ogg", ".wav", ".gsm")
SHORTEST, LONGEST = 1.5, 8.0


def read_wave(path):
    """An audio file in, mono float32 at 16 kHz out; what libsndfile cannot read goes through ffmpeg."""
    if str(path).endswith(".gsm"):
        return decoded_file(path)
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return to_rate(wave.mean(axis=1), rate)


def to_rate(wave, rate):
    """A wave at `rate` in, the same at 16 kHz out."""
    divisor = int(np.gcd(rate, RATE))
    return resample_poly(wave, RATE // divisor, rate // divisor).astype(np.float32) if rate != RATE else wave


def joined(pieces, rng):
    """Waves of one speaker in, one wave with pauses of 60-300 ms of faint noise between them out."""
    parts = []
    for piece in pieces:
        pause = rng.standard_normal(int(rng.uniform(0.06, 0.3) * RATE)) * 3e-5
        parts += [levelled(piece), pause.astype(np.float32)]
    return np.concatenate(parts[:-1])


class Collector:
    """Takes (speaker, id, wave) one by one and caches clips of a usable length, joining words that are too short."""

    def __init__(self, store, source, per_speaker):
        self.store, self.source, self.per_speaker = store, source, per_speaker
        self.taken, self.waiting = {}, {}

    def full(self, speaker):
        """True when this speaker has all the clips wanted."""
        return self.taken.get(speaker, 0) >= self.per_speaker

    def take(self, speaker, name, wave):
        """Adds a recording; one that is too short waits for others of the same speaker."""
        if len(wave) < SHORTEST * RATE:
            words = self.waiting.setdefault(speaker, [])
            words.append(wave)
            if sum(map(len, words)) < 2.5 * RATE:
                return
            wave = joined(words, np.random.default_rng(zlib.crc32(name.encode())))
            self.waiting[speaker] = []
        wave = wave[: int(LONGEST * RATE)]
        self.taken[speaker] = self.taken.get(speaker, 0) + 1
        clip_id = f"{name}{speaker}"
        if not self.store.has(clip_id) and np.abs(wave).max() > 1e-3:
            self.store.append(
                clip_id,
                levelled(wave),
                label=0,
                family="real",
                method="real",
                speaker=speaker,
                source=self.source,
                origin=clip_id,
                variant="plain",
            )


def add_folder(store, name, folder, pattern, per_speaker):
    """Caches up to `per_speaker` clips of each speaker; the pattern's groups, found in a path, name the speaker."""
    collector, pattern = Collector(store, name, per_speaker), re.compile(pattern)
    for path in sorted(folder.rglob("*"), key=lambda path: zlib.crc32(path.name.encode())):
        match = pattern.search(str(path))
        speaker = "_".join([name, *match.groups()]) if match else None
        if not match or collector.full(speaker) or path.suffix not in SUFFIXES or path.stat().st_size < 1000:
            continue
        try:
            wave = read_wave(path)
        except (subprocess.CalledProcessError, soundfile.LibsndfileError):
            print("left out, cannot be read:", path.name)
            continue
        if 0.25 * RATE <= len(wave) <= 20 * RATE:
            collector.take(speaker, path.name, wave)


def add_lines(store, source, lines, per_speaker):
    """Caches up to `per_speaker` lines of each speaker of a game (game_sources.py)."""
    collector = Collector(store, source, per_speaker)
    for speaker, name, wave_of in lines:
        if not collector.full(speaker):
            wave = wave_of()
            if len(wave) >= SHORTEST * RATE:
                collector.take(speaker, name, wave)
