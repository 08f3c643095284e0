"""The call's channel, the same chain for real and fake: rooms, noise, suppression, gain, band limits, loss.

In: a wave (float32, 16 kHz) and a generator. Out: a wave of the same length. All settings come from the
generator alone, so a real clip and its fake can be sent through the very same channel.
"""

import numpy as np
from scipy.signal import fftconvolve, resample_poly
from webrtc_noise_gain import AudioProcessor

from suppressors import cleaned

RATE = 16_000
CHAIN_RATES = [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000]


def resampled(wave, rng):
    """There and back through another sample rate, as sound cards and meeting software do."""
    rate = int(rng.choice(CHAIN_RATES, p=[0.1, 0.08, 0.1, 0.18, 0.14, 0.1, 0.15, 0.15]))
    divisor = int(np.gcd(rate, RATE))
    window = ("kaiser", float(rng.uniform(3.0, 9.0)))
    other = resample_poly(wave, rate // divisor, RATE // divisor, window=window)
    back = resample_poly(other, RATE // divisor, rate // divisor, window=window)
    return back[: len(wave)]


def banded(wave, rng):
    """A random low-pass, high-pass and slow tilt, as one smooth curve over the spectrum."""
    size = len(wave)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    high = rng.choice([rng.uniform(6500, 7900), rng.uniform(3300, 6500)], p=[0.75, 0.25])
    low, slope = rng.uniform(40, 250), rng.uniform(4, 24)
    curve = 1 / (1 + (hertz / high) ** (2 * slope)) / (1 + (low / np.maximum(hertz, 1)) ** rng.uniform(2, 8))
    knots = rng.normal(0, 2.5, 9)
    decibels = np.interp(hertz, np.geomspace(60, 8000, 9), knots)
    return np.fft.irfft(np.fft.rfft(wave) * np.sqrt(curve) * 10 ** (decibels / 20), size)


def room(wave, rng):
    """A synthetic room: a direct path, a few early reflections and a decaying coloured tail."""
    seconds = float(rng.uniform(0.08, 0.6))
    count = int(seconds * RATE)
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail = np.convolve(tail, np.ones(3) / 3 if rng.random() < 0.5 else [1.0], "same")
    tail[: int(0.003 * RATE)] = 0
    for place in rng.integers(20, min(count, 800), 5):
        tail[place] += rng.uniform(-1, 1) * 8
    tail *= 10 ** (-rng.uniform(0, 18) / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    return fftconvolve(wave, tail)[: len(wave)]


def coloured_noise(size, rng):
    """Noise with a random spectral slope, sometimes with mains hum or a swelling level."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    noise = np.fft.irfft(spectrum / np.maximum(hertz, 30) ** rng.uniform(0.0, 1.1), size)
    noise /= np.sqrt(np.mean(noise**2)) + 1e-9
    if rng.random() < 0.2:
        base = rng.choice([50, 60, 100, 120])
        time = np.arange(size) / RATE
        noise += sum(rng.uniform(0, 0.7) * np.sin(2 * np.pi * base * k * time) for k in range(1, 5))
    if rng.random() < 0.3:
        swell = np.interp(np.arange(size), np.linspace(0, size, 9), rng.uniform(0.3, 1.5, 9))
        noise *= swell
    return noise


def noisy(wave, rng, babble=None, low=6.0, high=40.0):
    """Noise (or babble, when a maker of it is given) at a random signal-to-noise ratio."""
    noise = babble(len(wave), rng) if babble is not None and rng.random() < 0.3 else coloured_noise(len(wave), rng)
    speech = np.sqrt(np.mean(wave**2)) + 1e-9
    gain = speech / (np.sqrt(np.mean(noise**2)) + 1e-9) * 10 ** (-rng.uniform(low, high) / 20)
    return wave + noise * gain


def webrtc(wave, rng):
    """WebRTC's noise suppression and automatic gain, as browsers run them."""
    tool = AudioProcessor(int(rng.choice([0, 0, 3, 9])), int(rng.integers(0, 5)))
    peak = max(float(np.abs(wave).max()), 1e-6)
    data = (np.clip(wave / peak * 0.5, -1, 1) * 32767).astype("<i2")
    data = np.pad(data, (0, -len(data) % 160)).tobytes()
    out = b"".join(tool.Process10ms(data[place : place + 320]).audio for place in range(0, len(data), 320))
    return np.frombuffer(out, dtype="<i2").astype(np.float32)[: len(wave)] / 32768 * peak * 2


def gated(wave, rng):
    """Spectral gating like a learnt suppressor's: bins near each band's floor are turned down."""
    size, hop = 512, 128
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(wave, (size, size + (-len(wave) % hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
    spectrum = np.fft.rfft(frames, axis=1)
    power = np.abs(spectrum)
    floor = np.quantile(power, rng.uniform(0.1, 0.35), axis=0) * rng.uniform(1.2, 3.0)
    gain = np.clip(1 - floor / (power + 1e-9), 10 ** (-rng.uniform(6, 25) / 20), 1)
    gain[1:-1] = (gain[:-2] + gain[1:-1] + gain[2:]) / 3
    made = np.fft.irfft(spectrum * gain, axis=1) * window
    out = np.zeros(len(padded))
    for number, frame in enumerate(made):
        out[number * hop : number * hop + size] += frame
    return out[size : size + len(wave)] / 1.5


def driven(wave, rng):
    """Automatic gain, limiting or clipping."""
    out = wave / (np.abs(wave).max() + 1e-9)
    kind = rng.integers(3)
    if kind == 0:
        block = int(rng.choice([1600, 4800]))
        level = np.sqrt(np.convolve(out**2, np.ones(block) / block, "same") + 1e-6)
        out = out / level ** rng.uniform(0.3, 0.8)
    elif kind == 1:
        out = np.tanh(out * rng.uniform(1.0, 4.0))
    else:
        limit = rng.uniform(0.3, 0.9)
        out = np.clip(out, -limit, limit)
    return out


def lossy(wave, rng):
    """Lost packets of 20 ms in bursts: silence, or the last packet again with a fade."""
    out, size = np.array(wave, dtype=np.float32), 320
    rate, burst = rng.uniform(0.005, 0.06), rng.uniform(0.2, 0.6)
    repeat, lost = rng.random() < 0.7, False
    for place in range(size, len(out) - size, size):
        lost = rng.random() < (burst if lost else rate)
        if lost:
            fade = np.linspace(0.9, 0.5, size)
            out[place : place + size] = out[place - size : place] * fade if repeat else 0
    return out


def before_codec(wave, rng, babble=None):
    """What happens in the room and in the sender's software."""
    for chance, step in (
        (0.25, resampled),
        (0.3, room),
        (0.45, lambda x, r: noisy(x, r, babble)),
        (0.2, gated),
        (0.25, webrtc),
        (0.3, banded),
        (0.2, driven),
    ):
        if rng.random() < chance:
            wave = step(wave, rng)
    return np.asarray(wave, dtype=np.float32)


def after_codec(wave, rng):
    """What happens on the way and in the receiver: loss, playback filters, a second resampling."""
    for chance, step in ((0.2, lossy), (0.25, banded), (0.15, resampled), (0.1, driven)):
        if rng.random() < chance:
            wave = step(wave, rng)
    return np.asarray(wave, dtype=np.float32)


def coded_variant(wave, rng):
    """The part of the chain that is rendered ahead, just before a real codec."""
    wave = before_codec(wave, rng)
    if rng.random() < 0.25:
        wave = cleaned(wave, rng)
    return wave / (np.abs(wave).max() + 1e-9) * rng.uniform(0.1, 0.9)


def finished(wave, rng):
    """Final level and the dither of a 16-bit recording."""
    rms = np.sqrt(np.mean(wave**2)) + 1e-9
    wave = wave * (10 ** (rng.uniform(-38, -14) / 20) / rms)
    dithered = wave + rng.standard_normal(len(wave)).astype(np.float32) * (rng.uniform(0.2, 1.5) / 32768)
    return np.clip(dithered, -1, 1).astype(np.float32)
