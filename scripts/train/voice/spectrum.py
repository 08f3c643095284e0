"""The short-time spectrum inside the networks, in a form that trains with an FFT and exports as a convolution."""

import math

import torch
from torch import nn
from torch.nn import functional as F

SIZE, HOP, RATE = 512, 160, 16_000


class Spectrum(nn.Module):
    """Raw windows in, real and imaginary STFT parts [batch, size / 2, frames] out, after level normalisation."""

    def __init__(self, size=SIZE, hop=HOP):
        super().__init__()
        self.size, self.hop, self.export = size, hop, False
        window = torch.hann_window(size)
        self.register_buffer("window", window, persistent=False)
        angle = 2 * math.pi * torch.arange(1, size // 2 + 1)[:, None] * torch.arange(size)[None] / size
        kernel = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window
        self.register_buffer("kernel", kernel[:, None], persistent=False)

    def forward(self, wave):
        wave = wave - wave.mean(dim=1, keepdim=True)
        wave = wave / torch.sqrt((wave * wave).mean(dim=1, keepdim=True) + 1e-10)
        wave = torch.cat([wave[:, :1], wave[:, 1:] - 0.9 * wave[:, :-1]], dim=1)
        if self.export:
            both = F.conv1d(wave[:, None], self.kernel, stride=self.hop)
            return both[:, : self.size // 2], both[:, self.size // 2 :]
        spectrum = torch.stft(wave, self.size, self.hop, window=self.window, center=False, return_complex=True)[:, 1:]
        return spectrum.real, spectrum.imag


def log_power(real, imag):
    """STFT parts in, log power with a floor 60 dB under the mean and each band's mean taken off, out."""
    power = real * real + imag * imag
    floor = power.mean(dim=(1, 2), keepdim=True) * 1e-5
    logs = torch.log(power + floor)
    return (logs - logs.mean(dim=2, keepdim=True)) * 0.4
