"""Fills the cache: the train clips, fakes made from the real ones, and both again through codecs.

In: the train manifest and its clips, optionally folders of more real speech. Out: stores under `--cache`
(`base`, `made`, `neural`, `read`, `coded`). Every stage skips what is there, so a stopped run goes on.

    for stage in base made neural read coded; do python prepare.py $stage; done
"""

import argparse
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from scipy.signal import resample_poly

import changers
import dsp_vocoders
import synthesisers
from channel import coded_variant
from codecs_ffmpeg import CODECS, code_clips
from neural_vocoders import hifigan_render, load_hifigan
from store import RATE, Store, levelled
from traces import TRACES, same_colour

FAMILIES = {"tts": "tts", "vc": "vc", "vocoder-resynthesis": "vocoder", "voice-changer": "changer", "real": "real"}
MADE = (
    [(name, "vocoder", tool) for name, tool in dsp_vocoders.SYSTEMS.items()]
    + [(name, "changer", tool) for name, tool in changers.CHANGERS.items()]
    + [(name, "vc", tool) for name, tool in changers.CONVERSIONS.items()]
    + [(name, "vocoder", tool) for name, tool in TRACES.items()]
)


def seeded(*parts):
    """A generator that depends only on the given words: the same clip always gets the same settings."""
    return np.random.default_rng(zlib.crc32("|".join(map(str, parts)).encode()))


def read_wave(path):
    """An audio file in, mono float32 at 16 kHz out."""
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = wave.mean(axis=1)
    if rate != RATE:
        divisor = np.gcd(rate, RATE)
        wave = resample_poly(wave, RATE // divisor, rate // divisor).astype(np.float32)
    return wave


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
        add_real_folder(store, name, Path(folder), re.compile(pattern), args.per_speaker)
    print("base", len(store.ids))


def add_real_folder(store, name, folder, pattern, per_speaker):
    """Caches up to `per_speaker` real clips of 1.5-8 s; the pattern's groups, found in a path, name the speaker."""
    taken = {}
    files = sorted(folder.rglob("*.ogg"), key=lambda path: zlib.crc32(path.name.encode()))
    for path in files:
        match = pattern.search(str(path))
        if not match:
            continue
        speaker = "_".join([name, *match.groups()])
        if taken.get(speaker, 0) >= per_speaker or not 1.5 <= soundfile.info(path).duration <= 8:
            continue
        taken[speaker] = taken.get(speaker, 0) + 1
        if not store.has(path.name + speaker):
            store.append(
                path.name + speaker,
                levelled(read_wave(path)),
                label=0,
                family="real",
                method="real",
                speaker=speaker,
                source=name,
                origin=path.name + speaker,
                variant="plain",
            )


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
    """For each real clip, `--systems` of the ordinary tools, drawn anew for every clip."""
    store = Store(args.cache / "made")
    for row, wave in real_clips(args):
        picks = seeded(row.id, "made").permutation(len(MADE))[: args.systems]
        for pick in picks:
            name, family, tool = MADE[pick]
            clip_id = f"{row.id}#{name}"
            if not store.has(clip_id):
                torch.manual_seed(pick)
                keep(store, clip_id, row, wave, tool(wave, seeded(clip_id)), name, family)
    print("made", len(store.ids))


def neural(args):
    """HiFi-GAN copies and bent-mel conversions of `--neural-clips` real clips."""
    store = Store(args.cache / "neural")
    networks = {name: load_hifigan(name, args.device) for name in ("universal", "LJSpeech")}
    for count, (row, wave) in enumerate(real_clips(args)):
        if count >= args.neural_clips:
            break
        rng = seeded(row.id, "neural")
        name = "universal" if rng.random() < 0.75 else "LJSpeech"
        bend = bool(rng.random() < 0.4)
        method = f"hifigan-{name.lower()}-{'conversion' if bend else 'copy'}"
        clip_id = f"{row.id}#{method}"
        if not store.has(clip_id):
            made_wave = hifigan_render(wave, rng, networks[name], bend)
            keep(store, clip_id, row, wave, made_wave, method, "vc" if bend else "vocoder")
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
    """Every cached clip once more through the channel's first half and a real codec, `--rounds` times.

    Channel and codec hang on the real clip of origin, so a fake and its real go the same way.
    """
    store = Store(args.cache / "coded")
    for round_number in range(args.rounds):
        for stage in ("base", "neural", "read", "made"):
            source = Store(args.cache / stage)
            samples, groups = source.mapped(), {}
            for row in source.table().itertuples():
                if not store.has(f"{row.id}~{round_number}"):
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


def main():
    """Reads the arguments and runs one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["base", "made", "neural", "read", "coded"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/voice"))
    parser.add_argument("--cache", type=Path, default=Path(".runtime/train-voice/cache"))
    parser.add_argument("--real-folder", action="append", default=[], help="NAME=FOLDER=PATTERN of more real speech")
    parser.add_argument("--per-speaker", type=int, default=120)
    parser.add_argument("--systems", type=int, default=6)
    parser.add_argument("--neural-clips", type=int, default=400)
    parser.add_argument("--read-clips", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    {"base": base, "made": made, "neural": neural, "read": read, "coded": coded}[args.stage](args)


if __name__ == "__main__":
    main()
