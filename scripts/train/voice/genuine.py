"""Genuine clips of speakers kept out of training, for `unmask eval` and scripts/eval/operating_point.py.

In:  DATA/train/manifest.csv. Out: a manifest (path,label,source,person) on standard output.

    python scripts/train/voice/genuine.py > genuine.csv
"""

import argparse
import csv
import sys
from pathlib import Path

import data


def main():
    """Prints the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/voice"))
    part = parser.parse_args().data.resolve() / "train"
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["path", "label", "source", "person"])
    for row in csv.DictReader((part / "manifest.csv").open()):
        if row["label"] == "real" and data.held_speaker(row["speaker"]):
            writer.writerow([part / row["path"], "real", row["source"].split(":")[0], row["speaker"]])


if __name__ == "__main__":
    main()
