"""Real codecs through ffmpeg: a list of waves goes in, the same waves decoded again come out, still aligned.

Many clips go through one call, with silence between them, because starting the encoder costs more than running it.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE, GAP = 16_000, 4_000


@dataclass(frozen=True)
class Codec:
    """How to code: ffmpeg's encoder arguments, the container's suffix and the rate it runs at."""

    name: str
    arguments: str
    suffix: str
    rate: int


def opus(rate_kbit, frame=20, application="voip", rate=16_000):
    """An Opus setting as calls use it."""
    text = f"-c:a libopus -b:a {rate_kbit}k -frame_duration {frame} -application {application}"
    return Codec(f"opus{rate_kbit}-{frame}-{application}", text, ".ogg", rate)


CODECS = [
    opus(12),
    opus(16),
    opus(20),
    opus(24),
    opus(24, 60),
    opus(32),
    opus(48, 20, "audio", 48_000),
    opus(32, 20, "audio", 48_000),
    opus(16, 40),
    opus(10),
    opus(24, 20, "voip", 48_000),
    Codec("none", "-c:a pcm_s16le", ".wav", 48_000),
    Codec("g722", "-c:a g722", ".wav", 16_000),
    Codec("g711a", "-c:a pcm_alaw", ".wav", 8_000),
    Codec("g711u", "-c:a pcm_mulaw", ".wav", 8_000),
    Codec("gsm", "-c:a libgsm", ".gsm", 8_000),
    Codec("speex-wb", "-c:a libspeex -b:a 22k", ".ogg", 16_000),
    Codec("speex-nb", "-c:a libspeex -b:a 11k", ".ogg", 8_000),
    Codec("aac32", "-c:a aac -b:a 32k", ".m4a", 16_000),
    Codec("aac48", "-c:a aac -b:a 64k", ".m4a", 44_100),
    Codec("mp3-32", "-c:a libmp3lame -b:a 32k", ".mp3", 16_000),
    Codec("mp3-64", "-c:a libmp3lame -b:a 64k", ".mp3", 44_100),
]


def run(arguments, data=None):
    """Runs ffmpeg quietly; standard input in, standard output out; a failure is an error."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], input=data, capture_output=True, check=True)
    return done.stdout


def transcode(wave, codec):
    """One wave at 16 kHz in, the same wave coded and decoded at 16 kHz out (within a few ms of alignment)."""
    raw = (np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()
    pcm = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / ("coded" + codec.suffix))
        run([*pcm, "-i", "-", "-ar", str(codec.rate), *codec.arguments.split(), path], raw)
        out = run(["-i", path, *pcm, "-"])
    decoded = np.frombuffer(out, dtype="<i2").astype(np.float32) / 32768
    return np.pad(decoded, (0, max(0, len(wave) - len(decoded))))[: len(wave)]


def decoded_file(path, data=None):
    """An audio file of any kind ffmpeg reads (or, with the path "-", its bytes) in, mono float32 at 16 kHz out."""
    raw = run(["-i", str(path), "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"], data)
    return np.frombuffer(raw, dtype="<i2").astype(np.float32) / 32768


def code_clips(waves, codec):
    """A list of waves in, the same list through `codec` out."""
    gap = np.zeros(GAP, dtype=np.float32)
    joined = np.concatenate([part for wave in waves for part in (gap, wave.astype(np.float32))])
    coded = transcode(joined, codec)
    out, place = [], 0
    for wave in waves:
        place += GAP
        out.append(coded[place : place + len(wave)])
        place += len(wave)
    return out
