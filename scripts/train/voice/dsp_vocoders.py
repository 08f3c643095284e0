"""Copy-synthesis with classic vocoders: a real clip goes in, the same words through a synthesis come out.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of about the same length.
The generator draws the settings (frame sizes, orders, iterations), so one function is many systems.
"""

import numpy as np
import pyworld
import torch
from scipy.signal import lfilter

RATE = 16_000


def world_parts(wave, rng):
    """Wave in; WORLD's pitch, envelope, aperiodicity, frame period in ms, FFT size out."""
    period = float(rng.choice([4.0, 5.0, 8.0, 10.0]))
    x = wave.astype(np.float64)
    f0, times = pyworld.dio(x, RATE, frame_period=period)
    f0 = pyworld.stonemask(x, f0, times, RATE)
    size = int(rng.choice([512, 1024]))
    floor = pyworld.get_cheaptrick_f0_floor(RATE, size)
    envelope = pyworld.cheaptrick(x, f0, times, RATE, f0_floor=floor, fft_size=size)
    aperiodicity = pyworld.d4c(x, f0, times, RATE, fft_size=size)
    return f0, envelope, aperiodicity, period, size


def world(wave, rng):
    """WORLD analysis and synthesis, half the time with a coded (smoothed) envelope."""
    f0, envelope, aperiodicity, period, size = world_parts(wave, rng)
    if rng.random() < 0.5:
        order = int(rng.integers(24, 60))
        coded = pyworld.code_spectral_envelope(envelope, RATE, order)
        envelope = pyworld.decode_spectral_envelope(coded, RATE, size)
    if rng.random() < 0.3:
        aperiodicity = pyworld.decode_aperiodicity(pyworld.code_aperiodicity(aperiodicity, RATE), RATE, size)
    return pyworld.synthesize(f0, envelope, aperiodicity, RATE, period)


def griffin_lim(magnitude, size, hop, rounds, momentum, length):
    """Magnitudes in, a wave with phases found by (fast) Griffin-Lim out."""
    window = torch.hann_window(size)
    angles = torch.polar(torch.ones_like(magnitude), 2 * np.pi * torch.rand(magnitude.shape))
    before = torch.zeros_like(angles)
    for _ in range(rounds):
        wave = torch.istft(magnitude * angles, size, hop, window=window, length=length)
        rebuilt = torch.stft(wave, size, hop, window=window, return_complex=True)
        angles = rebuilt - before * (momentum / (1 + momentum))
        angles = angles / (angles.abs() + 1e-9)
        before = rebuilt
    return torch.istft(magnitude * angles, size, hop, window=window, length=length).numpy()


def mel_of(hertz):
    """Frequency in, the slaney mel scale (linear below 1 kHz, logarithmic above) out."""
    hertz = np.asarray(hertz, dtype=np.float64)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4))


def mel_basis(size, bins, high, low=0.0, rate=RATE):
    """The area-normalised slaney mel matrix [freqs, bins] that neural vocoders use."""
    grid = np.linspace(0, 45, 40_000)
    hertz = np.where(grid < 15, grid * 200 / 3, 1000 * np.exp(np.log(6.4) * (grid - 15) / 27))
    edges = np.interp(np.linspace(mel_of(low), mel_of(high), bins + 2), grid, hertz)
    freqs = np.linspace(0, rate / 2, size // 2 + 1)[:, None]
    rise = (freqs - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - freqs) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(
        (np.clip(np.minimum(rise, fall), 0, None) * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
    )


def mel_griffin_lim(wave, rng):
    """Mel spectrogram of random size, pseudo-inverse, Griffin-Lim."""
    size = int(rng.choice([512, 800, 1024]))
    hop = int(size // rng.choice([4, 5]))
    bins = int(rng.choice([40, 60, 80, 100]))
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=torch.hann_window(size), return_complex=True).abs()
    basis = mel_basis(size, bins, 8000.0)
    back = torch.clamp(torch.linalg.pinv(basis.T) @ (basis.T @ spectrum), min=1e-5)
    return griffin_lim(back, size, hop, int(rng.integers(6, 40)), 0.9 if rng.random() < 0.5 else 0.0, len(wave))


def linear_griffin_lim(wave, rng):
    """The clip's own linear magnitudes with new phases: only the phase is synthetic."""
    size = int(rng.choice([400, 512, 640, 1024]))
    hop = size // 4
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=torch.hann_window(size), return_complex=True).abs()
    return griffin_lim(spectrum, size, hop, int(rng.integers(2, 30)), 0.0, len(wave))


def minimum_phase(wave, rng):
    """Each frame keeps its magnitudes, smoothed a little, and gets the minimum phase of its cepstrum."""
    size = int(rng.choice([512, 1024]))
    hop = size // 8
    window = torch.hann_window(size)
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=window, return_complex=True)
    cepstrum = torch.fft.irfft(torch.log(spectrum.abs() + 1e-6), n=size, dim=0)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    folded = torch.fft.rfft(cepstrum, n=size, dim=0)
    blend = float(rng.uniform(0.6, 1.0))
    phase = torch.angle(spectrum) * (1 - blend) + folded.imag * blend
    return torch.istft(torch.polar(spectrum.abs(), phase), size, hop, window=window, length=len(wave)).numpy()


def lpc_of(frame, order):
    """A windowed frame in, its LPC polynomial and gain out (autocorrelation method)."""
    size = len(frame)
    power = np.abs(np.fft.rfft(frame, 2 * size)) ** 2
    lags = np.fft.irfft(power)[: order + 1]
    lags[0] = lags[0] * 1.0001 + 1e-9
    poly, error = np.array([1.0]), lags[0]
    for _ in range(order):
        reflect = -np.dot(poly, lags[len(poly) : 0 : -1]) / error
        padded = np.append(poly, 0.0)
        poly = padded + reflect * padded[::-1]
        error *= max(1e-6, 1 - reflect**2)
    return poly, np.sqrt(error / size)


def lpc_vocoder(wave, rng):
    """LPC-10-like synthesis: pulses or noise (or both) through frame-wise LPC filters."""
    order, hop = int(rng.integers(12, 25)), int(rng.choice([80, 128, 160]))
    size, mix = hop * 2, float(rng.uniform(0.05, 0.4))
    f0, _ = pyworld.dio(wave.astype(np.float64), RATE, frame_period=1000.0 * hop / RATE)
    window, out = np.hanning(size), np.zeros(len(wave) + size)
    source, phase = np.zeros(len(wave) + size), 0.0
    for sample in range(len(wave)):
        pitch = f0[min(sample // hop, len(f0) - 1)]
        phase += pitch / RATE
        if phase >= 1.0:
            phase -= 1.0
            source[sample] = np.sqrt(RATE / max(pitch, 50.0))
    noise = rng.standard_normal(len(source))
    voiced = np.repeat(f0 > 0, hop)[: len(source)]
    voiced = np.pad(voiced, (0, len(source) - len(voiced)))
    source = np.where(voiced, (1 - mix) * source + mix * noise, noise)
    for start in range(0, len(wave) - size, hop):
        poly, gain = lpc_of(wave[start : start + size] * window, order)
        out[start : start + size] += window * gain * lfilter([1.0], poly, source[start : start + size])
    return out[: len(wave)]


def harmonic_noise(wave, rng):
    """Harmonics with integrated phase under WORLD's envelope, plus shaped noise: a sinusoidal vocoder."""
    f0, envelope, aperiodicity, period, size = world_parts(wave, rng)
    step = int(RATE * period / 1000)
    track = np.interp(np.arange(len(wave)) / step, np.arange(len(f0)), f0)
    phase = 2 * np.pi * np.cumsum(track) / RATE
    voiced, out = track > 40, np.zeros(len(wave))
    amplitude = np.sqrt(envelope * np.maximum(1 - aperiodicity**2, 0))
    frames = np.arange(len(wave)) / step
    low = np.minimum(frames.astype(int), len(f0) - 1)
    jitter = rng.uniform(0, 2 * np.pi, 80) if rng.random() < 0.5 else np.zeros(80)
    for number in range(1, 60):
        bins = np.clip((track * number * size / RATE).astype(int), 0, size // 2)
        live = voiced & (track * number < 7500)
        out += np.where(live, amplitude[low, bins] * np.cos(number * phase + jitter[number]), 0)
    out *= np.sqrt(np.maximum(track, 60) / RATE) * 1.4
    quiet = pyworld.synthesize(
        np.zeros_like(f0), envelope * aperiodicity**2 + 1e-12, np.ones_like(aperiodicity), RATE, period
    )
    count = min(len(out), len(quiet))
    return out[:count] + quiet[:count]


def noise_bands(wave, rng):
    """The upper band is replaced by noise with the same envelope, as cheap decoders and vocoders do."""
    size, hop = 512, 128
    window = torch.hann_window(size)
    spectrum = torch.stft(torch.from_numpy(wave), size, hop, window=window, return_complex=True)
    cut = int(rng.uniform(1500, 4500) / RATE * size)
    width = int(rng.choice([4, 8, 16]))
    noise = torch.from_numpy(rng.standard_normal(len(wave)).astype(np.float32))
    other = torch.stft(noise, size, hop, window=window, return_complex=True)
    other = other / (other.abs().mean() + 1e-9)
    smooth = torch.nn.functional.avg_pool1d(spectrum.abs().T[:, None], width, 1, width // 2)[:, 0, : size // 2 + 1].T
    spectrum[cut:] = other[cut:] * smooth[cut:]
    return torch.istft(spectrum, size, hop, window=window, length=len(wave)).numpy()


SYSTEMS = {
    "world-copy": world,
    "griffinlim-mel-copy": mel_griffin_lim,
    "griffinlim-linear-copy": linear_griffin_lim,
    "minimum-phase-copy": minimum_phase,
    "lpc-copy": lpc_vocoder,
    "harmonic-noise-copy": harmonic_noise,
    "noise-band-copy": noise_bands,
}
