"""Larger encoders/decoders that re-create a face with its detail: what well-trained tools leave.

In: RGB faces or frames (n,3,h,w) in 0..1, h and w multiples of 16. Out: the same picture as the generator draws it.
`latent` stands for diffusion tools (a decoder from 8x8-pixel codes), `adain` for one-photo swaps (blocks modulated by
an identity vector, bilinear upsampling), `attributes` for those that also take maps of expression and light at every
scale, `codebook` for enhancers that draw a small face again from quantised codes, `reenact` for first-order-motion
tools (moved frame in, hourglass, nearest upsampling), Dense for swaps trained on a few people (dense bottleneck, pixel
shuffle; train_person.py).
"""

import torch
import torch.nn.functional as F
from torch import nn


def conv(cin, cout, kernel=3, stride=1):
    """Convolution with a leaky rectifier."""
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, kernel // 2), nn.LeakyReLU(0.2, True))


class Residual(nn.Module):
    """Two normalised convolutions around a skip."""

    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(8, c), nn.SiLU(True), nn.Conv2d(c, c, 3, 1, 1), nn.GroupNorm(8, c), nn.SiLU(True), nn.Conv2d(c, c, 3, 1, 1)
        )

    def forward(self, x):
        return x + self.body(x)


class Up(nn.Module):
    """Doubling by a fixed kernel, then a convolution."""

    def __init__(self, cin, cout, mode):
        super().__init__()
        self.mode, self.layer = mode, nn.Conv2d(cin, cout, 3, 1, 1)

    def forward(self, x):
        return F.leaky_relu(self.layer(F.interpolate(x, scale_factor=2.0, mode=self.mode)), 0.2)


class Latent(nn.Module):
    """Code of 12 numbers for each 8x8 pixels, noisy, and a residual decoder."""

    def __init__(self, c=24, codes=12):
        super().__init__()
        self.encode = nn.Sequential(conv(3, c), conv(c, 2 * c, 3, 2), conv(2 * c, 4 * c, 3, 2), Residual(4 * c), conv(4 * c, 4 * c, 3, 2), nn.Conv2d(4 * c, codes, 1))
        self.decode = nn.Sequential(
            nn.Conv2d(codes, 4 * c, 3, 1, 1), Residual(4 * c), Residual(4 * c), Up(4 * c, 4 * c, "nearest"), Residual(4 * c),
            Up(4 * c, 2 * c, "nearest"), Residual(2 * c), Up(2 * c, c, "nearest"), Residual(c), nn.Conv2d(c, 3, 3, 1, 1),
        )

    def forward(self, x):
        code = F.instance_norm(self.encode(x))
        return torch.sigmoid(self.decode(code + 0.15 * torch.randn_like(code)))


class Modulated(nn.Module):
    """Residual block whose normalised features are scaled and shifted by the identity vector."""

    def __init__(self, c, style):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(c, c, 3, 1, 1) for _ in range(2))
        self.styles = nn.ModuleList(nn.Linear(style, 2 * c) for _ in range(2))

    def forward(self, x, style):
        h = x
        for i, (layer, to_style) in enumerate(zip(self.layers, self.styles)):
            gain, shift = to_style(style)[:, :, None, None].chunk(2, 1)
            h = F.instance_norm(layer(h)) * (1 + gain) + shift
            h = F.relu(h) if i == 0 else h
        return x + h


class Adain(nn.Module):
    """Content at a quarter of the size through a narrow bottleneck, identity as a vector."""

    def __init__(self, c=24, style=128):
        super().__init__()
        self.content = nn.Sequential(conv(3, c), conv(c, 2 * c, 3, 2), conv(2 * c, 3 * c, 3, 2), conv(3 * c, 3 * c, 3, 2), nn.Conv2d(3 * c, 20, 1))
        self.identity = nn.Sequential(conv(3, c, 5, 4), conv(c, 2 * c, 3, 2), conv(2 * c, 4 * c, 3, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * c, style))
        self.open = Up(20, 4 * c, "bilinear")
        self.blocks = nn.ModuleList(Modulated(4 * c, style) for _ in range(4))
        self.draw = nn.Sequential(Up(4 * c, 2 * c, "bilinear"), conv(2 * c, 2 * c), Up(2 * c, c, "bilinear"), conv(c, c), nn.Conv2d(c, 3, 3, 1, 1))

    def forward(self, x):
        style = self.identity(F.interpolate(x, size=(128, 128), mode="bilinear"))
        h = self.open(self.content(x))
        for block in self.blocks:
            h = block(h, style)
        return torch.sigmoid(self.draw(h))


class Attributed(nn.Module):
    """Block that lets a learned mask choose, place by place, between the identity vector and an attribute map."""

    def __init__(self, c, maps, style):
        super().__init__()
        self.mask, self.layer = nn.Conv2d(c, 1, 3, 1, 1), nn.Conv2d(c, c, 3, 1, 1)
        self.attribute, self.identity = nn.Conv2d(maps, 2 * c, 1), nn.Linear(style, 2 * c)

    def forward(self, x, attribute, style):
        h = F.instance_norm(x)
        mask = torch.sigmoid(self.mask(h))
        gain, shift = self.attribute(attribute).chunk(2, 1)
        own_gain, own_shift = self.identity(style)[:, :, None, None].chunk(2, 1)
        h = mask * (h * (1 + own_gain) + own_shift) + (1 - mask) * (h * (1 + gain) + shift)
        return x + self.layer(F.relu(h))


class Attributes(nn.Module):
    """Narrow attribute maps at four scales, identity as a vector, drawn from coarse to fine."""

    MAPS = (24, 12, 6, 3)

    def __init__(self, c=24, style=128):
        super().__init__()
        widths = (4 * c, 4 * c, 3 * c, 2 * c)
        self.down = nn.ModuleList((conv(3, c, 3, 2), conv(c, 2 * c, 3, 2), conv(2 * c, 3 * c, 3, 2), conv(3 * c, 4 * c, 3, 2)))
        self.maps = nn.ModuleList(nn.Conv2d(w, m, 1) for w, m in zip((4 * c, 3 * c, 2 * c, c), self.MAPS))
        self.identity = nn.Sequential(conv(3, c, 5, 4), conv(c, 2 * c, 3, 2), conv(2 * c, 4 * c, 3, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * c, style))
        self.open = nn.Conv2d(self.MAPS[0], widths[0], 3, 1, 1)
        self.blocks = nn.ModuleList(Attributed(w, m, style) for w, m in zip(widths, self.MAPS))
        self.ups = nn.ModuleList(Up(a, b, "bilinear") for a, b in zip(widths, (*widths[1:], c)))
        self.draw = nn.Conv2d(c, 3, 3, 1, 1)

    def forward(self, x):
        style, stages, h = self.identity(F.interpolate(x, size=(128, 128), mode="bilinear")), [], x
        for layer in self.down:
            stages.append(h := layer(h))
        maps = [layer(stage) for layer, stage in zip(self.maps, reversed(stages))]
        h = self.open(maps[0])
        for block, up, attribute in zip(self.blocks, self.ups, maps):
            h = up(block(h, attribute, style))
        return torch.sigmoid(self.draw(h))


class Codebook(nn.Module):
    """A face at two fifths of its size, as rounded codes (finite scalar quantisation, Mentzer et al. 2024), drawn sharp."""

    LEVELS = (7, 7, 5, 5, 5, 5)

    def __init__(self, c=24):
        super().__init__()
        self.encode = nn.Sequential(conv(3, c), conv(c, 2 * c, 3, 2), conv(2 * c, 4 * c, 3, 2), Residual(4 * c), conv(4 * c, 4 * c, 3, 2), nn.Conv2d(4 * c, len(self.LEVELS), 1))
        self.decode = nn.Sequential(
            nn.Conv2d(len(self.LEVELS), 4 * c, 3, 1, 1), Residual(4 * c), Residual(4 * c), Up(4 * c, 4 * c, "nearest"), Residual(4 * c),
            Up(4 * c, 2 * c, "nearest"), Residual(2 * c), Up(2 * c, c, "nearest"), nn.Conv2d(c, 3, 3, 1, 1),
        )

    def forward(self, x):
        small = F.interpolate(x, scale_factor=0.4, mode="bilinear", antialias=True)
        half = torch.tensor([n // 2 for n in self.LEVELS], device=x.device).view(1, -1, 1, 1)
        code = torch.tanh(self.encode(F.interpolate(small, size=x.shape[2:], mode="bilinear"))) * half
        return torch.sigmoid(self.decode((code + (code.round() - code).detach()) / half))


class Reenact(nn.Module):
    """Hourglass over a moved frame: what first-order-motion tools draw after the warp."""

    def __init__(self, c=24):
        super().__init__()
        self.first, self.second, self.third = conv(3, c, 7), conv(c, 2 * c, 3, 2), conv(2 * c, 4 * c, 3, 2)
        self.squeeze = nn.Conv2d(4 * c, 2 * c, 1)
        self.body = nn.Sequential(nn.Conv2d(2 * c, 4 * c, 1), *(Residual(4 * c) for _ in range(3)))
        self.up = nn.Sequential(Up(4 * c, 2 * c, "nearest"), Residual(2 * c), Up(2 * c, c, "nearest"), Residual(c), nn.Conv2d(c, 3, 7, 1, 3))

    def forward(self, x):
        return torch.sigmoid(self.up(self.body(self.squeeze(self.third(self.second(self.first(x)))))))


class Shuffled(nn.Module):
    """Doubling by pixel shuffle with a residual block after it."""

    def __init__(self, cin, cout):
        super().__init__()
        self.open, self.one, self.two = nn.Conv2d(cin, 4 * cout, 3, 1, 1), nn.Conv2d(cout, cout, 3, 1, 1), nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x):
        h = F.leaky_relu(F.pixel_shuffle(self.open(x), 2), 0.1)
        return F.leaky_relu(h + self.two(F.leaky_relu(self.one(h), 0.2)), 0.2)


class Dense(nn.Module):
    """128-pixel faces through 384 numbers: the autoencoder of trained swaps."""

    def __init__(self, c=32):
        super().__init__()
        self.encode = nn.Sequential(conv(3, c, 5, 2), conv(c, 2 * c, 5, 2), conv(2 * c, 4 * c, 5, 2), conv(4 * c, 4 * c, 5, 2), nn.Flatten())
        self.squeeze, self.open = nn.Linear(64 * 4 * c, 384), nn.Linear(384, 64 * 4 * c)
        self.decode = nn.Sequential(Shuffled(4 * c, 4 * c), Shuffled(4 * c, 3 * c), Shuffled(3 * c, 2 * c), Shuffled(2 * c, c), nn.Conv2d(c, 3, 1))

    def forward(self, x):
        size = x.shape[2:]
        if size != (128, 128):
            x = F.interpolate(x, size=(128, 128), mode="bilinear", antialias=True)
        h = self.open(self.squeeze(self.encode(x)))
        y = torch.sigmoid(self.decode(h.unflatten(1, (-1, 8, 8))))
        return y if size == (128, 128) else F.interpolate(y.float(), size=size, mode="bicubic").clamp(0, 1)


class Critic(nn.Module):
    """Patch discriminator on colours and high-pass residual; also gives its features."""

    def __init__(self, c=24):
        super().__init__()
        layers = (nn.Conv2d(6, c, 3, 2, 1), nn.Conv2d(c, 2 * c, 3, 2, 1), nn.Conv2d(2 * c, 4 * c, 3, 2, 1), nn.Conv2d(4 * c, 1, 3, 1, 1))
        self.layers = nn.ModuleList(nn.utils.parametrizations.spectral_norm(layer) for layer in layers)

    def forward(self, x):
        h, features = torch.cat([x * 2 - 1, 6 * (x - F.avg_pool2d(x, 3, 1, 1))], 1), []
        for layer in self.layers[:-1]:
            h = F.leaky_relu(layer(h), 0.2)
            features.append(h)
        return self.layers[-1](h), features


MAKERS = {"latent": Latent, "adain": Adain, "attributes": Attributes, "codebook": Codebook, "reenact": Reenact}
