"""The networks under comparison. In: raw windows [batch, samples] at 16 kHz. Out: one logit each (masked > 0).

Level normalisation and spectra are part of the network. Training computes the STFT with an FFT; `for_export`
swaps in a convolution with fixed weights that gives the same numbers inside ONNX.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from rhythm_net import RhythmNet
from spectrum import RATE, SIZE, Spectrum, log_power
from statistics_net import StatisticsNet


class PhaseFront(nn.Module):
    """Three pictures: log power, and cosine and sine of the phase step between neighbouring bands."""

    channels, bands = 3, 256

    def __init__(self):
        super().__init__()
        self.spectrum = Spectrum()

    def forward(self, wave):
        real, imag = self.spectrum(wave)
        low_r, low_i = F.pad(real[:, :-1], (0, 0, 1, 0)), F.pad(imag[:, :-1], (0, 0, 1, 0))
        along = -(real * low_r + imag * low_i)
        across = -(imag * low_r - real * low_i)
        size = torch.sqrt(along * along + across * across) + 1e-3
        return torch.stack([log_power(real, imag), along / size, across / size], dim=1)


class MelFront(nn.Module):
    """One picture: the log of 96 mel bands."""

    channels, bands = 1, 96

    def __init__(self):
        super().__init__()
        self.spectrum = Spectrum()
        hertz = torch.arange(1, SIZE // 2 + 1) * RATE / SIZE
        top = 2595 * math.log10(1 + 8000 / 700)
        edges = 700 * (10 ** (torch.linspace(0, top, self.bands + 2) / 2595) - 1)
        width = torch.clamp(edges[1:] - edges[:-1], min=RATE / SIZE)
        rise = (hertz[None] - (edges[1:-1] - width[:-1])[:, None]) / width[:-1, None]
        fall = ((edges[1:-1] + width[1:])[:, None] - hertz[None]) / width[1:, None]
        self.register_buffer("basis", torch.clamp(torch.minimum(rise, fall), min=0), persistent=False)

    def forward(self, wave):
        real, imag = self.spectrum(wave)
        power = self.basis @ (real * real + imag * imag)
        logs = torch.log(power + power.mean(dim=(1, 2), keepdim=True) * 1e-5)
        return ((logs - logs.mean(dim=2, keepdim=True)) * 0.4)[:, None]


class LfccFront(nn.Module):
    """Three pictures: 60 linear-frequency cepstra, their first and second differences."""

    channels, bands = 3, 60

    def __init__(self):
        super().__init__()
        self.spectrum = Spectrum()
        place = torch.arange(256) + 0.5
        basis = torch.cos(math.pi / 256 * place[None] * torch.arange(self.bands)[:, None]) * math.sqrt(2 / 256)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, wave):
        cepstra = self.basis @ log_power(*self.spectrum(wave))
        first = F.pad(cepstra[:, :, 2:] - cepstra[:, :, :-2], (1, 1))
        second = F.pad(first[:, :, 2:] - first[:, :, :-2], (1, 1))
        return torch.stack([cepstra, first, second], dim=1)


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, the first with a stride."""

    def __init__(self, inside, outside, stride):
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.skip = nn.Sequential(
            nn.AvgPool2d(stride, stride, ceil_mode=True), nn.Conv2d(inside, outside, 1, bias=False)
        )

    def forward(self, x):
        y = self.second(F.relu(self.norm1(self.first(x))))
        return F.relu(self.norm2(y) + self.skip(x))


class MaxPair(nn.Module):
    """A convolution whose two halves compete (max-feature-map), as in light CNNs, then 2x2 pooling."""

    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv = nn.Conv2d(inside, 2 * outside, 3, 1, 1)
        self.norm = nn.BatchNorm2d(outside)
        self.stride = stride

    def forward(self, x):
        left, right = self.conv(x).chunk(2, dim=1)
        return self.norm(F.max_pool2d(torch.maximum(left, right), self.stride, self.stride, ceil_mode=True))


class Detector(nn.Module):
    """A front, a small convolutional body, attention over time for each band, and a logit."""

    def __init__(self, front, block, widths):
        super().__init__()
        self.front = front
        self.norm = nn.BatchNorm2d(front.channels)
        self.stem = nn.Conv2d(front.channels, widths[0], 5, 2, 2)
        strides = [2, 2, 2] + [(2, 1)] * (len(widths) - 4)
        self.body = nn.Sequential(*[block(a, b, s) for a, b, s in zip(widths, widths[1:], strides)])
        last, bands = widths[-1], -(-front.bands // 2 ** len(widths))
        self.look = nn.Conv1d(last * bands, 1, 1)
        self.drop = nn.Dropout(0.3)
        self.embed = nn.Linear(2 * last * bands, 64)
        self.score = nn.Linear(64, 1)

    def embedding(self, wave, hide=None):
        """Windows in, 64 numbers each out; `hide` masks parts of the pictures while training."""
        picture = self.norm(self.front(wave))
        picture = picture if hide is None else hide(picture)
        picture = picture.contiguous(memory_format=torch.channels_last)
        with torch.autocast(picture.device.type, dtype=torch.bfloat16, enabled=self.training):
            y = self.body(F.relu(self.stem(picture)))
        y = y.float().flatten(1, 2)
        weight = torch.softmax(self.look(y), dim=2)
        mean = (y * weight).sum(dim=2)
        spread = torch.sqrt(((y - mean[:, :, None]) ** 2 * weight).sum(dim=2) + 1e-4)
        return F.relu(self.embed(self.drop(torch.cat([mean, spread], dim=1))))

    def forward(self, wave):
        return self.score(self.embedding(wave))


KINDS = {
    "phase-res": lambda: Detector(PhaseFront(), Block, [16, 24, 48, 64, 96]),
    "mel-res": lambda: Detector(MelFront(), Block, [24, 32, 48, 64]),
    "lfcc-light": lambda: Detector(LfccFront(), MaxPair, [24, 32, 48, 64]),
    "statistics": StatisticsNet,
    "statistics-256": lambda: StatisticsNet(256, 80, (2, 6, 16), 128),
    "statistics-1024": lambda: StatisticsNet(1024, 240, (1, 2, 5), 128),
    "rhythm": RhythmNet,
}
STATISTICS = [name for name in KINDS if name.startswith("statistics") or name == "rhythm"]


class Mean(nn.Module):
    """Several networks on the same window; the weighted mean of their logits.

    Networks of one kind of statistics differ in their layers alone, so the statistics are taken once for all of them.
    """

    def __init__(self, networks, weights, kinds):
        super().__init__()
        self.networks, self.kinds = nn.ModuleList(networks), kinds
        self.weights = [weight / sum(weights) for weight in weights]

    def forward(self, wave):
        known, total = {}, 0.0
        for network, weight, kind in zip(self.networks, self.weights, self.kinds):
            if kind not in STATISTICS:
                total = total + weight * network(wave)
                continue
            if kind not in known:
                known[kind] = network.statistics(wave)
            total = total + weight * network.judge(known[kind])
        return total


def kind_of(path):
    """The kind of network in a checkpoint (`PATH` or `PATH=3`)."""
    return torch.load(str(path).partition("=")[0], map_location="cpu", weights_only=True)["kind"]


def load(paths, device="cpu"):
    """Checkpoints in, the mean of their networks with averaged weights, ready for inference, out.

    `PATH` counts once, `PATH=3` three times as much.
    """
    networks, weights, kinds = [], [], []
    for path in paths:
        path, _, weight = str(path).partition("=")
        saved = torch.load(path, map_location=device, weights_only=True)
        kinds.append(saved["kind"])
        networks.append(build(saved["kind"]).to(device))
        networks[-1].load_state_dict(saved["average"])
        weights.append(float(weight or 1))
    return Mean(networks, weights, kinds).eval()


def for_export(network):
    """Switches the spectra to their convolution form, one for all networks of its size, and the rest to inference."""
    shared = {}
    for part in list(network.modules()):
        for name, child in part.named_children():
            if isinstance(child, Spectrum):
                child.export = True
                setattr(part, name, shared.setdefault((child.size, child.hop), child))
    return network.eval()


def build(kind, seed=1):
    """A network of this kind with seeded weights."""
    torch.manual_seed(seed)
    return KINDS[kind]()
