"""Small vocoders of our own, for their traces: a real clip goes in, the same words through one come out.

They predict magnitude and phase of an STFT from mel frames with ConvNeXt blocks, the form of Vocos
(arXiv:2306.00814), which much synthesis since 2023 ends in; train_vocoders.py trains them.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dsp_vocoders import mel_basis

RATE = 16_000


class MelFrames(nn.Module):
    """Waves [batch, samples] in, log-mel frames [batch, bins, samples / hop] out."""

    def __init__(self, size, hop, bins):
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("basis", mel_basis(size, bins, 8000.0).T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, wave):
        spectrum = torch.stft(wave, self.size, self.hop, window=self.window, return_complex=True)[..., :-1]
        return torch.log(torch.clamp(self.basis @ spectrum.abs(), min=1e-4))


class Mixer(nn.Module):
    """A ConvNeXt block over time."""

    def __init__(self, width):
        super().__init__()
        self.spread = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inside = nn.Linear(width, 3 * width)
        self.outside = nn.Linear(3 * width, width)

    def forward(self, x):
        y = self.norm(self.spread(x).transpose(1, 2))
        return x + 0.3 * self.outside(F.gelu(self.inside(y))).transpose(1, 2)


class IstftVocoder(nn.Module):
    """Mel frames to magnitude and phase to a wave."""

    def __init__(self, size, hop, bins, width=192, depth=5):
        super().__init__()
        self.mel = MelFrames(size, hop, bins)
        self.enter = nn.Conv1d(bins, width, 7, padding=3)
        self.body = nn.Sequential(*[Mixer(width) for _ in range(depth)])
        self.leave = nn.Conv1d(width, size + 2, 1)
        self.size, self.hop = size, hop

    def forward(self, wave):
        level, phase = self.leave(self.body(self.enter(self.mel(wave)))).chunk(2, dim=1)
        spectrum = torch.polar(torch.exp(level.clamp(max=6.0)), phase)
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], dim=2)
        return torch.istft(spectrum, self.size, self.hop, window=self.mel.window, length=wave.shape[1])


VOCODERS = {
    "istft-80": lambda: IstftVocoder(1024, 256, 80),
    "istft-100": lambda: IstftVocoder(640, 160, 100),
}


def load_vocoder(path, device="cpu"):
    """A checkpoint of train_vocoders.py in, the trained vocoder ready for inference out."""
    saved = torch.load(path, map_location=device, weights_only=True)
    network = VOCODERS[saved["name"]]().to(device)
    network.load_state_dict(saved["network"])
    return network.eval()


def render(wave, network):
    """A wave (float32 at 16 kHz) in, its copy of the same length out."""
    with torch.no_grad():
        made = network(torch.from_numpy(wave)[None].to(next(network.parameters()).device))
    return made[0].cpu().numpy()
