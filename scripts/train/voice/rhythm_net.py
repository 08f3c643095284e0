"""A network on the rhythm of a window: how bands swell and step together over time, and how the pitch moves.

Overlap-add changers splice at a fixed rate, synthesisers pause and glide too evenly, shifted voices lose the tie
between low and high harmonics. About 2 000 numbers: modulation spectra of 16 bands (levels and steps), how bands
move together, and the strength, steps and curvature of a pitch track found apart in low and high bands.
"""

import math

import torch
from torch.nn import functional as F

from spectrum import RATE, SIZE, Spectrum, log_power
from statistics_net import Judge

BANDS, SPAN, SLOWEST = 16, 128, 1
LAGS = torch.arange(36, 232)


class RhythmNet(Judge):
    """Modulation and pitch statistics, then a small judge."""

    def __init__(self, width=160):
        super().__init__()
        self.spectrum = Spectrum()
        angle = 2 * math.pi / SPAN * torch.arange(SLOWEST, SPAN // 2)[:, None] * torch.arange(SPAN)[None]
        window = torch.hann_window(SPAN)
        kernel = torch.cat([torch.cos(angle), torch.sin(angle)]) * window / window.sum()
        self.register_buffer("waves", kernel[:, None], persistent=False)
        bins = torch.arange(1, SIZE // 2 + 1)
        self.register_buffer("lags", torch.cos(2 * math.pi * LAGS[:, None] * bins[None] / SIZE), persistent=False)
        self.register_buffer("octaves", torch.log2(LAGS.float())[None, :, None], persistent=False)
        self.parts = [(int(low * SIZE / RATE), int(high * SIZE / RATE)) for low, high in ((80, 1500), (1500, 4000))]
        self.prepare(width)

    def modulations(self, bands):
        """[batch, bands, frames] in; log power at 63 rates of change, each band's mean taken off, out."""
        batch, count, frames = bands.shape
        made = F.conv1d(bands.reshape(batch * count, 1, frames), self.waves, stride=SPAN // 4)
        half = made.shape[1] // 2
        power = torch.log((made[:, :half] ** 2 + made[:, half:] ** 2).mean(dim=2) + 1e-5)
        power = power.reshape(batch, count, half)
        level = power.mean(dim=2, keepdim=True)
        return torch.cat([(power - level).flatten(1), level.flatten(1)], dim=1)

    def together(self, bands):
        """[batch, bands, frames] in, the correlations of all pairs of bands out."""
        bands = bands - bands.mean(dim=2, keepdim=True)
        bands = bands / torch.sqrt((bands**2).mean(dim=2, keepdim=True) + 1e-4)
        return (bands @ bands.transpose(1, 2) / bands.shape[2]).flatten(1)

    def pitch(self, power):
        """Power in one part of the spectrum in; strength [batch, 1, frames] and octave of its pitch out."""
        low, high = power
        level = torch.sqrt(low + 1e-7)
        curve = (self.lags[:, high[0] : high[1]] @ level) / (level.sum(dim=1, keepdim=True) + 1e-6)
        weight = torch.softmax(curve * 60, dim=1)
        place = (weight * self.octaves).sum(dim=1, keepdim=True)
        return curve.amax(dim=1, keepdim=True), place, curve

    def statistics(self, wave):
        """Windows in, their statistics out."""
        real, imag = self.spectrum(wave)
        logs = log_power(real, imag)
        power = real * real + imag * imag
        bands = F.avg_pool1d(logs.transpose(1, 2), logs.shape[1] // BANDS).transpose(1, 2)
        steps = F.avg_pool1d((logs[:, :, 1:] - logs[:, :, :-1]).abs().transpose(1, 2), 16).transpose(1, 2)
        steps = steps - steps.mean(dim=2, keepdim=True)
        out = [self.modulations(bands), self.modulations(steps), self.together(bands), self.together(steps)]
        tracks = [self.pitch((power[:, low:high], (low, high))) for low, high in self.parts]
        weight = torch.relu(tracks[0][0] - 0.3)
        weight = weight / (weight.mean(dim=2, keepdim=True) + 1e-3)
        for strength, place, curve in tracks:
            numbers = [strength, strength**2, torch.tanh(strength * 8 - 4)]
            for gap in (1, 2, 4, 8):
                moved = place[:, :, gap:] - place[:, :, :-gap]
                bent = moved[:, :, gap:] - moved[:, :, :-gap]
                changed = strength[:, :, gap:] - strength[:, :, :-gap]
                for values in (moved, bent, changed):
                    numbers += [values.abs(), torch.tanh(values.abs() * 20), torch.tanh(values.abs() * 100)]
            for values in numbers:
                share = weight[:, :, : values.shape[2]]
                out += [values.mean(dim=2), (values * share).sum(dim=2) / (share.sum(dim=2) + 1e-3)]
            lined = (curve * weight).mean(dim=2)
            out.append(F.avg_pool1d(lined[:, None], 4)[:, 0])
        apart = (tracks[0][1] - tracks[1][1]).abs()
        for values in (apart, torch.tanh(apart * 10), tracks[0][0] * tracks[1][0]):
            out += [values.mean(dim=2), (values * weight).sum(dim=2) / (weight.sum(dim=2) + 1e-3)]
        return torch.cat(out, dim=1)
