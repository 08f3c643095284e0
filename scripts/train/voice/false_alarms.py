"""False alarms on more than an hour of real speech: 10-minute calls of real speakers that the training never heard.

    python false_alarms.py --model models/voice-spectrum

In: held-out real speakers of the cache. Each call keeps to one source (its speakers take turns, as in a meeting
recorded one way) and goes through one channel and codec; a source with little held-out speech repeats it. Scores
are pooled and judged as the program does (src/fuse) with its defaults: windows of 4 s with a hop of 1 s, the mean
log-odds of the call, and signs found when the mean less its standard error reaches p = 0.797; in p, only a share
of the masks counts as visible to the network.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from channel import after_codec, before_codec, finished
from codecs_ffmpeg import CODECS, code_clips
from commands import parser_of
from data import Library, load_table
from scoring import WINDOW, onnx_scorer
from store import Store

RATE, CALL = 16_000, 600 * 16_000
SIGNS_AT, SEEN_SHARE, HOPS_A_WINDOW = 0.797, 0.5, 4  # verdict.voice of the configuration


def speech_of(library, rows, rng):
    """Ten minutes of speech: the clips in a random order with pauses of 0.2-0.8 s, again from the start if short."""
    parts, size = [], 0
    while size < CALL:
        for row in rng.permutation(rows):
            pause = rng.standard_normal(int(rng.uniform(0.2, 0.8) * RATE)) * 1e-4
            parts += [library.wave(int(row)), pause.astype(np.float32)]
            size += len(parts[-2]) + len(pause)
    return np.concatenate(parts)[:CALL]


def through_a_call(wave, rng):
    """The whole call through one sender, one Opus setting and one receiver; minute by minute, to save memory."""
    opus = [codec for codec in CODECS if codec.name.startswith(("opus16", "opus20", "opus24", "opus32"))]
    codec, seed = opus[int(rng.integers(len(opus)))], int(rng.integers(1 << 31))
    minutes = [before_codec(part, np.random.default_rng(seed)) for part in np.split(wave, 10)]
    minutes = [part / (np.abs(part).max() + 1e-9) * 0.5 for part in minutes]
    coded = code_clips(minutes, codec)
    parts = [finished(after_codec(part, np.random.default_rng(seed + 1)), rng) for part in coded]
    return np.concatenate(parts), codec.name


def log_odds(score, wave, scale, offset):
    """Calibrated log-odds of every window of the call."""
    starts = range(0, len(wave) - WINDOW + 1, RATE)
    logits = [score(wave[start : start + WINDOW][None].astype(np.float32))[0] for start in starts]
    return scale * np.array(logits) + offset


def verdict(odds):
    """The program's finding on a call: (probability, the same at the low end of its standard error, signs found)."""
    error = np.sqrt(np.var(odds, ddof=1) * HOPS_A_WINDOW / len(odds))
    mixed = [SEEN_SHARE * np.exp(x) + 1 - SEEN_SHARE for x in (odds.mean(), odds.mean() - error)]
    p, low = (x / (1 + x) for x in mixed)
    return p, low, bool(low >= SIGNS_AT)


def held_speech(cache, sky_calls):
    """Held-out real clips, a source a call, and lines of a game whose every line is held out, ten minutes a call."""
    table = load_table(cache)
    table = table[(table["label"] == 0) & table["held"] & (table["stage"] == "base")]
    if not (cache / "calls" / "clips.csv").exists():
        return table
    sky = Store(cache / "calls").table().assign(stage="calls").sort_values(["speaker", "id"])
    call = sky["length"].cumsum() // (int(0.97 * CALL))
    sky["source"] = "sky, part " + (call + 1).astype(str)
    return pd.concat([table, sky[call < sky_calls]], ignore_index=True)


def main():
    """Builds the calls, scores them and prints each verdict."""
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/voice-spectrum"))
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--sky-calls", type=int, default=6)
    args = parser.parse_args()
    torch.set_num_threads(1)
    toml = (args.model / "model.toml").read_text()
    scale, offset = (float(re.search(rf"^{name} = (\S+)", toml, re.M)[1]) for name in ("scale", "offset"))
    table = held_speech(args.cache, args.sky_calls)
    library, score = Library(args.cache, table), onnx_scorer(args.model)
    seconds = library.table.groupby("source")["length"].sum().sort_values(ascending=False) / RATE
    found = 0
    for number, source in enumerate(seconds.index[: args.calls]):
        rng = np.random.default_rng(number)
        rows = library.table.index[library.table["source"] == source].to_numpy()
        wave, codec = through_a_call(speech_of(library, rows, rng), rng)
        odds = log_odds(score, wave, scale, offset)
        p, low, signs = verdict(odds)
        found += signs
        speakers = library.table.loc[rows, "speaker"].nunique()
        print(
            f"call {number} {source[:30]:30} {speakers:3} speakers {min(seconds[source], 600):4.0f} s distinct  "
            f"{codec:18} p {p:.3f} low {low:.3f} mean log-odds {odds.mean():5.2f}  "
            f"{'SIGNS FOUND' if signs else 'no alarm'}",
            flush=True,
        )
    distinct = seconds.clip(upper=600).iloc[: args.calls].sum() / 60
    print(f"BPCER {100 * found / (number + 1):.1f} % of {number + 1} calls, {distinct:.0f} distinct minutes")


if __name__ == "__main__":
    main()
