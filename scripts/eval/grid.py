#!/usr/bin/env python3
"""The codec grid of the face network: picture sizes against H.264 quality, the same clips in every cell.

In:  a manifest of labelled clips (path,label,…), the program.
Out: OUT/<size>-<crf>/ with the clips so encoded and the program's report, and two Markdown tables on standard output:
     AUC of the masked clips of --kind and of all masked clips, with what each loses against the first cell, and how
     many genuine clips are flagged. A cell that is there is kept; remove OUT/*/report.json after a change of the
     program or of the network.

    scripts/eval/grid.py ../shared/data/face/dev/manifest.csv --unmask target/release/unmask
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SIZES, FACTORS = (640, 360, 240), (23, 30, 36)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--models", type=Path, help="folder of the models, if not the program's own")
    parser.add_argument("--out", type=Path, default=Path(".runtime/eval/grid"))
    parser.add_argument("--fps", default="5", help="frames a second that the program analyses")
    parser.add_argument("--kind", default="faceswap")
    return parser.parse_args()


def cell(args, size, factor):
    """The program's figures on the faces of one cell."""
    folder = args.out / f"{size}-{factor}"
    path = folder / "report.json"
    if not path.exists():
        command = [sys.executable, HERE / "transcode.py", args.manifest, folder]
        command += ["--longest", str(size), "--crf", str(factor)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        scan = [args.unmask, "eval", folder / "manifest.csv", "--fps", args.fps, "--json", "--jobs", "1"]
        scan += ["--models", args.models] if args.models else []
        text = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        path.with_suffix(".part").write_text(text)
        path.with_suffix(".part").rename(path)
    return next(f for f in json.loads(path.read_text())["figures"] if f["modality"] == "face")


def table(title, head, rows):
    print(f"| {title} | " + " | ".join(head) + " |\n|" + "---|" * (len(head) + 1))
    for name, values in rows:
        print(f"| {name} | " + " | ".join(values) + " |")
    print()


def main():
    args = arguments()
    cells = {(s, f): cell(args, s, f) for s in SIZES for f in FACTORS}
    head = [f"crf {f}" for f in FACTORS]
    takes = {
        args.kind: lambda figures: next((k["auc"] for k in figures["kinds"] if k["name"] == args.kind), None),
        "all masked clips": lambda figures: figures["auc"],
    }
    for name, take in takes.items():
        best = take(cells[SIZES[0], FACTORS[0]])["value"]
        rows = []
        for s in SIZES:
            found = [take(cells[s, f]) for f in FACTORS]
            shown = [f"{a['value']:.3f} [{a['low']:.2f}–{a['high']:.2f}], {best - a['value']:+.3f}" for a in found]
            rows.append((f"{s} px", shown))
        table(f"AUC, {name} (loss)", head, rows)
    rows = []
    for s in SIZES:
        rates = [(cells[s, f]["bpcer"], cells[s, f]["abstain"]) for f in FACTORS]
        shown = [f"{100 * b['value']:.1f} % of {b['of']}, {100 * a['value']:.0f} %" for b, a in rates]
        rows.append((f"{s} px", shown))
    table("genuine flagged, abstained", head, rows)


if __name__ == "__main__":
    main()
