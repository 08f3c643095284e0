"""The face network: EfficientNet-Lite0 up to stride 16 on the crop and its residuals.

In: RGB crops (n,3,160,160) normalised with the ImageNet mean and deviation. Out: `logit` (n,1), higher =
masked, and a map (n,1,10,10) of where. High-pass residuals are computed in the graph and join the colour
channels before the first convolution.
"""

import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# kernel, stride, expansion, output channels, repeats: the first five stages of EfficientNet-Lite0
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3))


def convolve(x, layer):
    """Applies a convolution with its kernel centred: half of it as padding on each side.

    TensorFlow's SAME padding, with which the ImageNet weights were trained, differs by a shift of the picture alone.
    """
    return F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.kernel_size[0] // 2, 1, layer.groups)


def rectify(x):
    """ReLU6, in place."""
    return F.hardtanh_(x, 0.0, 6.0)


class Block(nn.Module):
    """Inverted residual without squeeze-and-excite; batch normalisation is folded into the convolutions."""

    def __init__(self, kernel, stride, expansion, cin, cout):
        super().__init__()
        middle = cin * expansion
        if expansion != 1:
            self.expand = nn.Conv2d(cin, middle, 1)
        self.depthwise = nn.Conv2d(middle, middle, kernel, stride, groups=middle)
        self.project = nn.Conv2d(middle, cout, 1)
        self.wide = expansion != 1
        self.skip = stride == 1 and cin == cout

    def forward(self, x):
        h = rectify(self.expand(x)) if self.wide else x
        h = self.project(rectify(convolve(h, self.depthwise)))
        return h + x if self.skip else h


class Residuals(nn.Module):
    """Six high-pass channels: fine and coarse residual of each colour, squashed so that grain counts."""

    def __init__(self):
        super().__init__()
        one = torch.tensor([[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]) / 12
        ring = torch.outer(*(torch.tensor([1.0, 4, 6, 4, 1]) / 16,) * 2)
        coarse = -ring
        coarse[2, 2] += 1
        weight = torch.stack([one, coarse])[:, None].repeat(3, 1, 1, 1)
        self.register_buffer("weight", weight)

    def forward(self, x):
        h = F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), self.weight, groups=3)
        return torch.tanh(3.0 * h)


class FaceNet(nn.Module):
    """Backbone, a head on mean and maximum, and the map."""

    def __init__(self):
        super().__init__()
        self.residuals = Residuals()
        self.stem = nn.Conv2d(9, 32, 3, 2)
        blocks, cin = [], 32
        for kernel, stride, expansion, cout, repeats in STAGES:
            for i in range(repeats):
                blocks.append(Block(kernel, stride if i == 0 else 1, expansion, cin, cout))
                cin = cout
        self.blocks = nn.ModuleList(blocks)
        self.mix = nn.Conv2d(cin, 192, 1)
        self.where = nn.Conv2d(192, 1, 1)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(384, 1)

    def both(self, x):
        """(logit, map)."""
        h = torch.cat([x, self.residuals(x)], 1)
        h = rectify(convolve(h, self.stem))
        for block in self.blocks:
            h = block(h)
        h = F.relu(self.mix(h))
        pooled = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        return self.head(self.drop(pooled)), self.where(h)

    def forward(self, x):
        return self.both(x)[0]


def folded(weights, conv, norm):
    """(weight, bias) of a convolution with its batch normalisation folded in."""
    gain = weights[norm + ".weight"] / torch.sqrt(weights[norm + ".running_var"] + 1e-3)
    return weights[conv + ".weight"] * gain[:, None, None, None], weights[norm + ".bias"] - weights[norm + ".running_mean"] * gain


def pretrained(path):
    """A network started from the ImageNet weights file; what is new starts random."""
    network = FaceNet()
    weights = torch.load(path, weights_only=True, map_location="cpu")
    with torch.no_grad():
        stem, bias = folded(weights, "_conv_stem", "_bn0")
        network.stem.weight[:, :3], network.stem.bias[:] = stem, bias
        network.stem.weight[:, 3:] *= 0.3
        for i, block in enumerate(network.blocks):
            start = f"_blocks.{i}."
            names = (("expand", "_expand_conv", "_bn0"),) * block.wide
            names += (("depthwise", "_depthwise_conv", "_bn1"), ("project", "_project_conv", "_bn2"))
            for own, conv, norm in names:
                weight, bias = folded(weights, start + conv, start + norm)
                layer = getattr(block, own)
                layer.weight[:], layer.bias[:] = weight, bias
    return network
