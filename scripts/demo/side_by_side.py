"""Print text files beside one another, or below one another where the terminal is narrow.

In:  paths of text files; each column is headed by its file's name.
Out: stdout, at most 160 columns wide (or COLUMNS, or the terminal's width, if smaller).
"""

import itertools
import shutil
import sys
import textwrap
from pathlib import Path

GAP = " │ "
NARROWEST = 56


def wrap(line, width):
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, width, subsequent_indent=indent, replace_whitespace=False) or [""]


def main(paths):
    total = min(shutil.get_terminal_size((160, 24)).columns, 160)
    width = (total - len(GAP) * (len(paths) - 1)) // len(paths)
    stacked = width < NARROWEST
    columns = []
    for path in map(Path, paths):
        lines = [path.name, "─" * (total if stacked else width), *path.read_text().splitlines()]
        columns.append([part for line in lines for part in wrap(line, total if stacked else width)])
    if stacked:
        print("\n\n".join("\n".join(column) for column in columns))
        return
    for row in itertools.zip_longest(*columns, fillvalue=""):
        print(GAP.join(cell.ljust(width) for cell in row).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
