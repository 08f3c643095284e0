"""What the commands of this folder share: the start of their argument parsers."""

import argparse
from pathlib import Path


def parser_of(text):
    """A parser with the module's text as its help and the option `--cache` that every step has."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-voice/cache"))
    return parser
