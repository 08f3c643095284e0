"""Changers that cut time into pieces, and others that tools offer: a real clip goes in, a changed voice comes out.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of about the same length. `splice`
is the overlap-add of the common editors, with its segment, fade and search drawn anew each time; Rubber Band and the
tempo filter of ffmpeg and SoundTouch (Debian `soundstretch`) come as their tools build them. SoX is left out on
purpose: the dev part holds its pitch effect, which so stays a system that no training clip came from.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import parselmouth
import soundfile
from parselmouth.praat import call
from scipy.signal import hilbert, resample

from changers import signed_ratio
from codecs_ffmpeg import run
from live_changers import suppressed

RATE = 16_000


def semitones(rng):
    """A shift of 1-7 semitones up or down, as a ratio."""
    return signed_ratio(rng, 1.0, 7.0)


def spliced(wave, goal, segment, fade, search, coarse):
    """A wave stretched to `goal` samples: segments at a fixed step, each moved to where it fits the last one best."""
    out, step, end = np.zeros(goal + segment + fade), segment - fade, segment
    ramp = np.linspace(0, 1, fade)
    out[:segment] = np.pad(wave[:segment], (0, max(0, segment - len(wave))))
    speed = len(wave) / goal
    for start in range(step, goal, step):
        wanted = int(start * speed)
        region = wave[wanted : wanted + search + fade]
        piece = wave[wanted : wanted + search + segment]
        if len(region) < fade + 2 or len(piece) < segment // 2:
            break
        tail = out[start : start + fade]
        match = np.correlate(region[::coarse], tail[::coarse], "valid")
        place = int(np.argmax(match)) * coarse
        piece = wave[wanted + place : wanted + place + segment]
        out[start : start + fade] = tail * (1 - ramp) + piece[:fade] * ramp
        out[start + fade : start + len(piece)] = piece[fade:]
        end = start + len(piece)
    return out[: min(goal, end)]


def splice(wave, rng):
    """Played at another speed, then brought back to length by fixed segments with short fades."""
    fast = resample(wave, int(len(wave) / semitones(rng)))
    ranges = ((0.03, 0.11), (0.006, 0.02), (0.006, 0.03))
    segment, fade, search = (int(rng.uniform(low, high) * RATE) for low, high in ranges)
    return suppressed(spliced(fast, len(wave), segment, fade, search, int(rng.choice([1, 2, 4]))), rng)


def by_filter(wave, text):
    """A wave through an audio filter of ffmpeg."""
    raw, pcm = np.asarray(wave, dtype="<f4").tobytes(), ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    return np.frombuffer(run([*pcm, "-i", "-", "-af", text, *pcm, "-"], raw), dtype="<f4").astype(np.float32)


def rubberband(wave, rng):
    """Rubber Band in one of its settings, formants moved or kept."""
    names = {
        "transients": ["crisp", "mixed", "smooth"],
        "detector": ["compound", "percussive", "soft"],
        "phase": ["laminar", "independent"],
        "window": ["standard", "short", "long"],
        "smoothing": ["off", "on"],
        "formant": ["shifted", "preserved"],
        "pitchq": ["quality", "speed", "consistency"],
    }
    chosen = ":".join(f"{name}={rng.choice(values)}" for name, values in names.items())
    return suppressed(by_filter(wave, f"rubberband=pitch={semitones(rng):.4f}:{chosen}"), rng)


def tempo_filter(wave, rng):
    """ffmpeg's tempo filter after a change of speed."""
    ratio = semitones(rng)
    text = f"asetrate={int(RATE * ratio)},aresample={RATE},atempo={1 / ratio:.4f}"
    return suppressed(by_filter(wave, text), rng)


def soundtouch(wave, rng):
    """SoundTouch's pitch change, by its command line tool."""
    shift = 12 * np.log2(semitones(rng))
    flags = ["-speech"] if rng.random() < 0.5 else []
    flags += ["-quick"] if rng.random() < 0.3 else []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("in.wav", "out.wav")]
        soundfile.write(paths[0], np.clip(wave, -1, 1), RATE, subtype="PCM_16")
        tool = "soundstretch"
        subprocess.run([tool, *paths, f"-pitch={shift:.2f}", *flags], check=True, capture_output=True)
        return suppressed(soundfile.read(paths[1], dtype="float32")[0], rng)


def tuned(wave, rng):
    """The pitch drawn to the notes of a scale, partly or wholly, as singing effects do (PSOLA)."""
    sound = parselmouth.Sound(wave.astype(np.float64), RATE)
    whole = call(sound, "To Manipulation", 0.01, 60, 600)
    tier = call(whole, "Extract pitch tier")
    share, step, shift = rng.uniform(0.5, 1.0), int(rng.choice([1, 2, 3])), rng.integers(-3, 4)
    note = f"{step} * round((12 * log2(self / 440) + {shift}) / {step})"
    call(tier, "Formula", f"self ^ {1 - share:.3f} * (440 * 2 ^ (({note}) / 12)) ^ {share:.3f}")
    call([tier, whole], "Replace pitch tier")
    made = call(whole, "Get resynthesis (overlap-add)").values[0]
    return suppressed(made[: len(wave)], rng)


def moved_spectrum(wave, rng):
    """All frequencies moved by the same 15-150 Hz: a single-sideband shifter."""
    hertz = rng.uniform(15, 150) * rng.choice([-1, 1])
    turn = np.exp(2j * np.pi * hertz * np.arange(len(wave)) / RATE)
    return suppressed(np.real(hilbert(wave) * turn).astype(np.float32), rng)


def two_changers(wave, rng):
    """One changer after another, as when a tool shifts pitch and formants apart."""
    first, second = rng.choice([splice, rubberband, tempo_filter, tuned], 2, replace=False)
    return second(np.asarray(first(wave, rng), dtype=np.float32), rng)


SPLICERS = {
    "splice": splice,
    "rubberband-filter": rubberband,
    "tempo-filter": tempo_filter,
    "soundtouch": soundtouch,
    "tuned": tuned,
    "moved-spectrum": moved_spectrum,
    "two-changers": two_changers,
}
