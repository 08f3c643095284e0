#!/usr/bin/env python3
"""Lays genuine voices over each other, and counts the windows that the program refuses as several people at once.

In:  a manifest (path, label, speaker) of clips of one speaker each; the program, built; ffmpeg.
Out: a row for one voice alone and for a second one under it by so many decibels: windows of speech, the share refused
     with the reason `voice_overlap`, the share scored, and of the scored the share at or above the threshold for signs.
     Clips are four seconds of a genuine clip, repeated when it is shorter; the second voice is another speaker's.

    scripts/eval/overlap.py ../shared/data/voice/dev/manifest.csv --clips 60
"""

import argparse
import csv
import json
import math
import random
import subprocess
import tempfile
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RATE, SECONDS = 16_000, 4
UNDER_DB = [None, 0, 5, 10, 15]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--unmask", type=Path, default=Path("target/release/unmask"))
    parser.add_argument("--signs-at", type=float, default=0.797, help="verdict.voice.signs_at of the configuration")
    return parser.parse_args()


def genuine(manifest, wanted):
    """(speaker, path) of genuine clips, drawn so that speakers take turns."""
    with manifest.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "real"]
    rng = random.Random(1)
    rng.shuffle(rows)
    seen = {}
    for row in rows:
        row["turn"] = seen[row["speaker"]] = seen.get(row["speaker"], 0) + 1
    rows.sort(key=lambda row: row["turn"])
    return [(row["speaker"], manifest.parent / row["path"]) for row in rows[:wanted]]


def samples(path):
    """Four seconds."""
    decode = ["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "-1", "-i", path, "-t", str(SECONDS)]
    raw = subprocess.run([*decode, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"], check=True, capture_output=True)
    return array("f", raw.stdout)


def write(path, values):
    """As a wave file, no louder than full scale."""
    encode = ["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "pcm_f32le"]
    subprocess.run([*encode, path], check=True, input=values.tobytes())


def laid_over(one, other, under_db):
    """The sum, with the other voice's power so far under the first's."""
    power = [math.sqrt(sum(x * x for x in voice) / len(voice)) + 1e-9 for voice in (one, other)]
    gain = power[0] / power[1] * 10 ** (-under_db / 20)
    return array("f", (0.5 * (a + gain * b) for a, b in zip(one, other)))


def windows(unmask, path):
    """What the program says of each window of speech: (refused as overlap, P(masked) or none)."""
    lines = subprocess.run([unmask, "scan", path, "--format", "jsonl"], check=True, capture_output=True).stdout
    voices = [r for r in map(json.loads, lines.splitlines()) if r["type"] == "voice"]
    return [("voice_overlap" in voice["reasons"], voice["p_masked"]) for voice in voices]


def main():
    args = arguments()
    clips = genuine(args.manifest, args.clips)
    print("| second voice | windows | several at once | scored | of these signs |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        voices = [(speaker, samples(path)) for speaker, path in clips]

        def judged(i, under_db):
            speaker, one = voices[i]
            turned = voices[i + 1 :] + voices[:i]
            other = next(voice for name, voice in turned if name != speaker)
            path = Path(folder) / f"{i}-{under_db}.wav"
            write(path, one if under_db is None else laid_over(one, other, under_db))
            return windows(args.unmask, path)

        for under_db in UNDER_DB:
            found = [w for clip in pool.map(lambda i: judged(i, under_db), range(len(voices))) for w in clip]
            scored = [p for _, p in found if p is not None]
            refused = sum(overlap for overlap, _ in found) / max(len(found), 1)
            signs = sum(p >= args.signs_at for p in scored) / max(len(scored), 1)
            name = "none" if under_db is None else f"{under_db} dB under the first"
            print(f"| {name} | {len(found)} | {refused:.0%} | {len(scored) / max(len(found), 1):.0%} | {signs:.0%} |", flush=True)


if __name__ == "__main__":
    main()
