"""Traces of neural generators put onto real clips: the words, voice and rhythm stay, the fine structure does not.

Every function takes (wave float32 at 16 kHz, numpy Generator) and returns a wave of the same length. They stand
for what networks leave behind: images and aliases of their upsampling layers, phases that lose hold of the
harmonics towards high frequencies, magnitudes that a mel spectrum has smoothed.
"""

import numpy as np
import torch
from scipy.signal import firwin, lfilter

from dsp_vocoders import mel_basis


def stft(wave, size, hop):
    """A wave in, its complex STFT with a Hann window out."""
    return torch.stft(torch.from_numpy(wave), size, hop, window=torch.hann_window(size), return_complex=True)


def back(spectrum, size, hop, length):
    """The inverse of `stft`."""
    return torch.istft(spectrum, size, hop, window=torch.hann_window(size), length=length).numpy()


def upsampler_images(wave, rng):
    """The low band is decimated and brought back by short random kernels, so its images fill the upper band."""
    factor = int(rng.choice([2, 2, 4]))
    filtered = lfilter(firwin(int(rng.choice([9, 17, 33])), 0.95 / factor), 1.0, wave)
    low = filtered[::factor]
    if rng.random() < 0.5:
        low = np.maximum(low, rng.uniform(0.1, 0.9) * low)
    stuffed = np.zeros(len(wave))
    stuffed[::factor] = low[: len(stuffed[::factor])]
    kernel = firwin(int(rng.choice([3, 4, 8, 16])), 1.0 / factor) + rng.normal(0, 0.03, 1)
    for phase in range(factor):
        kernel[phase::factor] *= 1 + rng.normal(0, 0.15)
    image = lfilter(kernel * factor, 1.0, stuffed)
    share = rng.uniform(0.1, 0.9)
    high = wave - np.convolve(wave, firwin(63, 0.95 / factor), "same")
    return image * share + (wave - high * share) * (1 - share)


def loose_phase(wave, rng):
    """Phase noise that grows with frequency and wanders slowly over time; magnitudes stay."""
    size = int(rng.choice([512, 1024]))
    hop = size // 4
    spectrum = stft(wave, size, hop)
    bins, frames = spectrum.shape
    rise = torch.linspace(0, 1, bins)[:, None] ** float(rng.uniform(0.3, 1.5)) * float(rng.uniform(0.6, 3.0))
    noise = torch.from_numpy(rng.standard_normal((bins, frames)).astype(np.float32))
    if rng.random() < 0.5:
        noise = torch.cumsum(noise, dim=1) * float(rng.uniform(0.2, 0.6))
    return back(spectrum * torch.polar(torch.ones(bins, frames), rise * noise), size, hop, len(wave))


def mel_magnitudes(wave, rng):
    """The clip's own phases under magnitudes that went through a mel spectrum, wholly or above a frequency."""
    size = int(rng.choice([512, 1024]))
    hop = size // 4
    spectrum = stft(wave, size, hop)
    basis = mel_basis(size, int(rng.choice([60, 80, 100])), 8000.0)
    smooth = torch.clamp(torch.linalg.pinv(basis.T) @ (basis.T @ spectrum.abs()), min=1e-6)
    ratio = smooth / (spectrum.abs() + 1e-6)
    ratio[: int(rng.uniform(0, 0.4) * size / 2)] = 1
    return back(spectrum * ratio.clamp(max=20), size, hop, len(wave))


def frame_mask(wave, rng):
    """Magnitudes redrawn around a smoothed picture of themselves, as diffusion and codec decoders do."""
    size = int(rng.choice([400, 640, 1024]))
    hop = size // 4
    spectrum = stft(wave, size, hop)
    logs = torch.log(spectrum.abs() + 1e-5)
    smooth = torch.nn.functional.avg_pool2d(logs[None, None], (3, 5), 1, (1, 2), count_include_pad=False)[0, 0]
    noise = torch.from_numpy(rng.standard_normal(tuple(logs.shape)).astype(np.float32)) * float(rng.uniform(0.1, 0.5))
    share = float(rng.uniform(0.5, 1.0))
    return back(spectrum * torch.exp((smooth + noise - logs) * share), size, hop, len(wave))


def same_colour(fake, real, bands=40, limit=40.0):
    """A fake and its real clip in, the fake with the real one's long-term spectrum (and so its band limits) out."""
    size = max(len(fake), len(real))
    made, goal = np.fft.rfft(fake, size), np.fft.rfft(real, size)
    edges = np.linspace(0, len(made), bands + 1).astype(int)
    level = [
        10 * np.log10((np.sum(np.abs(goal[a:b]) ** 2) + 1e-7) / (np.sum(np.abs(made[a:b]) ** 2) + 1e-7))
        for a, b in zip(edges, edges[1:])
    ]
    curve = np.interp(np.arange(len(made)), (edges[1:] + edges[:-1]) / 2, np.clip(level, -limit, limit))
    return np.fft.irfft(made * 10 ** (curve / 20), size)[: len(fake)]


TRACES = {
    "upsampler-images": upsampler_images,
    "loose-phase": loose_phase,
    "mel-magnitudes": mel_magnitudes,
    "redrawn-magnitudes": frame_mask,
}
