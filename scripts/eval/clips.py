"""Another version of every clip of a manifest. In: a manifest (path,…), a folder, a function (source path, target path).
Out: the clips in the folder and a manifest of them with the same columns. Clips that are there already are kept, so that
an interrupted run goes on."""

import csv
import sys


def convert_all(manifest, out, convert):
    """Converts each clip to OUT/clips/NNNN-name.mkv and writes OUT/manifest.csv."""
    with manifest.open(newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames, list(reader)
    (out / "clips").mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        source = manifest.parent / row["path"]
        name = f"{i:04}-{source.stem}.mkv"
        if not (out / "clips" / name).exists():
            convert(source, out / "clips" / name)
        row["path"] = f"clips/{name}"
        if sys.stderr.isatty():
            print(f"\r{i + 1} of {len(rows)}", end="", file=sys.stderr)
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    print(out / "manifest.csv")
