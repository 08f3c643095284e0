#!/usr/bin/env python3
"""People who appear under two names, in labelled clips.

In:  a manifest with the columns path,label,person (as `unmask eval` takes it), the program.
Out: how many of the people with two genuine clips or more `unmask scan --link` puts together when each clip has a name
     of its own, and how many groups hold different people.

    scripts/eval/link.py clips.csv --unmask target/release/unmask [--out DIR] [--fps 5] [--min-views 2]

Every genuine clip is scanned under the name of its file. A group counts as found when it holds two clips of one person
and nobody else; a group with two people in it is false.
"""

import argparse
import collections
import csv
import json
import subprocess
import tempfile
from pathlib import Path


def genuine(manifest):
    """[(path, person)] of the genuine clips that say who is in them."""
    with open(manifest, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "real" and row.get("person")]
    return [(manifest.parent / row["path"], row["person"]) for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--out", type=Path, help="keeps the results here")
    parser.add_argument("--fps", default="5")
    parser.add_argument("--min-views", help="clear views a clip needs (default: the program's)")
    options = parser.parse_args()
    clips = genuine(options.manifest.resolve())
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "out"
        listed = Path(folder) / "calls.txt"
        listed.write_text("".join(f"{path}\t{path.stem}\n" for path, _ in clips))
        command = [options.unmask, "scan", listed, "--out", out, "--fps", options.fps, "--link", "--consent"]
        command += ["an evaluation on labelled clips", "--link-key", Path(folder) / "link.key"]
        if options.min_views:
            config = Path(folder) / "link.toml"
            config.write_text(f"[link]\nmin_views = {options.min_views}\n")
            command += ["--config", config]
        subprocess.run(list(map(str, command)), check=False)
        links = json.loads((out / "links.json").read_text())
    person = {path.stem: who for path, who in clips}
    often = collections.Counter(person.values())
    several = {who for who, count in often.items() if count > 1}
    found, false = set(), []
    for group in links["groups"]:
        people = {person[member["candidate"]] for member in group["calls"]}
        if len(people) == 1:
            found |= people
        else:
            false.append(sorted(people))
    print(f"{len(clips)} clips of {len(often)} people, {len(links['not_compared'])} not compared")
    print(f"people with two clips or more: {len(several)}, of whom {len(found & several)} were put together")
    print(f"groups with different people: {len(false)} {false if false else ''}")


if __name__ == "__main__":
    main()
