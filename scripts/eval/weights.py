#!/usr/bin/env python3
"""Learns what a physical cue's sign weighs: how much more often it fires in masked calls than in genuine ones.

In:  real clips and real speech that no figure is quoted on, by manifest columns; the program.
Out: OUT/NN/{honest,masked}.mp4, one-minute calls as interviews.py makes them, a person each; on standard output the
     calls of either class in which each sign fired, and the lines for the configuration's [verdict.weights]:
     ln(P(fires | masked) / P(fires | genuine)) with half a call added to either count, none below zero, and none for
     a sign that never fired in a masked call.
The masks are our own simulation (a swap that drops out for single frames), and the sound is another's, so that nothing
is learned here of lip sync. Calls that are there already are kept.

    .runtime/tools/bin/python scripts/eval/weights.py --unmask target/release/unmask
"""

import argparse
import json
import math
import subprocess
from collections import Counter
from pathlib import Path

import interviews

# The mask is on from 10 to 50 s of a minute; genuine calls have no such stretch.
MINUTES, MASKED, NEVER = 1, (10, 50), (0, 0)
# Signs of a network's own score, which is counted already.
NETWORKS = ("face_suspicious", "voice_suspicious", "face_changed")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--out", type=Path, default=Path(".runtime/eval/weights"))
    parser.add_argument("--faces", type=Path, default=Path("../shared/data/face/train_video/manifest.csv"))
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/voice/train/manifest.csv"))
    parser.add_argument("--calls", type=int, default=20, help="of either class, each with another person")
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--fps", default="5", help="frames a second that the program analyses")
    return parser.parse_args()


def first_of(rows, key, count):
    """The `count` values of a column that have most seconds, longest first."""
    seconds = Counter()
    for row in rows:
        seconds[row[key]] += float(row["seconds"])
    return [value for value, _ in seconds.most_common(count)]


def calls(args):
    """Folders with a genuine and a masked call of a person each."""
    people = first_of(interviews.real(args.faces), "person", args.calls)
    speakers = first_of(interviews.real(args.voices), "speaker", args.calls)
    for number, (person, speaker) in enumerate(zip(people, speakers)):
        folder = args.out / f"{number:02}"
        folder.mkdir(parents=True, exist_ok=True)
        one = argparse.Namespace(
            out=folder, faces=args.faces, person=person, voices=args.voices, speaker=speaker,
            minutes=MINUTES, height=args.height, seed=number,
        )
        for masked, name in ((False, "honest"), (True, "masked")):
            if not (folder / f"{name}.mp4").exists():
                interviews.make(one, masked, MASKED if masked else NEVER)
        yield folder


def signs(args, path):
    """Kinds of cues' signs that fired in a call."""
    command = [args.unmask, "scan", path, "--format", "jsonl", "--fps", args.fps]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    events = [record for record in map(json.loads, lines) if record["type"] == "event"]
    return {e["kind"] for e in events if e["class"] == "sign" and e["kind"] not in NETWORKS}


def main():
    args = arguments()
    fired, count = {"honest": Counter(), "masked": Counter()}, 0
    for folder in calls(args):
        count += 1
        for name, kinds in fired.items():
            kinds.update(signs(args, folder / f"{name}.mp4"))
    print(f"# {count} calls of either class\n[verdict.weights]")
    for kind in sorted(fired["masked"] | fired["honest"]):
        masked, genuine = fired["masked"][kind], fired["honest"][kind]
        weight = max(0.0, math.log((masked + 0.5) / (genuine + 0.5))) if masked else 0.0
        print(f"{kind} = {weight:.2f}  # masked {masked}, genuine {genuine}")


if __name__ == "__main__":
    main()
