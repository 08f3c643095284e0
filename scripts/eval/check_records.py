"""Scans recordings and checks every line of their record streams.

In:  a manifest (path,label,…; paths beside it), or recordings; the built program.
Out: a line for each recording that breaks a rule, and the totals: exit 0, every line valid against `unmask schema`,
     a frame record for each decoded frame, presentation times strictly increasing, one verdict, and the share of
     frames with a face. Exit code 1 when a rule is broken.
Usage: .runtime/tools/bin/python scripts/eval/check_records.py MANIFEST [--limit N] [--faces]
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--limit", type=int, help="so many recordings, evenly spread")
    parser.add_argument("--faces", action="store_true", help="each recording shows a face: 95 %% of frames must have one")
    parser.add_argument("--unmask", default=ROOT / "target/release/unmask")
    return parser.parse_args()


def recordings(manifest, limit):
    """Paths of the manifest."""
    with manifest.open() as file:
        paths = [manifest.parent / row["path"] for row in csv.DictReader(file)]
    step = max(1, len(paths) // limit) if limit else 1
    return paths[::step][:limit]


def decoded_frames(path):
    """What ffprobe counts, or None without a video stream."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", "-show_entries",
               "stream=nb_read_frames", "-of", "csv=p=0", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().strip(",")
    return int(text) if text.isdigit() else None


def check(path, unmask, validator):
    """Broken rules, and frames with and without a face."""
    run = subprocess.run([str(unmask), "scan", str(path), "--format", "jsonl"], capture_output=True, text=True)
    if run.returncode:
        return [f"exit {run.returncode}: {run.stderr.strip()}"], 0, 0
    records = [json.loads(line) for line in run.stdout.splitlines()]
    broken = [f"invalid: {error.message[:200]}" for r in records for error in validator.iter_errors(r)]
    frames = [r for r in records if r["type"] == "frame"]
    if any(a["pts_s"] >= b["pts_s"] for a, b in zip(frames, frames[1:])):
        broken.append("presentation times do not strictly increase")
    if sum(r["type"] == "verdict" for r in records) != 1:
        broken.append("not one verdict")
    expected = decoded_frames(path) or 0
    if len(frames) != expected:
        broken.append(f"{len(frames)} frame records for {expected} decoded frames")
    return broken, sum(bool(f["faces"]) for f in frames), len(frames)


def main():
    """Checks every recording."""
    options = arguments()
    schema = json.loads(subprocess.run([str(options.unmask), "schema"], capture_output=True, check=True).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    paths = recordings(options.manifest, options.limit)
    failed = seen = total = 0
    for path in paths:
        broken, with_face, frames = check(path, options.unmask, validator)
        if options.faces and frames and with_face < 0.95 * frames:
            broken.append(f"a face in {with_face} of {frames} frames")
        for rule in broken:
            print(f"{path.name}: {rule}")
        failed += bool(broken)
        seen, total = seen + with_face, total + frames
    faces = f", a face in {seen} of {total} frames" if total else ""
    print(f"{len(paths)} recordings, {failed} with a broken rule{faces}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
