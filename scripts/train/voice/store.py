"""An append-only cache of 16 kHz clips: one flat int16 file and one CSV index beside it.

Goes in: float waves in -1..1 with a row of facts. Comes out: the same waves by row number, memory mapped.
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

RATE = 16_000
COLUMNS = ["id", "offset", "length", "label", "family", "method", "speaker", "source", "origin", "variant"]


class Store:
    """One folder of the cache. `append` adds a clip, `has` makes a stage resumable, `wave` reads a clip."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.samples = self.folder / "clips.i16"
        self.index = self.folder / "clips.csv"
        if not self.index.exists():
            self.samples.touch()
            with self.index.open("w", newline="") as out:
                csv.writer(out).writerow(COLUMNS)
        self.ids = set(self.table()["id"])

    def table(self):
        """The index as a data frame, one row a clip; a half-written last line is left out."""
        frame = pd.read_csv(self.index, dtype={"id": str}, keep_default_na=False, on_bad_lines="skip")
        whole = self.samples.stat().st_size // 2
        return frame[(frame["offset"] + frame["length"]) <= whole].reset_index(drop=True)

    def has(self, clip_id):
        """True when this clip was cached by an earlier run."""
        return clip_id in self.ids

    def append(self, clip_id, wave, **facts):
        """Adds a clip (float, clipped to 16 bit) and its facts (the columns after `length`)."""
        data = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
        with self.samples.open("ab") as out:
            offset = out.tell() // 2
            out.write(data.tobytes())
        row = {"id": clip_id, "offset": offset, "length": len(data), **facts}
        with self.index.open("a", newline="") as out:
            csv.writer(out).writerow([row.get(column, "") for column in COLUMNS])
        self.ids.add(clip_id)

    def mapped(self):
        """All samples as one read-only int16 array."""
        return np.memmap(self.samples, dtype=np.int16, mode="r")


def levelled(wave, decibels=-24.0):
    """The wave at a common RMS level, so that no cached class differs in loudness."""
    wave = np.asarray(wave, dtype=np.float32)
    rms = float(np.sqrt(np.mean(wave**2)) + 1e-9)
    out = wave * (10 ** (decibels / 20) / rms)
    return out / max(1.0, float(np.abs(out).max()) / 0.99)
