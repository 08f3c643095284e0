"""More ways to redraw a voice, for their traces: a real clip goes in, the same words in a redrawn voice come out.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of about the same length. Two are
changers of our own (grains at pitch marks; a filter's residual shifted apart from the filter), one is a sinusoidal
model, two stand for what acoustic models do before a vocoder: they smooth, and they leave out what is rare.
"""

import numpy as np
import parselmouth
import pyworld
import torch
from parselmouth.praat import call
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter, resample

from changers import signed_ratio, warped
from dsp_vocoders import griffin_lim, lpc_of, world_parts
from live_changers import delay_line, frames_of, phase_stretch, shift_of, suppressed, wave_of

RATE = 16_000


def pitch_marks(wave):
    """The samples at which Praat sees pulses of the voice."""
    sound = parselmouth.Sound(wave.astype(np.float64), RATE)
    points = call(sound, "To PointProcess (periodic, cc)", 60, 500)
    count = int(call(points, "Get number of points"))
    return np.array([call(points, "Get time from index", number + 1) * RATE for number in range(count)])


def grains(wave, rng):
    """Grains of two periods are set at new distances, each one resampled so that formants move apart from pitch."""
    marks = pitch_marks(wave)
    if len(marks) < 8:
        return wave
    pitch, formant = shift_of(rng), signed_ratio(rng, 0.0, 3.5) if rng.random() < 0.7 else 1.0
    length = rng.uniform(0.8, 1.2)
    steps = np.diff(marks, prepend=marks[0] - 100).clip(24, 260)
    out, norm, place = np.zeros(len(wave) + 1200), np.full(len(wave) + 1200, 1e-3), float(marks[0])
    while place < len(wave) - 400:
        number = int(np.clip(np.searchsorted(marks, place), 0, len(marks) - 1))
        half = int(steps[number] * length)
        centre = int(marks[number])
        if abs(centre - place) > 800 or centre < half or centre + half > len(wave):
            half = 80
            grain, step = wave[int(place) - half : int(place) + half], 80.0
        else:
            grain, step = wave[centre - half : centre + half], steps[number] / pitch
        if len(grain) == 2 * half:
            grain = resample(grain, max(16, int(2 * half / formant))) if formant != 1.0 else grain
            window = np.hanning(len(grain))
            start = max(0, int(place) - len(grain) // 2)
            out[start : start + len(grain)] += grain * window
            norm[start : start + len(grain)] += window
        place += step
    return suppressed((out / np.maximum(norm, 0.3))[: len(wave)], rng)


def residual_shift(wave, rng):
    """The residual of a linear prediction is shifted in pitch, the filter stays, its peaks a little wider."""
    order, hop = int(rng.integers(14, 24)), 160
    size, window = 2 * hop, np.hanning(2 * hop)
    polys, residual = [], np.zeros(len(wave))
    for start in range(0, len(wave) - size, hop):
        poly, _ = lpc_of(wave[start : start + size].astype(np.float64) * window, order)
        polys.append(poly)
        residual[start : start + size] += window * lfilter(poly, [1.0], wave[start : start + size])
    tool = delay_line if rng.random() < 0.4 else phase_stretch
    moved = np.asarray(tool(residual.astype(np.float32), rng), dtype=np.float64)
    moved = np.pad(moved, (0, max(0, len(wave) - len(moved))))
    out, wider = np.zeros(len(wave)), rng.uniform(0.97, 1.0)
    for number, poly in enumerate(polys):
        part = moved[number * hop : number * hop + size]
        softer = poly * wider ** np.arange(len(poly))
        out[number * hop : number * hop + size] += window * lfilter([1.0], softer, part)
    return suppressed(out, rng)


def sinusoids(wave, rng):
    """The strongest peaks of each frame become sinusoids at shifted places; the rest is noise of the same colour."""
    size, hop, count = 640, 160, int(rng.integers(20, 60))
    frames = frames_of(wave, size, hop)
    level = np.abs(frames)
    ratio = shift_of(rng) if rng.random() < 0.7 else 1.0
    inner = level[:, 1:-1]
    peaks = np.where((inner > level[:, :-2]) & (inner > level[:, 2:]), inner, 0)
    floor = np.partition(peaks, -count, axis=1)[:, -count][:, None]
    peaks = np.where(peaks >= np.maximum(floor, 1e-6), peaks, 0)
    made = np.zeros_like(frames)
    bins = np.arange(1, frames.shape[1] - 1)
    goal = np.round(bins * ratio).astype(int)
    fits = (goal > 0) & (goal < frames.shape[1])
    phase = np.cumsum(np.full((len(frames), 1), 2 * np.pi * hop / size), axis=0) * (bins * ratio)[None, fits]
    np.add.at(made, (slice(None), goal[fits]), peaks[:, fits] * np.exp(1j * phase))
    spread = rng.uniform(0.05, 0.5)
    noise = np.exp(2j * np.pi * rng.random(frames.shape)) * gaussian_filter1d(level, 4, axis=1)
    rise = np.linspace(0.1, 1, frames.shape[1])[None] ** rng.uniform(0.3, 2)
    return suppressed(wave_of(made + noise * rise * spread, size, hop, len(wave)), rng)


def low_rank(wave, rng):
    """Log magnitudes rebuilt from a few principal directions of the clip, with the old, new or mixed phases."""
    size = int(rng.choice([512, 1024]))
    hop = size // 4
    window = torch.hann_window(size)
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=window, return_complex=True)
    logs = torch.log(spectrum.abs() + 1e-4)
    mean = logs.mean(dim=1, keepdim=True)
    rank = int(rng.integers(6, 40))
    left, values, right = torch.linalg.svd(logs - mean, full_matrices=False)
    flat = (left[:, :rank] * values[:rank]) @ right[:rank] + mean
    if rng.random() < 0.4:
        return griffin_lim(torch.exp(flat), size, hop, int(rng.integers(8, 32)), 0.9, len(wave))
    noise = torch.from_numpy(rng.standard_normal(tuple(flat.shape)).astype(np.float32)) * float(rng.uniform(0, 1.5))
    phase = torch.angle(spectrum) + noise * torch.linspace(0, 1, len(flat))[:, None]
    return torch.istft(torch.polar(torch.exp(flat), phase), size, hop, window=window, length=len(wave)).numpy()


def smoothed_world(wave, rng):
    """WORLD with its tracks smoothed over time and its envelope over frequency, as statistical synthesis has them."""
    f0, envelope, aperiodicity, period, size = world_parts(wave, rng)
    live, width = f0 > 0, rng.uniform(1.0, 8.0) * 5 / period
    if live.any():
        track = np.interp(np.arange(len(f0)), np.flatnonzero(live), np.log(f0[live]))
        track = gaussian_filter1d(track, width * 2)
        shift = np.log(signed_ratio(rng, 0.0, 4.0)) if rng.random() < 0.5 else 0.0
        f0 = np.where(live, np.exp((track - track.mean()) * rng.uniform(0.5, 1.1) + track.mean() + shift), 0)
    coded = pyworld.code_spectral_envelope(envelope, RATE, int(rng.integers(24, 60)))
    smooth = gaussian_filter1d(coded, width * 0.5, axis=0)
    smooth = (smooth - smooth.mean(axis=0)) * rng.uniform(0.8, 1.3) + smooth.mean(axis=0)
    envelope = pyworld.decode_spectral_envelope(np.ascontiguousarray(smooth), RATE, size)
    if rng.random() < 0.4:
        envelope = warped(envelope, signed_ratio(rng, 0.0, 2.5))
    aperiodicity = np.ascontiguousarray(gaussian_filter1d(aperiodicity, width, axis=0).clip(1e-3, 1 - 1e-6))
    return pyworld.synthesize(f0, envelope, aperiodicity, RATE, period)


REDRAWN = [
    ("grains", "changer", grains),
    ("residual-shift", "changer", residual_shift),
    ("sinusoids", "vocoder", sinusoids),
    ("low-rank", "vc", low_rank),
    ("smoothed-world", "vc", smoothed_world),
]
