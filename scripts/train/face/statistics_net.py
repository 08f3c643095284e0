"""A network on statistics of a crop, with no picture: what stays of a trace when place and person go.

In: RGB crops (n,3,160,160) normalised with the ImageNet mean and deviation. Out: `logit` (n,1), higher = masked.
Five regions (face, its edge, surroundings, eyes, mouth) each give: how strong and how peaked high-pass residuals are
in luma and chroma at two scales, how they repeat a few pixels on, how the channels go together, and the same strength
and peakedness for the 63 cosines of 8x8 blocks. Differences between regions are added: camera and codec treat both
alike, a mask does not. High-pass kernels: Fridrich & Kodovsky, IEEE TIFS 7 (2012).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

import align
import model

YCC = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
KERNELS = (
    ((1, -2, 1),),
    ((1,), (-2,), (1,)),
    ((-0.5, 1, -0.5), (1, -2, 1), (-0.5, 1, -0.5)),
    tuple(tuple(v / 6 for v in row) for row in (
        (-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))),
)
SHIFTS = ((0, 1), (1, 0), (0, 2), (2, 0), (1, 1), (0, 4), (4, 0))
DIFFERENCES = ((0, 2), (1, 2), (3, 0), (4, 0))  # face - surroundings, edge - surroundings, eyes - face, mouth - face


def disc(centre, across, down):
    """Distance of each pixel from a point, in the given radii."""
    at = torch.arange(float(align.SIZE))
    return torch.sqrt(((at[None, :] - centre[0]) / across) ** 2 + ((at[:, None] - centre[1]) / down) ** 2)


def regions():
    """Masks (5,160,160): face, its edge, surroundings, eyes, mouth."""
    points = torch.tensor(align.TEMPLATE * align.SIZE, dtype=torch.float32)
    eye = (points[1] - points[0]).norm()
    face = disc(points.mean(0) + torch.tensor([0, 0.05 * eye]), eye, 1.3 * eye)
    eyes = torch.minimum(*(disc(p, 0.35 * eye, 0.35 * eye) for p in points[:2]))
    mouth = disc((points[3] + points[4]) / 2, 0.55 * eye, 0.35 * eye)
    return torch.stack([face < 0.85, (face >= 0.85) & (face < 1.2), face >= 1.2, eyes < 1, mouth < 1]).float()


def weights(masks):
    """Masks (r,h,w) as weightings (h*w,r) that each sum to one."""
    flat = masks.flatten(1)
    return (flat / flat.sum(1, keepdim=True)).T


def kernels():
    """The high-pass kernels, padded to (4,1,5,5)."""
    out = torch.zeros(len(KERNELS), 1, 5, 5)
    for i, kernel in enumerate(KERNELS):
        values = torch.tensor(kernel, dtype=torch.float32)
        top, left = (5 - values.shape[0]) // 2, (5 - values.shape[1]) // 2
        out[i, 0, top : top + values.shape[0], left : left + values.shape[1]] = values
    return out


def cosines():
    """The cosines of 8x8 blocks but the constant one, (63,1,8,8)."""
    wave = torch.tensor([[math.cos(math.pi * (2 * i + 1) * u / 16) for i in range(8)] for u in range(8)])
    wave = wave * torch.tensor([math.sqrt(1 / 8)] + [0.5] * 7)[:, None]
    return (wave[:, None, :, None] * wave[None, :, None, :]).reshape(64, 1, 8, 8)[1:]


def strength(values, weighting):
    """(log mean size, log peakedness, mean square) of maps (n,c,h,w) in each region, (n,c,5) each."""
    flat = values.flatten(2)
    size, square = flat.abs() @ weighting, (flat * flat) @ weighting
    level = torch.log(size + 0.05)
    return level, torch.log(square + 0.01) - 2 * level, square


class StatisticsNet(nn.Module):
    """Statistics, two hidden layers of `width` and `inner` cells, a logit."""

    def __init__(self, width=128, inner=48):
        super().__init__()
        masks = regions()
        half, blocks = F.avg_pool2d(masks[None], 2)[0], F.avg_pool2d(masks[None], 8, 4)[0]
        for name, values in (("fine", weights(masks)), ("coarse", weights(half)), ("blocks", weights(blocks))):
            self.register_buffer(name, values, persistent=False)
        for name, values in (("kernels", kernels()), ("cosines", cosines()), ("ycc", torch.tensor(YCC)[:, :, None, None])):
            self.register_buffer(name, values, persistent=False)
        for name, values in (("mean", model.MEAN), ("std", model.STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        count = self.statistics(torch.zeros(1, 3, align.SIZE, align.SIZE)).shape[1]
        self.register_buffer("middle", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))
        self.enter, self.embed, self.score = nn.Linear(count, width), nn.Linear(width, inner), nn.Linear(inner, 1)

    def residuals(self, channels, weighting):
        """Statistics of the high-pass residuals of (n,3,h,w)."""
        high = torch.cat([F.conv2d(channels[:, c : c + 1], self.kernels, padding=2) for c in range(3)], 1)
        level, peaks, square = strength(high, weighting)
        rows = [level, peaks]
        for shift in SHIFTS:
            again = torch.roll(high, shift, (2, 3))
            rows.append((high * again).flatten(2) @ weighting / (square + 0.05))
        for a, b in ((0, 1), (0, 2), (1, 2)):
            one, two = slice(4 * a, 4 * a + 4), slice(4 * b, 4 * b + 4)
            both = (high[:, one] * high[:, two]).flatten(2) @ weighting
            rows.append(both / torch.sqrt((square[:, one] + 0.05) * (square[:, two] + 0.05)))
        return rows

    def statistics(self, x):
        """Crops in, their statistics (n, about 3 300) out."""
        channels = F.conv2d((x * self.std + self.mean) * 255, self.ycc)
        rows = self.residuals(channels, self.fine) + self.residuals(F.avg_pool2d(channels, 2), self.coarse)
        rows += strength(F.conv2d(channels[:, :1], self.cosines, stride=4), self.blocks)[:2]
        table = torch.cat(rows, 1)
        apart = [table[:, :, a : a + 1] - table[:, :, b : b + 1] for a, b in DIFFERENCES]
        return torch.cat([table, *apart], 2).flatten(1)

    def judge(self, statistics):
        """Statistics in, logits (n,1) out."""
        known = ((statistics - self.middle) / self.spread).clamp(-5, 5)
        inside = F.relu(self.enter(F.dropout(known, 0.3, self.training)))
        return self.score(F.relu(self.embed(F.dropout(inside, 0.4, self.training))))

    def forward(self, x):
        return self.judge(self.statistics(x))


def merged(networks):
    """One network whose logit is the mean of the given ones', which were trained on the same statistics."""
    one, count = StatisticsNet(*(len(networks) * w for w in networks[0].embed.weight.shape[::-1])), len(networks)
    with torch.no_grad():
        one.middle.copy_(networks[0].middle)
        one.spread.copy_(networks[0].spread)
        one.enter.weight.copy_(torch.cat([n.enter.weight for n in networks]))
        one.enter.bias.copy_(torch.cat([n.enter.bias for n in networks]))
        one.embed.weight.copy_(torch.block_diag(*(n.embed.weight for n in networks)))
        one.embed.bias.copy_(torch.cat([n.embed.bias for n in networks]))
        one.score.weight.copy_(torch.cat([n.score.weight for n in networks], 1) / count)
        one.score.bias.copy_(sum(n.score.bias for n in networks) / count)
    return one.eval()
