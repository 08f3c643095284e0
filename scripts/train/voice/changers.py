"""Voice changers and a WORLD conversion: a real clip goes in, the same words in another voice come out.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of about the same length.
"""

import numpy as np
import parselmouth
import python_stretch
import pyworld
import torch
from parselmouth.praat import call
from scipy.signal import lfilter, resample

from dsp_vocoders import RATE, griffin_lim, lpc_of, mel_basis, world_parts


def signed_ratio(rng, low, high):
    """A random ratio `low`..`high` semitones away from 1, up or down."""
    return 2 ** (rng.uniform(low, high) * rng.choice([-1, 1]) / 12)


def praat_change(wave, rng):
    """Praat's `Change gender` (PSOLA with formant shift): the classic offline changer."""
    sound = parselmouth.Sound(wave.astype(np.float64), RATE)
    pitch = sound.to_pitch().selected_array["frequency"]
    middle = float(np.median(pitch[pitch > 0])) if np.any(pitch > 0) else 150.0
    formant = signed_ratio(rng, 0.0, 3.5) if rng.random() < 0.8 else 1.0
    new = middle * signed_ratio(rng, 0.5, 6.0)
    out = call(sound, "Change gender", 60, 600, formant, new, float(rng.uniform(0.8, 1.2)), 1.0)
    return resampled_to(out, len(wave))


def resampled_to(sound, length):
    """A Praat sound in, its samples at 16 kHz out."""
    values = sound.values[0]
    return values if abs(len(values) - length) < 800 else resample(values, length)


def world_change(wave, rng):
    """WORLD with pitch times one ratio and the envelope stretched by another."""
    f0, envelope, aperiodicity, period, _ = world_parts(wave, rng)
    warp = signed_ratio(rng, 0.0, 3.5)
    return pyworld.synthesize(
        f0 * signed_ratio(rng, 0.5, 7.0), warped(envelope, warp), warped(aperiodicity, warp), RATE, period
    )


def warped(frames, ratio):
    """Spectral frames with the frequency axis stretched by `ratio`."""
    bins = np.arange(frames.shape[1]) / ratio
    low = np.minimum(bins.astype(int), frames.shape[1] - 1)
    high = np.minimum(low + 1, frames.shape[1] - 1)
    part = bins - np.floor(bins)
    return np.ascontiguousarray(frames[:, low] * (1 - part) + frames[:, high] * part)


def world_conversion(wave, rng):
    """A statistical conversion: pitch moved to another mean and spread, a bent and over-smoothed envelope."""
    f0, envelope, aperiodicity, period, size = world_parts(wave, rng)
    live = f0 > 0
    if live.any():
        log = np.log(f0[live])
        target = np.log(rng.uniform(85, 250))
        f0[live] = np.exp((log - log.mean()) * rng.uniform(0.5, 1.3) + target)
    order = int(rng.integers(18, 40))
    coded = pyworld.code_spectral_envelope(warped(envelope, signed_ratio(rng, 0.3, 3.0)), RATE, order)
    width = int(rng.integers(1, 6))
    kernel = np.ones(width) / width
    coded = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 0, coded)
    coded += rng.normal(0, 0.15, order)[None] / (1 + np.arange(order))[None]
    envelope = pyworld.decode_spectral_envelope(np.ascontiguousarray(coded), RATE, size)
    return pyworld.synthesize(f0, envelope, aperiodicity, RATE, period)


def lpc_formants(wave, rng):
    """LPC residual kept, the filter's poles stretched: formants move, pitch stays."""
    order, hop = int(rng.integers(16, 26)), 160
    size, ratio = hop * 2, signed_ratio(rng, 0.8, 3.5)
    window, out = np.hanning(size), np.zeros(len(wave))
    for start in range(0, len(wave) - size, hop):
        frame = wave[start : start + size].astype(np.float64)
        poly, _ = lpc_of(frame * window, order)
        roots = np.roots(poly)
        angles = np.clip(np.angle(roots) * ratio, -np.pi, np.pi)
        bent = np.real(np.poly(np.minimum(np.abs(roots), 0.985) * np.exp(1j * angles)))
        made = lfilter([1.0], bent, lfilter(poly, [1.0], frame))
        level = np.sqrt(np.mean(frame**2) / (np.mean(made**2) + 1e-12))
        out[start : start + size] += window * made * level
    return out


def stretch_shift(wave, rng):
    """Signalsmith Stretch: a phase-locked spectral pitch shifter, formants move along or stay below a limit."""
    tool = python_stretch.Signalsmith.Stretch()
    tool.preset(1, RATE)
    semitones = float(rng.uniform(1.0, 7.0) * rng.choice([-1, 1]))
    tool.setTransposeSemitones(semitones, float(rng.uniform(1500, 7900)) / RATE)
    return np.asarray(tool.process(wave[None].astype(np.float32)))[0]


def resample_overlap(wave, rng):
    """Played at another speed and brought back to length by waveform-similarity overlap-add."""
    ratio = signed_ratio(rng, 0.8, 5.0)
    fast = resample(wave, int(len(wave) / ratio))
    size, seek = int(rng.choice([320, 480, 640])), int(rng.choice([80, 160]))
    hop, window, out = size // 2, np.hanning(size), np.zeros(len(wave) + size)
    place = 0
    for start in range(0, len(wave) - size, hop):
        wanted = int(start / ratio)
        low, high = max(0, wanted - seek), min(len(fast) - size, wanted + seek)
        if high <= low:
            break
        template = fast[place : place + size]
        region = fast[low : high + size]
        match = np.correlate(region, template, "valid") if len(template) == size else np.zeros(1)
        best = low + int(np.argmax(match))
        out[start : start + size] += window * fast[best : best + size]
        place = min(best + hop, len(fast) - size)
    return out[: len(wave)]


def robot(wave, rng):
    """Monotone WORLD or a ring modulator: the toy end of changers."""
    if rng.random() < 0.5:
        f0, envelope, aperiodicity, period, _ = world_parts(wave, rng)
        return pyworld.synthesize(np.where(f0 > 0, rng.uniform(80, 220), 0), envelope, aperiodicity, RATE, period)
    carrier = np.cos(2 * np.pi * rng.uniform(20, 90) * np.arange(len(wave)) / RATE)
    return wave * (1 - 0.7 * rng.uniform(0.5, 1) * (1 - carrier))


def quantised_mel_conversion(wave, rng):
    """Mel frames snapped to a small codebook of the clip's own frames, bent, then Griffin-Lim: a VQ conversion."""
    size, hop = 1024, 256
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=torch.hann_window(size), return_complex=True).abs()
    basis = mel_basis(size, 80, 8000.0)
    mel = torch.log(basis.T @ spectrum + 1e-5).T.numpy()
    mel = warped(mel, signed_ratio(rng, 0.0, 2.5))
    book = mel[rng.choice(len(mel), min(len(mel), int(rng.integers(24, 96))), replace=False)]
    nearest = np.argmin(((mel[:, None] - book[None]) ** 2).mean(-1), axis=1)
    part = rng.uniform(0.4, 1.0)
    mixed = torch.from_numpy((part * book[nearest] + (1 - part) * mel).astype(np.float32))
    back = torch.clamp(torch.linalg.pinv(basis.T) @ torch.exp(mixed).T, min=1e-5)
    return griffin_lim(back, size, hop, int(rng.integers(10, 40)), 0.9, len(wave))


CHANGERS = {
    "praat-psola": praat_change,
    "world-change": world_change,
    "lpc-formants": lpc_formants,
    "stretch-shift": stretch_shift,
    "resample-overlap": resample_overlap,
    "robot": robot,
}
CONVERSIONS = {"world-conversion": world_conversion, "vq-mel-conversion": quantised_mel_conversion}
