#!/usr/bin/env python3
"""People who appear under two names, in labelled clips.

In:  a manifest with the columns path,label,person (as `unmask eval` takes it), the program.
Out: how many of the people with two genuine clips or more `unmask scan --link` puts together when each clip has a name
     of its own, and how many groups hold different people.

    scripts/eval/link.py clips.csv --unmask target/release/unmask [--out DIR] [--fps 5] [--min-views 2]
    scripts/eval/link.py ../shared/data/voice/train/manifest.csv --person speaker --join 36

Every genuine clip is scanned under the name of its file. With --join, clips of sound are first joined into calls of
that many seconds, two a person whose clips suffice, one else; no clip is in both. A group counts as found when it holds
two calls of one person and nobody else; a group with two people in it is false.
"""

import argparse
import collections
import csv
import json
import subprocess
import tempfile
from pathlib import Path


def genuine(manifest, column):
    """[(path, person)] of the genuine clips that say who is in them."""
    with open(manifest, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "real" and row.get(column)]
    return [(manifest.parent / row["path"], row[column]) for row in rows]


def seconds(path):
    """Length of a recording."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def joined(clips, length, folder):
    """[(path, person)] of calls of `length` seconds of sound: two a person where the clips suffice, else one."""
    of, calls = collections.defaultdict(list), []
    for path, who in clips:
        of[who].append(path)
    folder.mkdir()
    for number, (who, paths) in enumerate(sorted(of.items())):
        for part in range(2):
            taken = []
            while paths and sum(map(seconds, taken)) < length:
                taken.append(paths.pop(0))
            if sum(map(seconds, taken)) < length:
                break
            path, listed = folder / f"{number:03}-{part}.flac", folder / "clips.txt"
            listed.write_text("".join(f"file '{p}'\n" for p in taken))
            concat = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", listed, "-ar", "16000", path]
            subprocess.run(concat, check=True)
            calls.append((path, who))
    return calls


def report(name, found, person):
    """Prints how a kind of print did; `person` says who is in a call of that name."""
    often = collections.Counter(person.values())
    several, right, false = {who for who, count in often.items() if count > 1}, set(), []
    for group in found["groups"]:
        people = {person[member["candidate"]] for member in group["calls"]}
        if len(people) == 1:
            right |= people
        else:
            false.append(sorted(people))
    print(f"{name}: {len(person)} calls of {len(often)} people, {len(found['not_compared'])} not compared")
    print(f"  people with two calls or more: {len(several)}, of whom {len(right & several)} were put together")
    print(f"  groups with different people: {len(false)} {false if false else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--out", type=Path, help="keeps the results here")
    parser.add_argument("--fps", default="5")
    parser.add_argument("--min-views", help="clear views a clip needs (default: the program's)")
    parser.add_argument("--same-voice-at", help="largest distance of two voices of one person (default: the program's)")
    parser.add_argument("--person", default="person", help="the manifest's column that says who it is")
    parser.add_argument("--join", type=float, help="join clips of sound into calls of so many seconds")
    options = parser.parse_args()
    clips = genuine(options.manifest.resolve(), options.person)
    with tempfile.TemporaryDirectory() as folder:
        if options.join:
            clips = joined(clips, options.join, Path(folder) / "calls")
        out = options.out or Path(folder) / "out"
        listed = Path(folder) / "calls.txt"
        listed.write_text("".join(f"{path}\t{path.stem}\n" for path, _ in clips))
        command = [options.unmask, "scan", listed, "--out", out, "--fps", options.fps, "--link", "--consent"]
        command += ["an evaluation on labelled clips", "--link-key", Path(folder) / "link.key"]
        limits = {"min_views": options.min_views, "same_voice_at": options.same_voice_at}
        config = Path(folder) / "link.toml"
        config.write_text("[link]\n" + "".join(f"{key} = {value}\n" for key, value in limits.items() if value))
        command += ["--config", config]
        subprocess.run(list(map(str, command)), check=False)
        links = json.loads((out / "links.json").read_text())
    for name in ("face", "voice"):
        report(name, links[name], {path.stem: who for path, who in clips})


if __name__ == "__main__":
    main()
