"""A network that sees no picture, only statistics of a window: about 3 000 numbers, then two small layers.

Each band of the log power (its mean taken off, so that microphones and codecs matter little) gives its moments and
the mean size of its steps over three gaps of time; neighbouring bands give how they move together; phases give how
coherent they are along frequency and time. Everything is taken once plainly and once weighted by the band's
strength. Three sizes of the short-time spectrum see three things: short ones pulses, long ones single harmonics.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from spectrum import Spectrum, log_power


def reduced(rows, goal):
    """[batch, bands, n] in, neighbouring bands averaged to `goal` of them out; a missing last band counts as zero."""
    bands = int(rows.shape[1])  # a plain number, since the ONNX writer would divide it otherwise
    times = -(-bands // goal)
    rows = F.pad(rows, (0, 0, 0, times * goal - bands))
    return F.avg_pool1d(rows.transpose(1, 2), times).transpose(1, 2) if times > 1 else rows


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


class Judge(nn.Module):
    """Numbers about a window in, a logit out: normalisation and two hidden layers. `statistics` is the subclass's."""

    def prepare(self, width):
        """Builds the layers once the statistics can be counted."""
        count = self.statistics(torch.randn(1, 28_000)).shape[1]
        self.norm = nn.BatchNorm1d(count, affine=False)
        self.enter = nn.Linear(count, width)
        self.embed = nn.Linear(width, 64)
        self.score = nn.Linear(64, 1)

    def judge(self, known, hide=None):
        """Statistics [batch, count] in, logits [batch, 1] out; `hide` sets some of them to zero while training."""
        if self.training:
            known = self.norm(known)
        else:  # written out, since the ONNX writer does not know the count of numbers here
            known = (known - self.norm.running_mean) / torch.sqrt(self.norm.running_var + self.norm.eps)
        known = known.clamp(-5, 5) if hide is None else hide(known.clamp(-5, 5))
        known = F.dropout(known, 0.3, self.training)
        inside = F.dropout(F.relu(self.enter(known)), 0.4, self.training)
        return self.score(F.relu(self.embed(inside)))

    def forward(self, wave):
        return self.judge(self.statistics(wave))


class StatisticsNet(Judge):
    """Statistics of one short-time spectrum; `gaps` are in frames."""

    cepstra = 60

    def __init__(self, size=512, hop=160, gaps=(1, 3, 8), width=192):
        super().__init__()
        self.spectrum, self.gaps, self.rows = Spectrum(size, hop), gaps, min(128, size // 2)
        place = torch.arange(size // 2) + 0.5
        angle = math.pi / (size // 2) * place[None] * torch.arange(self.cepstra)[:, None]
        self.register_buffer("basis", torch.cos(angle) * math.sqrt(4 / size), persistent=False)
        self.prepare(width)

    def layout(self):
        """For each statistic the numbers of its band (-1 for those of the whole spectrum) and of its kind."""
        count, wide = 2 * self.rows, self.cepstra
        bands = [torch.arange(self.rows).repeat_interleave(2).repeat(11), torch.full((3 * wide,), -1)]
        kinds = [torch.arange(11).repeat_interleave(count), torch.arange(11, 14).repeat_interleave(wide)]
        return torch.cat(bands), torch.cat(kinds)

    def statistics(self, wave):
        """Windows in, their statistics [batch, about 3 000] out."""
        real, imag = self.spectrum(wave)
        logs = log_power(real, imag)
        weight = torch.exp(logs.clamp(max=4.0))
        spread = torch.sqrt((logs**2).mean(dim=2, keepdim=True) + 1e-4)
        shape = logs / spread
        steps = [(logs[:, :, gap:] - logs[:, :, :-gap]).abs() for gap in self.gaps]
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
        return torch.cat([reduced(part, self.rows).flatten(1) for part in rows] + deviations, dim=1)
