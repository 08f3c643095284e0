"""A network on statistics of a window's spectrum, with no picture: what stays of a trace when place and words go.

In: raw windows [batch, samples] at 16 kHz. Out: one logit each (masked > 0). For each of 128 bands it takes moments
and step sizes of the log power, how neighbouring bands move together, and how coherent the phases are along
frequency, along time and along both; all once plain and once weighted by power. Cepstral deviations are added.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from spectrum import Spectrum, log_power


def halved(rows):
    """[batch, 256 or 255, n] over bands in, neighbouring bands averaged to 128 out."""
    return F.avg_pool1d(F.pad(rows, (0, 0, 0, 256 - rows.shape[1])).transpose(1, 2), 2).transpose(1, 2)


def turned(a, b):
    """Two complex pictures as (real, imaginary) in, a times the conjugate of b out."""
    return a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]


def unit(picture):
    """A complex picture in, each value scaled to length 1 out."""
    size = torch.sqrt(picture[0] ** 2 + picture[1] ** 2) + 1e-6
    return picture[0] / size, picture[1] / size


def averages(values, weight):
    """[batch, bands, frames] in, plain and weighted means over time [batch, bands, 2] out."""
    weight = weight[:, : values.shape[1], : values.shape[2]]
    weighted = (values * weight).sum(dim=2) / (weight.sum(dim=2) + 1e-6)
    return torch.stack([values.mean(dim=2), weighted], dim=2)


class StatisticsNet(nn.Module):
    """Statistics, two hidden layers, a logit."""

    cepstra = 60

    def __init__(self, width=192):
        super().__init__()
        self.spectrum = Spectrum()
        place = torch.arange(256) + 0.5
        basis = torch.cos(math.pi / 256 * place[None] * torch.arange(self.cepstra)[:, None]) * math.sqrt(2 / 256)
        self.register_buffer("basis", basis, persistent=False)
        count = self.statistics(torch.randn(1, 8000)).shape[1]
        self.norm = nn.BatchNorm1d(count, affine=False)
        self.enter = nn.Linear(count, width)
        self.embed = nn.Linear(width, 64)
        self.score = nn.Linear(64, 1)

    def statistics(self, wave):
        """Windows in, their statistics [batch, about 3 000] out."""
        real, imag = self.spectrum(wave)
        logs = log_power(real, imag)
        weight = torch.exp(logs.clamp(max=4.0))
        spread = torch.sqrt((logs**2).mean(dim=2, keepdim=True) + 1e-4)
        shape = logs / spread
        steps = [(logs[:, :, gap:] - logs[:, :, :-gap]).abs() for gap in (1, 3, 8)]
        phase = unit((real, imag))
        along = turned((phase[0][:, 1:], phase[1][:, 1:]), (phase[0][:, :-1], phase[1][:, :-1]))
        across = turned((phase[0][:, :, 1:], phase[1][:, :, 1:]), (phase[0][:, :, :-1], phase[1][:, :, :-1]))
        bend = turned((across[0][:, :, 1:], across[1][:, :, 1:]), (across[0][:, :, :-1], across[1][:, :, :-1]))
        cross = turned((along[0][:, :, 1:], along[1][:, :, 1:]), (along[0][:, :, :-1], along[1][:, :, :-1]))
        rows = [spread.expand(-1, -1, 2)]
        rows += [averages(values, weight) for values in (shape**3, shape**4, *steps, shape[:, 1:] * shape[:, :-1])]
        rows += [averages(values, weight) for values in (*along, bend[0], cross[0])]
        cepstra = self.basis @ logs
        first = cepstra[:, :, 1:] - cepstra[:, :, :-1]
        deviations = [values.std(dim=2) for values in (cepstra, first, first[:, :, 1:] - first[:, :, :-1])]
        return torch.cat([halved(part).flatten(1) for part in rows] + deviations, dim=1)

    def judge(self, known):
        """Statistics [batch, count] in, logits [batch, 1] out."""
        if self.training:
            known = self.norm(known)
        else:  # written out, since the ONNX writer does not know the count of numbers here
            known = (known - self.norm.running_mean) / torch.sqrt(self.norm.running_var + self.norm.eps)
        known = F.dropout(known.clamp(-5, 5), 0.3, self.training)
        inside = F.dropout(F.relu(self.enter(known)), 0.4, self.training)
        return self.score(F.relu(self.embed(inside)))

    def forward(self, wave):
        return self.judge(self.statistics(wave))
