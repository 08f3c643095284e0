"""Small encoder/decoder networks that re-create a face from itself.

In: RGB faces (n,3,h,w) in 0..1, h and w multiples of 16. Out: the same faces as the generator draws them.
Each stands for a way in which swapping and reenactment tools synthesise: pixel shuffle, transposed
convolution, a variational bottleneck, super-resolution and style modulation.
"""

import torch
import torch.nn.functional as F
from torch import nn

import sharp


def down(cin, cout, kernel=5):
    """Strided convolution with a leaky rectifier."""
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, 2, kernel // 2), nn.LeakyReLU(0.1, True))


def conv(cin, cout):
    """3x3 convolution with a leaky rectifier."""
    return nn.Sequential(nn.Conv2d(cin, cout, 3, 1, 1), nn.LeakyReLU(0.1, True))


class Shuffle(nn.Module):
    """Encoder to 8x8, pixel-shuffle decoder: the classic autoencoder of trained swaps."""

    def __init__(self, c=24):
        super().__init__()
        self.encode = nn.Sequential(down(3, c), down(c, 2 * c), down(2 * c, 4 * c), down(4 * c, 4 * c), nn.Conv2d(4 * c, 64, 1))
        ups = [conv(64, 16 * c), nn.PixelShuffle(2), conv(4 * c, 12 * c), nn.PixelShuffle(2)]
        ups += [conv(3 * c, 8 * c), nn.PixelShuffle(2), conv(2 * c, 4 * c), nn.PixelShuffle(2), nn.Conv2d(c, 3, 3, 1, 1)]
        self.decode = nn.Sequential(*ups)

    def forward(self, x):
        return torch.sigmoid(self.decode(self.encode(x)))


class Transposed(nn.Module):
    """Encoder to 16x16, transposed convolutions, trained against a critic."""

    def __init__(self, c=24):
        super().__init__()
        self.encode = nn.Sequential(down(3, c), down(c, 2 * c), down(2 * c, 4 * c), nn.Conv2d(4 * c, 20, 1))
        layers = [conv(20, 4 * c)]
        for cin, cout in ((4 * c, 3 * c), (3 * c, 2 * c), (2 * c, c)):
            layers += [nn.ConvTranspose2d(cin, cout, 4, 2, 1), nn.LeakyReLU(0.1, True)]
        self.decode = nn.Sequential(*layers, nn.Conv2d(c, 3, 3, 1, 1))

    def forward(self, x):
        return torch.sigmoid(self.decode(self.encode(x)))


class Variational(nn.Module):
    """Gaussian bottleneck at 16x16, nearest-neighbour upsampling."""

    def __init__(self, c=24):
        super().__init__()
        self.encode = nn.Sequential(down(3, c, 3), down(c, 2 * c, 3), conv(2 * c, 2 * c), down(2 * c, 4 * c, 3), nn.Conv2d(4 * c, 12, 1))
        layers = [conv(12, 4 * c)]
        for cin, cout in ((4 * c, 3 * c), (3 * c, 2 * c), (2 * c, c)):
            layers += [nn.Upsample(scale_factor=2), conv(cin, cout)]
        self.decode = nn.Sequential(*layers, nn.Conv2d(c, 3, 3, 1, 1))

    def forward(self, x):
        code = self.encode(x)
        return torch.sigmoid(self.decode(code + 0.15 * torch.randn_like(code)))


class Restore(nn.Module):
    """Super-resolution by four of an area-reduced face: enhancers that follow one-photo swaps."""

    def __init__(self, c=32):
        super().__init__()
        self.head = nn.Conv2d(3, c, 3, 1, 1)
        self.body = nn.ModuleList(nn.Sequential(conv(c, c), nn.Conv2d(c, c, 3, 1, 1)) for _ in range(4))
        self.tail = nn.Sequential(conv(c, 4 * c), nn.PixelShuffle(2), conv(c, 4 * c), nn.PixelShuffle(2), nn.Conv2d(c, 3, 3, 1, 1))

    def forward(self, x):
        small = F.avg_pool2d(x, 4)
        h = self.head(small)
        for block in self.body:
            h = h + block(h)
        base = F.interpolate(small, scale_factor=4.0, mode="bilinear")
        return (base + 0.5 * torch.tanh(self.tail(h))).clamp(0, 1)


class Style(nn.Module):
    """Bottleneck at 8x8 plus a style vector that modulates a bilinear decoder, with injected noise."""

    def __init__(self, c=24):
        super().__init__()
        self.encode = nn.Sequential(down(3, c), down(c, 2 * c), down(2 * c, 4 * c), down(4 * c, 4 * c))
        self.start = nn.Conv2d(4 * c, 4 * c, 1)
        widths = ((4 * c, 4 * c), (4 * c, 3 * c), (3 * c, 2 * c), (2 * c, c))
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in widths)
        self.styles = nn.ModuleList(nn.Linear(4 * c, 2 * b) for _, b in widths)
        self.noise = nn.Parameter(torch.zeros(4))
        self.last = nn.Conv2d(c, 3, 1)

    def forward(self, x):
        code = self.encode(x)
        style, h = code.mean((2, 3)), self.start(code)
        for i, (layer, to_style) in enumerate(zip(self.convs, self.styles)):
            h = layer(F.interpolate(h, scale_factor=2.0, mode="bilinear"))
            h = h + self.noise[i] * torch.randn_like(h[:, :1])
            gain, bias = to_style(style)[:, :, None, None].chunk(2, 1)
            h = F.leaky_relu(h * (1 + gain) + bias, 0.1)
        return torch.sigmoid(self.last(h))


class Critic(nn.Module):
    """Patch discriminator for the adversarial term."""

    def __init__(self, c=24):
        super().__init__()
        self.net = nn.Sequential(down(3, c, 3), down(c, 2 * c, 3), down(2 * c, 4 * c, 3), nn.Conv2d(4 * c, 1, 3, 1, 1))

    def forward(self, x):
        return self.net(x)


ADVERSARIAL = {"transposed", "restore", "style"}
MAKERS = {"shuffle": Shuffle, "transposed": Transposed, "variational": Variational, "restore": Restore, "style": Style}


def load(folder):
    """Trained generators of a folder: name -> network; a name is `kind-stage`."""
    networks, makers = {}, MAKERS | sharp.MAKERS | {"person": sharp.Dense}
    for path in sorted(folder.glob("*.pt")):
        network = makers[path.stem.split("-")[0]]()
        network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        networks[path.stem] = network.eval().to(memory_format=torch.channels_last)
    return networks
