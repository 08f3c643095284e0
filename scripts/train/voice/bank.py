"""The bank: windows of the training stream, rendered once through the channel and read again by every training.

    python bank.py

In: the stores of prepare.py, without the speakers and systems that are held out. Out: `<cache>/bank/windows.i16`
and `units.csv`. A unit is two windows, a real one and a fake one: of the same clip through the same channel
(`pair`), or a natural fake and another real clip (`single`). Rendering goes on where it stopped.
"""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from commands import parser_of
from data import Batches, left_out, load_table

SAMPLES = 32_000
COLUMNS = ["kind", "family", "method", "fake_source", "real_source"]


class Bank:
    """The rendered windows: `units` (a data frame) and `window(unit)`, two waves of 2 s."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.units = pd.read_csv(self.folder / "units.csv", keep_default_na=False)
        path = self.folder / "windows.i16"
        self.units = self.units.iloc[: path.stat().st_size // (4 * SAMPLES)].reset_index(drop=True)
        self.waves = np.memmap(path, dtype=np.int16, mode="r")

    def window(self, unit):
        """The real and the fake window of a unit as float32 [2, 32000]."""
        part = self.waves[unit * 2 * SAMPLES : (unit + 1) * 2 * SAMPLES]
        return part.reshape(2, SAMPLES).astype(np.float32) / 32768


def left_in(units, leave_out):
    """The units without those of `leave_out` (as in data.left_out; nothing leaves all of them)."""
    return units[~left_out(units, leave_out)] if leave_out else units


class Stream:
    """Endless batches from the bank: `pairs` units of one clip each, then `singles` units of natural fakes."""

    def __init__(self, folder, pairs, singles, seed, leave_out=None):
        self.bank, self.rng = Bank(folder), np.random.default_rng(seed)
        units = left_in(self.bank.units, leave_out)
        self.places = [
            (count, units.index[units["kind"] == kind].to_numpy())
            for kind, count in (("pair", pairs), ("single", singles))
        ]

    def batch(self):
        """One batch: waves [2 * units, samples], real and fake in turn, each unit cut and turned over alike."""
        waves = []
        for count, places in self.places:
            for unit in self.rng.choice(places, count):
                shift, sign = self.rng.integers(0, SAMPLES // 10), self.rng.choice([-1.0, 1.0])
                waves.append(self.bank.window(unit)[:, shift : shift + SAMPLES * 9 // 10] * np.float32(sign))
        waves = torch.from_numpy(np.concatenate(waves))
        return waves, torch.arange(len(waves)).remainder(2).float()


def rendered(batches, folder, wanted, rng):
    """Draws and renders units until the bank holds `wanted` windows."""
    folder.mkdir(parents=True, exist_ok=True)
    index, samples = folder / "units.csv", folder / "windows.i16"
    if not index.exists():
        index.write_text(",".join(COLUMNS) + "\n")
        samples.touch()
    units = Bank(folder).units if samples.stat().st_size else pd.DataFrame(columns=COLUMNS)
    units.to_csv(index, index=False)
    os.truncate(samples, len(units) * 4 * SAMPLES)
    table, have = batches.library.table, len(units)
    with index.open("a", newline="") as rows, samples.open("ab") as waves:
        writer = csv.writer(rows)
        while 2 * have < wanted:
            items = batches.batch(rng)
            for place in range(0, len(items), 2):
                real, fake = table.iloc[items[place][0]], table.iloc[items[place + 1][0]]
                both = np.concatenate([batches.through(*item) for item in items[place : place + 2]])
                waves.write((both * 32767).astype(np.int16).tobytes())
                kind = "pair" if place < 2 * batches.pairs else "single"
                writer.writerow([kind, fake["family"], fake["method"], fake["source"], real["source"]])
                have += 1
            waves.flush(), rows.flush()


def main():
    """Renders the bank; between portions it looks for clips that were cached meanwhile."""
    parser = parser_of(__doc__)
    parser.add_argument("--windows", type=int, default=44_000)
    parser.add_argument("--portion", type=int, default=4_000)
    parser.add_argument("--only", default="", help="a pattern: draw fakes of these systems alone")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--singles", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.cache / "bank"
    for wanted in range(args.portion, args.windows + 1, args.portion):
        table = load_table(args.cache)
        wished = table["label"].eq(0) | table["method"].str.contains(args.only)
        batches = Batches(args.cache, table[~table["held"] & wished], SAMPLES, args.pairs, args.singles)
        rendered(batches, folder, wanted, np.random.default_rng(wanted))
        print(f"bank {wanted} windows", flush=True)


if __name__ == "__main__":
    main()
