#!/usr/bin/env python3
"""Shifts the sound of talking clips by known times, and counts how often `unmask` finds the shift.

In:  a manifest (path, label, audio) of clips; the program, built.
Out: a line a clip with the lag that was found at each shift, and the share found within 40 ms of the clip's own lag
     plus the shift, for genuine clips, for all, and for those whose own lag the program was sure of. A clip counts
     as talking when the program hears at least a second of speech and compares lips with it; the others are counted.
     `drift` lets the sound fall behind evenly, by 200 ms to the clip's end: its middle is 100 ms late. Needs ffmpeg.

    scripts/eval/lip_sync.py ../shared/data/face/dev/manifest.csv --unmask target/release/unmask
"""

import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

RATE = 48_000
END_S = 0.2
SHIFTS = {"+240": 0.24, "-160": -0.16, "drift": END_S / 2}
NEAR_MS = 40


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--unmask", type=Path, default=Path("target/release/unmask"))
    return parser.parse_args()


def run(command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout


def filter_of(shift, seconds):
    """ffmpeg's filter for a shift."""
    if shift == "drift":  # slower, not deeper: asetrate would change the pitch as well
        return f"atempo={(seconds - END_S) / seconds:.6f}"
    by = SHIFTS[shift]
    return f"adelay={by * 1e3:.0f}:all=1" if by > 0 else f"atrim=start={-by},asetpts=PTS-STARTPTS"


def shifted(clip, shift, seconds, folder):
    """The clip with its sound shifted; the pictures stay as they are."""
    target = folder / f"{clip.stem}-{shift}.mkv"
    run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", clip, "-map", "0:v:0", "-map", "0:a:0", "-c:v", "copy",
         "-af", filter_of(shift, seconds), "-ar", RATE, "-c:a", "libopus", "-b:a", "64k", target])
    return target


def lag(unmask, clip):
    """What the verdict says of lips and voice, and how long the pictures are."""
    lines = run([unmask, "scan", clip, "--format", "jsonl"]).splitlines()
    verdict = next(r for r in map(json.loads, lines) if r["type"] == "verdict")
    return verdict["sync"]["lag"], verdict["coverage"]["video_s"]


def share(rows):
    """Found shifts, each kind and together."""
    if not rows:
        return "none"
    kinds = [f"{shift} {sum(row[shift] for row in rows) / len(rows):.0%}" for shift in SHIFTS]
    together = sum(row[shift] for row in rows for shift in SHIFTS) / len(rows) / len(SHIFTS)
    every = sum(all(row[shift] for shift in SHIFTS) for row in rows) / len(rows)
    return f"{', '.join(kinds)}; together {together:.0%}; all three {every:.0%} of {len(rows)} clips"


def main():
    args = arguments()
    with args.manifest.open(newline="") as file:
        clips = [row for row in csv.DictReader(file) if row["audio"] == "1"]
    rows, mute = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            path = args.manifest.parent / clip["path"]
            own, seconds = lag(args.unmask, path)
            if own is None:
                mute += 1
                continue
            row = {"label": clip["label"], "sure": own["confidence"] >= 0.95}
            told = [f"{clip['path']:10} {clip['label']:4} own {own['lag_ms']:+5.0f} ms, confidence {own['confidence']:.2f}"]
            for shift, by in SHIFTS.items():
                found, _ = lag(args.unmask, shifted(path, shift, seconds, Path(folder)))
                row[shift] = found is not None and abs(found["lag_ms"] - own["lag_ms"] - by * 1e3) <= NEAR_MS
                told.append(f"{shift} {'none' if found is None else format(found['lag_ms'], '+.0f')}{'' if row[shift] else ' MISSED'}")
            rows.append(row)
            print("; ".join(told), flush=True)
    print("genuine:", share([row for row in rows if row["label"] == "real"]))
    print("all:    ", share(rows))
    print("sure:   ", share([row for row in rows if row["sure"]]))
    print(f"not compared (no speech, no face or still lips): {mute} of {len(clips)} clips with sound")


if __name__ == "__main__":
    main()
