"""Fills the cache: the train clips, fakes made from the real ones, and both again through codecs.

In: the train manifest and its clips, optionally folders of more real speech. Out: stores under `--cache`
(`base`, `calls`, `made`, `own`, `neural`, `read`, `coded`). Every stage skips what is there, so a stopped run goes on.

    for stage in base made own neural read coded; do python prepare.py $stage; done
"""

import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import changers
import dsp_vocoders
import live_changers
import redrawn_voices
import splice_changers
import synthesisers
from channel import coded_variant
from codecs_ffmpeg import CODECS, code_clips
from commands import parser_of
from game_sources import drascula_lines, queen_lines, sky_lines
from neural_vocoders import bent_mel, hifigan_render, load_hifigan, melgan_render
from own_vocoders import Quantiser, load_vocoder, render
from real_sources import add_folder, add_lines, read_wave
from store import RATE, Store, levelled
from traces import TRACES, same_colour

FAMILIES = {"tts": "tts", "vc": "vc", "vocoder-resynthesis": "vocoder", "voice-changer": "changer", "real": "real"}
MADE = (
    [(name, "vocoder", tool) for name, tool in dsp_vocoders.SYSTEMS.items()]
    + [(name, "changer", tool) for name, tool in changers.CHANGERS.items()]
    + [(name, "vc", tool) for name, tool in changers.CONVERSIONS.items()]
    + [(name, "vocoder", tool) for name, tool in TRACES.items()]
)
LIVE_TOOLS = [(name, "changer", tool) for name, tool in live_changers.LIVE.items()]
SPLICERS = [(name, "changer", tool) for name, tool in splice_changers.SPLICERS.items()]
REDRAWN = redrawn_voices.REDRAWN


def seeded(*parts):
    """A generator that depends only on the given words: the same clip always gets the same settings."""
    return np.random.default_rng(zlib.crc32("|".join(map(str, parts)).encode()))


def base(args):
    """Caches the manifest's clips and, from `--real-folder NAME=FOLDER=PATTERN`, more real speech."""
    store = Store(args.cache / "base")
    manifest = pd.read_csv(args.data / "train" / "manifest.csv", keep_default_na=False)
    for row in manifest.itertuples():
        if store.has(row.path):
            continue
        store.append(
            row.path,
            levelled(read_wave(args.data / "train" / row.path)),
            label=int(row.label == "fake"),
            family=FAMILIES[row.kind],
            method=row.method,
            speaker=row.speaker,
            source=row.source.split(":")[0],
            origin=row.path,
            variant="plain",
        )
    for entry in args.real_folder:
        name, folder, pattern = entry.split("=", 2)
        add_folder(store, name, Path(folder), pattern, args.per_speaker)
    if args.queen:
        add_lines(store, "queen", queen_lines(args.queen), 10)
    if args.drascula:
        add_lines(store, "drascula", drascula_lines(args.drascula), 60)
    print("base", len(store.ids))


def calls(args):
    """Speech for false_alarms.py alone, in a store that no training reads: lines of Beneath a Steel Sky."""
    store = Store(args.cache / "calls")
    add_lines(store, "sky", sky_lines(args.sky), 200)
    print("calls", len(store.ids), store.table()["length"].sum() // (60 * RATE), "minutes")


def real_clips(args):
    """Yields (row, float wave) of every real clip in the base store, in a fixed shuffled order."""
    store = Store(args.cache / "base")
    table, samples = store.table(), store.mapped()
    table = table[table["label"] == 0].sample(frac=1.0, random_state=7)
    for row in table.itertuples():
        yield row, samples[row.offset : row.offset + row.length].astype(np.float32) / 32768


def keep(store, clip_id, row, real, wave, method, family):
    """Adds a fake made from the real clip `row`, in the real one's colour, unless the tool failed on it.

    Conversions and changers move formants, so half of them keep the colour they got.
    """
    wave = np.asarray(wave, dtype=np.float32)
    if len(wave) < RATE or not np.isfinite(wave).all() or np.abs(wave).max() < 1e-4:
        return
    if family == "vocoder" or seeded(clip_id, "colour").random() < 0.5:
        wave = same_colour(wave, real)
    store.append(
        clip_id,
        levelled(wave),
        label=1,
        family=family,
        method=method,
        speaker=row.speaker,
        source=row.source,
        origin=row.id,
        variant="plain",
    )


def made(args):
    """For each real clip, `--systems` tools, `--live` real-time changers, sometimes a splicer or a redrawn voice."""
    store = Store(args.cache / "made")
    for row, wave in real_clips(args):
        picks = [MADE[pick] for pick in seeded(row.id, "made").permutation(len(MADE))[: args.systems]]
        picks += [LIVE_TOOLS[pick] for pick in seeded(row.id, "live").permutation(len(LIVE_TOOLS))[: args.live]]
        rng = seeded(row.id, "splice")
        picks += [SPLICERS[rng.integers(len(SPLICERS))]] if rng.random() < args.splice else []
        rng = seeded(row.id, "redrawn")
        picks += [REDRAWN[rng.integers(len(REDRAWN))]] if rng.random() < args.redrawn else []
        for name, family, tool in picks:
            clip_id = f"{row.id}#{name}"
            if not store.has(clip_id):
                torch.manual_seed(len(name))
                keep(store, clip_id, row, wave, tool(wave, seeded(clip_id)), name, family)
    print("made", len(store.ids))


def own(args):
    """For each real clip, copies through `--copies` of our own vocoders (train_vocoders.py makes them).

    Of a share `--converted` also one whose mel frames were bent (a conversion) or put into a codec's few words.
    """
    store, paths = Store(args.cache / "own"), sorted(args.vocoders.glob("*.pt"))
    tools = {path.stem: load_vocoder(path, args.device) for path in paths}
    words = {name: Quantiser(tool, real_clips(args)) for name, tool in tools.items()}
    for row, wave in real_clips(args):
        picks = [(name, "", None) for name in seeded(row.id, "own").permutation(list(tools))[: args.copies]]
        rng = seeded(row.id, "own conversion")
        if rng.random() < args.converted:
            name, bend = str(rng.choice(list(tools))), rng.random() < 0.5
            change = (lambda mel, rng=rng: bent_mel(mel, rng)) if bend else words[name].coded
            picks.append((name, "-conversion" if bend else "-words", change))
        for name, kind, change in picks:
            clip_id = f"{row.id}#own-{name}{kind}"
            if not store.has(clip_id):
                made_wave, family = render(wave, tools[name], change), "vc" if kind else "vocoder"
                keep(store, clip_id, row, wave, made_wave, f"own-{name}{kind}", family)
    print("own", len(store.ids))


def neural(args):
    """Copies and bent-mel conversions by packaged vocoders; HiFi-GAN, slower than time, takes clips under 3 s."""
    store = Store(args.cache / "neural")
    networks = {name: load_hifigan(name, args.device) for name in ("universal", "LJSpeech")}
    short = [(row, wave) for row, wave in real_clips(args) if len(wave) < 3 * RATE]
    for row, wave in short[: args.neural_clips]:
        rng = seeded(row.id, "neural")
        name = "universal" if rng.random() < 0.75 else "LJSpeech"
        bend = bool(rng.random() < 0.4)
        method = f"hifigan-{name.lower()}-{'conversion' if bend else 'copy'}"
        if not store.has(f"{row.id}#{method}"):
            made_wave = hifigan_render(wave, rng, networks[name], bend)
            keep(store, f"{row.id}#{method}", row, wave, made_wave, method, "vc" if bend else "vocoder")
    for row, wave in real_clips(args):
        share, bend = seeded(row.id, "bend").random(2) < (args.melgan, 0.5)
        if not share:
            continue
        method = f"mb-melgan-{'conversion' if bend else 'copy'}"
        if not store.has(f"{row.id}#{method}"):
            made_wave = melgan_render(wave, seeded(row.id, "melgan"), bend)
            keep(store, f"{row.id}#{method}", row, wave, made_wave, method, "vc" if bend else "vocoder")
    print("neural", len(store.ids))


def read(args):
    """`--read-clips` sentences by each synthesiser of synthesisers.py."""
    store = Store(args.cache / "read")
    for name, tool in synthesisers.tools().items():
        for number in range(args.read_clips):
            clip_id = f"read#{name}#{number}"
            if not store.has(clip_id):
                rng = seeded(clip_id)
                wave = synthesisers.in_a_room(tool(rng), rng)
                store.append(
                    clip_id,
                    levelled(wave[: 8 * RATE]),
                    label=1,
                    family="tts",
                    method=name,
                    speaker=f"{name}_{number % 20}",
                    source="read",
                    origin=clip_id,
                    variant="plain",
                )
    print("read", len(store.ids))


def coded(args):
    """A share `--coded` of the cached clips once more through the channel's first half and a real codec, `--rounds` times.

    Share, channel and codec hang on the real clip of origin, so a fake and its real go the same way.
    """
    store = Store(args.cache / "coded")
    for round_number in range(args.rounds):
        for stage in ("base", "neural", "read", "own", "made"):
            if not (args.cache / stage).exists():
                continue
            source = Store(args.cache / stage)
            samples, groups = source.mapped(), {}
            for row in source.table().itertuples():
                if seeded(row.origin, "coded").random() < args.coded and not store.has(f"{row.id}~{round_number}"):
                    pick = int(seeded(row.origin, round_number, "codec").integers(len(CODECS)))
                    groups.setdefault(pick, []).append(row)
            for pick, rows in groups.items():
                for start in range(0, len(rows), 64):
                    code_shard(store, rows[start : start + 64], samples, round_number, CODECS[pick])
    print("coded", len(store.ids))


def code_shard(store, rows, samples, round_number, codec):
    """Codes up to 64 clips in one call of the encoder and caches them."""
    waves = []
    for row in rows:
        wave = samples[row.offset : row.offset + row.length].astype(np.float32) / 32768
        waves.append(coded_variant(wave, seeded(row.origin, round_number)))
    for row, wave in zip(rows, code_clips(waves, codec)):
        store.append(
            f"{row.id}~{round_number}",
            levelled(wave),
            label=row.label,
            family=row.family,
            method=row.method,
            speaker=row.speaker,
            source=row.source,
            origin=row.origin,
            variant=codec.name,
        )


STAGES = {"base": base, "calls": calls, "made": made, "own": own, "neural": neural, "read": read, "coded": coded}


def main():
    """Reads the arguments and runs one stage."""
    parser = parser_of(__doc__)
    parser.add_argument("stage", choices=list(STAGES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/voice"))
    parser.add_argument("--real-folder", action="append", default=[], help="NAME=FOLDER=PATTERN of more real speech")
    parser.add_argument("--queen", type=Path, help="queen.1c of the package flight-of-the-amazon-queen")
    parser.add_argument("--drascula", type=Path, help="the folder of Drascula's lines (*.ALS)")
    parser.add_argument("--sky", type=Path, help="the folder of Beneath a Steel Sky")
    parser.add_argument("--per-speaker", type=int, default=120)
    parser.add_argument("--systems", type=int, default=2)
    parser.add_argument("--live", type=int, default=1)
    parser.add_argument("--splice", type=float, default=0.5, help="share of the clips")
    parser.add_argument("--redrawn", type=float, default=0.5, help="share of the clips")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--converted", type=float, default=0.3, help="share of the clips")
    parser.add_argument("--vocoders", type=Path, default=Path(".runtime/train-voice/vocoders"))
    parser.add_argument("--neural-clips", type=int, default=400)
    parser.add_argument("--melgan", type=float, default=0.3, help="share of the clips")
    parser.add_argument("--read-clips", type=int, default=120)
    parser.add_argument("--coded", type=float, default=1.0, help="share of the clips")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    STAGES[args.stage](args)


if __name__ == "__main__":
    main()
