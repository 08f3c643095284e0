"""Changers as real-time tools build them: a real clip goes in, the same words shifted in pitch, formants or both out.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of the same length. Half of the
shifts are mild (under three semitones); one in three is followed by the noise suppression that such tools bring.
"""

import numpy as np
from scipy.signal import resample

from channel import webrtc

RATE = 16_000


def shift_of(rng):
    """A ratio of 0.5-3 semitones half of the time, of 3-7 otherwise, up or down."""
    semitones = rng.uniform(0.5, 3.0) if rng.random() < 0.5 else rng.uniform(3.0, 7.0)
    return 2 ** (semitones * rng.choice([-1, 1]) / 12)


def suppressed(wave, rng):
    """One wave in three goes through noise suppression."""
    wave = np.asarray(wave, dtype=np.float32)
    return webrtc(wave, rng) if rng.random() < 0.33 else wave


def delay_line(wave, rng):
    """Two read heads run along a short delay line and are faded into each other: hardware and chat changers."""
    ratio, size = shift_of(rng), int(rng.uniform(0.015, 0.06) * RATE)
    time = np.arange(len(wave))
    phase = ((1 - ratio) * time / size) % 1.0
    other = (phase + 0.5) % 1.0
    padded = np.pad(wave, (size + 1, 1))
    heads = [np.interp(time + size + 1 - part * size, np.arange(len(padded)), padded) for part in (phase, other)]
    weight = np.sin(np.pi * phase) ** 2
    return suppressed(heads[0] * weight + heads[1] * (1 - weight), rng)


def frames_of(wave, size, hop):
    """A wave in, its complex spectra [frames, bins] with a Hann window out."""
    padded = np.pad(wave, (size, size + (-len(wave) % hop)))
    view = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.fft.rfft(view * np.hanning(size + 1)[:-1], axis=1)


def wave_of(frames, size, hop, length):
    """Complex spectra in, the overlap-added wave out."""
    window = np.hanning(size + 1)[:-1]
    made = np.fft.irfft(frames, size, axis=1) * window
    out, norm = np.zeros(hop * len(made) + size), np.zeros(hop * len(made) + size)
    for number, frame in enumerate(made):
        out[number * hop : number * hop + size] += frame
        norm[number * hop : number * hop + size] += window**2
    out = out / np.maximum(norm, 1e-3)
    return out[size : size + length] if length else out


def envelope(frames, size, order):
    """Spectra in, their smooth envelopes from the first `order` cepstra out."""
    cepstra = np.fft.irfft(np.log(np.abs(frames) + 1e-5), size, axis=1)
    cepstra[:, order : size - order + 1] = 0
    return np.exp(np.fft.rfft(cepstra, size, axis=1).real)


def bent(curves, ratio):
    """Rows over frequency in, the same stretched by `ratio` out."""
    bins = np.arange(curves.shape[1])
    return np.stack([np.interp(bins / ratio, bins, row) for row in curves])


def phase_stretch(wave, rng):
    """A phase vocoder changes the length and resampling brings it back; formants move along or are put back."""
    ratio, size = shift_of(rng), int(rng.choice([512, 768, 1024]))
    hop, keep, locked = size // 4, rng.random() < 0.5, rng.random() < 0.5
    frames = frames_of(wave, size, hop)
    if keep:
        curve = envelope(frames, size, 30)
        frames = frames / curve * bent(curve, ratio)
    places = np.arange(0, len(frames) - 1, 1 / ratio)
    low = places.astype(int)
    share = (places - low)[:, None]
    level = np.abs(frames[low]) * (1 - share) + np.abs(frames[low + 1]) * share
    turn = 2 * np.pi * hop * np.arange(frames.shape[1]) / size
    step = np.angle(frames[low + 1]) - np.angle(frames[low]) - turn
    step = turn + step - 2 * np.pi * np.round(step / (2 * np.pi))
    phase = np.cumsum(step, axis=0) + np.angle(frames[:1])
    if locked:
        offset = np.repeat((phase - np.angle(frames[low]))[:, 2::4], 4, axis=1)
        phase = np.angle(frames[low]) + np.pad(offset, ((0, 0), (0, 4)), mode="edge")[:, : phase.shape[1]]
    long = wave_of(level * np.exp(1j * phase), size, hop, 0)[size:]
    return suppressed(resample(long, int(len(long) / ratio))[: len(wave)], rng)


def formants_only(wave, rng):
    """The spectral envelope of each frame is stretched, pitch and phases stay."""
    size = int(rng.choice([512, 1024]))
    frames = frames_of(wave, size, size // 4)
    curve = envelope(frames, size, int(rng.integers(20, 40)))
    gain = np.clip(bent(curve, shift_of(rng)) / curve, 0.01, 30)
    return suppressed(wave_of(frames * gain, size, size // 4, len(wave)), rng)


def bin_shift(wave, rng):
    """Spectral bins are moved to stretched places with their phase steps scaled: cheap live pitch shifters."""
    ratio, size = shift_of(rng), 1024
    hop = size // int(rng.choice([4, 8]))
    frames = frames_of(wave, size, hop)
    level, angle = np.abs(frames), np.angle(frames)
    bins = np.arange(frames.shape[1])
    turn = 2 * np.pi * hop / size
    step = np.diff(angle, axis=0, prepend=angle[:1]) - turn * bins
    true = bins + (step - 2 * np.pi * np.round(step / (2 * np.pi))) / turn
    goal = np.round(bins * ratio).astype(int)
    fits = goal < len(bins)
    moved, rate = np.zeros_like(level), np.zeros_like(level)
    np.add.at(moved, (slice(None), goal[fits]), level[:, fits])
    rate[:, goal[fits]] = true[:, fits] * ratio
    phase = np.cumsum(rate * turn, axis=0)
    return suppressed(wave_of(moved * np.exp(1j * phase), size, hop, len(wave)), rng)


def chorus(wave, rng):
    """A few slowly swaying delays are mixed with a mildly shifted voice."""
    time, out = np.arange(len(wave)), np.asarray(wave, dtype=np.float64) * rng.uniform(0.2, 0.8)
    for _ in range(int(rng.integers(1, 4))):
        sway = np.sin(2 * np.pi * rng.uniform(0.3, 6.0) * time / RATE + rng.uniform(0, 6))
        delay = rng.uniform(0.008, 0.025) * RATE + sway * rng.uniform(5, 50)
        out += np.interp(time - delay, time, wave)
    return suppressed(delay_line(out.astype(np.float32), rng) if rng.random() < 0.5 else out, rng)


LIVE = {
    "delay-line": delay_line,
    "phase-stretch": phase_stretch,
    "formants-only": formants_only,
    "bin-shift": bin_shift,
    "chorus": chorus,
}
