"""Small vocoders of our own, for their traces: a real clip goes in, the same words through one come out.

They predict magnitude and phase of an STFT from mel frames with ConvNeXt blocks, the form of Vocos
(arXiv:2306.00814), which much synthesis since 2023 ends in; train_vocoders.py trains them.
"""

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torch import nn
from torch.nn import functional as F

from data import held_speaker
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
        return self.spoken(self.mel(wave), wave.shape[1])

    def spoken(self, frames, samples):
        """Mel frames [batch, bins, n] in, waves of so many samples out."""
        level, phase = self.leave(self.body(self.enter(frames))).chunk(2, dim=1)
        spectrum = torch.polar(torch.exp(level.clamp(max=6.0)), phase)
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], dim=2)
        return torch.istft(spectrum, self.size, self.hop, window=self.mel.window, length=samples)


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


class Quantiser:
    """A codec's words: mel frames are rounded to sums of entries of three small books, fitted on real clips."""

    def __init__(self, network, clips, entries=128, stages=3, wanted=12_000):
        frames, have = [], 0
        for row, wave in clips:
            if not held_speaker(row.speaker):
                frames.append(network.mel(torch.from_numpy(wave)[None])[0].T)
                have += len(frames[-1])
            if have > wanted:
                break
        rest, self.books = torch.cat(frames), []
        for _ in range(stages):
            fit = MiniBatchKMeans(entries, random_state=0, n_init=1, batch_size=2048).fit(rest.numpy())
            self.books.append(torch.from_numpy(fit.cluster_centers_.astype(np.float32)))
            rest = rest - self.books[-1][torch.cdist(rest, self.books[-1]).argmin(dim=1)]

    def coded(self, mel):
        """Mel frames [bins, n] in, the same in the books' words out."""
        rest, told = mel.T, torch.zeros_like(mel.T)
        for book in self.books:
            word = book[torch.cdist(rest, book).argmin(dim=1)]
            told, rest = told + word, rest - word
        return told.T


def render(wave, network, change=None):
    """A wave (float32 at 16 kHz) in, its copy of the same length out; `change` bends the mel frames [bins, n]."""
    device = next(network.parameters()).device
    with torch.no_grad():
        frames = network.mel(torch.from_numpy(wave)[None].to(device))
        frames = frames if change is None else change(frames[0].cpu())[None].to(device)
        made = network.spoken(frames, len(wave))
    return made[0].cpu().numpy()
