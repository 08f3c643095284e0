"""Measures a network. On dev: EER and AUC overall, per kind, method and source, clean and through Opus 24 kb/s.

    python evaluate.py dev  --model models/voice-spectrum
    python evaluate.py held --checkpoint .runtime/train-voice/runs/vc-out/last.pt --leave-out family:vc

`held` scores cached clips that the training kept out: speakers and systems of the calibration part and, with
`--leave-out`, the left-out family or source. dev is for validation: nothing is chosen or fitted on it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from codecs_ffmpeg import CODECS, code_clips
from commands import parser_of
from data import Library, load_table
from prepare import FAMILIES
from real_sources import read_wave
from scoring import clip_score, figures, print_groups, scorer_of


def dev(args):
    """Prints the dev tables for the clean clips and for the same through Opus."""
    manifest = pd.read_csv(args.data / "dev" / "manifest.csv", keep_default_na=False)
    score = scorer_of(args)
    waves = [read_wave(args.data / "dev" / path) for path in manifest["path"]]
    opus = next(codec for codec in CODECS if codec.name == "opus24-20-voip")
    frame = pd.DataFrame(
        {
            "label": (manifest["label"] == "fake").astype(int),
            "kind": manifest["kind"].map(FAMILIES),
            "method": manifest["method"],
            "source": manifest["source"].str.split(":").str[0],
        }
    )
    for name, clips in (("clean", waves), ("Opus 24 kb/s", code_clips(waves, opus))):
        frame["score"] = [clip_score(score, wave) for wave in clips]
        print(f"dev, {name}: {figures(frame['label'], frame['score'])}  clips {len(frame)}")
        print_groups(frame, "kind")
        print_groups(frame, "method")
        print_sources(frame)


def print_sources(frame):
    """Each source alone, and where the source's real clips lie on the score scale."""
    for name, part in frame.groupby("source"):
        real, fake = part[part["label"] == 0]["score"], part[part["label"] == 1]["score"]
        print(
            f"  source   {name[:44]:44} real {len(real):3} mean {real.mean():6.2f}  "
            f"fake {len(fake):3} mean {fake.mean():6.2f}  {figures(part['label'], part['score'])}"
        )


def held_rows(args):
    """The rows to score: reals of held speakers, and held (or left-out) fakes, a capped number of each method."""
    table = load_table(args.cache, args.leave_out)
    table = table[table["variant"].eq("plain") == (args.variant == "plain")]
    real = table[
        (table["label"] == 0) & (table["left_out"] if args.leave_out and "source" in args.leave_out else table["held"])
    ]
    fake = table[(table["label"] == 1) & (table["left_out"] if args.leave_out else table["held"])]
    if args.leave_out:
        own = fake["origin"] != fake["id"].str.split("~").str[0]
        fake = fake[~own | fake["held"] | ("source" in args.leave_out)]
    fake = (
        fake.groupby("method", group_keys=False)
        .sample(frac=1.0, random_state=3)
        .groupby("method")
        .head(args.per_method)
    )
    real = real.sample(frac=1.0, random_state=3).groupby("speaker").head(args.per_speaker)
    return pd.concat([real, fake], ignore_index=True)


def held(args):
    """Prints the tables of the clips kept out of training."""
    rows = held_rows(args)
    library, score = Library(args.cache, rows), scorer_of(args)
    rows["score"] = [clip_score(score, library.wave(index)) for index in range(len(rows))]
    print(
        f"held, {args.variant}, leave-out {args.leave_out}: {figures(rows['label'], rows['score'])}  clips {len(rows)}"
    )
    print_groups(rows, "family")
    print_groups(rows, "method")
    if args.table:
        rows.to_csv(args.table, index=False)


def main():
    """Reads the arguments and prints one set of tables."""
    parser = parser_of(__doc__)
    parser.add_argument("part", choices=["dev", "held"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--checkpoint", nargs="+", help="averaged; PATH=3 weighs three times")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/voice"))
    parser.add_argument("--variant", choices=["plain", "coded"], default="plain")
    parser.add_argument("--leave-out")
    parser.add_argument("--per-method", type=int, default=30)
    parser.add_argument("--per-speaker", type=int, default=8)
    parser.add_argument("--table", type=Path, help="also write the scored rows here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    np.random.seed(0)
    {"dev": dev, "held": held}[args.part](args)


if __name__ == "__main__":
    main()
