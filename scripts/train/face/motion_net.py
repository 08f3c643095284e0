"""A network on statistics of a short window in time: what a moved photo, or a paste, does that a camera does not.

In: windows (n,8,3,160,160) of aligned RGB crops in the order of time, normalised with the ImageNet mean and deviation.
Out: `logit` (n,1), higher = masked. Inside: dense motion between frames 1, 2, 4 and 7 apart (Lucas-Kanade on a
pyramid), what the motion leaves over, in four bands of detail and in colour, by region; how well detail persists along
the motion and without it; how leftovers of neighbouring steps go together (noise: opposite; light and wrinkles: alike;
a moved photo: nothing left); the motion's own smoothness and tremble; and how statistics of single frames tremble.
"""

import torch
import torch.nn.functional as F
from torch import nn

import align
import model
import statistics_net

STEPS, HALF = 8, align.SIZE // 2
LAGS = (1, 2, 4, 7)
STARTS = {1: (0, 1, 2, 3, 4, 5, 6), 2: (0, 2, 4), 4: (0, 3), 7: (0,)}
BANDS = 4  # of luma: finest to coarsest, after them two of colour
NAMES = ("face", "edge", "around", "eyes", "mouth", "forehead", "cheeks", "hair", "left", "right", "below")
APART = ((0, 2), (1, 0), (3, 6), (4, 6), (0, 10), (1, 2), (6, 5))  # regions whose difference is a statistic too


def box(low, high):
    """Mask (160,160) of a rectangle given in units of the crop (x, y)."""
    at = (torch.arange(float(align.SIZE)) + 0.5) / align.SIZE
    return ((at[None] >= low[0]) & (at[None] < high[0]) & (at[:, None] >= low[1]) & (at[:, None] < high[1])).float()


def regions():
    """Masks (11,160,160) in the order of NAMES."""
    first = statistics_net.regions()
    around = first[2]
    more = [box((0.38, 0.22), (0.62, 0.33)), box((0.33, 0.48), (0.43, 0.66)) + box((0.57, 0.48), (0.67, 0.66)),
            box((0.25, 0.0), (0.75, 0.16)), around * box((0.0, 0.0), (0.24, 0.8)), around * box((0.76, 0.0), (1.0, 0.8)),
            around * box((0.3, 0.88), (0.7, 1.0))]
    return torch.cat([first, torch.stack(more)])


def grid(size):
    """Sampling grid (1,size,size,2) of grid_sample that leaves a picture as it is."""
    at = (torch.arange(float(size)) + 0.5) / size * 2 - 1
    return torch.stack([at[None].expand(size, size), at[:, None].expand(size, size)], 2)[None].clone()


def smooth(x, size):
    """Mean over size*size pixels, the edge repeated."""
    x = F.pad(x, (size // 2,) * 4, mode="replicate")
    width, height = x.shape[3] - size + 1, x.shape[2] - size + 1
    row = sum(x[..., i : i + width] for i in range(size))
    return sum(row[:, :, i : i + height] for i in range(size)) / (size * size)


def broad(x):
    """Mean over about 28*28 pixels of (n,c,80,80)."""
    return F.interpolate(smooth(F.avg_pool2d(x, 4), 7), scale_factor=4.0, mode="bilinear", align_corners=False)


def warp(x, flow, base):
    """Pictures (n,c,h,w) looked up at a flow (n,2,h,w) in pixels."""
    unit = flow.permute(0, 2, 3, 1) * (2.0 / flow.shape[-1])
    return F.grid_sample(x, base + unit, mode="bilinear", padding_mode="border", align_corners=False)


def doubled(x):
    """Twice the size, bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Motion(nn.Module):
    """Flow (n,2,80,80) from one luma picture to another, both (n,1,80,80)."""

    def __init__(self, plan=((4, 2, 5), (2, 2, 5), (1, 2, 7))):
        super().__init__()
        self.plan = plan
        for reduce, _, _ in plan:
            self.register_buffer(f"base{reduce}", grid(HALF // reduce), persistent=False)
        self.register_buffer("slope", torch.tensor([[[[-0.5, 0.0, 0.5]]]]), persistent=False)

    def gradients(self, x):
        """Derivatives along x and y."""
        across = F.conv2d(F.pad(x, (1, 1, 0, 0), mode="replicate"), self.slope)
        down = F.conv2d(F.pad(x, (0, 0, 1, 1), mode="replicate"), self.slope.transpose(2, 3))
        return across, down

    def step(self, first, second, flow, base, size):
        """One round of least squares in windows around each pixel."""
        moved = warp(second, flow, base)
        gx, gy = self.gradients((first + moved) / 2)
        gt = moved - first
        sums = smooth(torch.cat([gx * gx, gx * gy, gy * gy, gx * gt, gy * gt], 1), size)
        xx, xy, yy, xt, yt = sums.split(1, 1)
        xx, yy = xx + 1.0, yy + 1.0
        det = xx * yy - xy * xy
        change = torch.cat([xy * yt - yy * xt, xy * xt - xx * yt], 1) / det
        return smooth(flow + change.clamp(-1.5, 1.5), 3)

    def forward(self, first, second):
        flow = None
        for reduce, rounds, size in self.plan:
            a, b = (F.avg_pool2d(x, reduce) if reduce > 1 else x for x in (first, second))
            flow = torch.zeros_like(torch.cat([a, a], 1)) if flow is None else 2 * doubled(flow)
            for _ in range(rounds):
                flow = self.step(a, b, flow, getattr(self, f"base{reduce}"), size)
        return flow


def timed(x, steps):
    """Rows (n*steps,...) as (n,steps,...)."""
    return x.reshape(-1, steps, *(int(side) for side in x.shape[1:]))


def over_time(rows):
    """Mean, deviation and mean step of (n,t,...) over t; the mean alone where there is one time."""
    mean = rows.mean(1)
    if rows.shape[1] == 1:
        return [mean]
    spread = torch.sqrt(((rows - mean[:, None]) ** 2).mean(1) + 1e-6)
    if rows.shape[1] < 4:
        return [mean, spread]
    return [mean, spread, (rows[:, 1:] - rows[:, :-1]).abs().mean(1)]


class MotionNet(nn.Module):
    """Statistics of a window, two hidden layers, a logit."""

    def __init__(self, width=96):
        super().__init__()
        masks = regions()
        self.register_buffer("fine", statistics_net.weights(masks), persistent=False)
        self.register_buffer("coarse", statistics_net.weights(F.avg_pool2d(masks[None], 2)[0]), persistent=False)
        self.register_buffer("ycc", torch.tensor(statistics_net.YCC)[:, :, None, None], persistent=False)
        self.register_buffer("mean", torch.tensor(model.MEAN).view(1, 1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(model.STD).view(1, 1, 3, 1, 1), persistent=False)
        self.register_buffer("base", grid(HALF), persistent=False)
        self.register_buffer("fine_base", grid(align.SIZE), persistent=False)
        self.motion = Motion()
        count = self.statistics(torch.zeros(1, STEPS, 3, align.SIZE, align.SIZE)).shape[1]
        self.register_buffer("middle", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))
        self.enter, self.embed, self.score = nn.Linear(count, width), nn.Linear(width, 32), nn.Linear(32, 1)

    def bands(self, x):
        """Luma detail and colour (m,...) of frames (m,3,160,160): one band at full size, five at half."""
        channels = F.conv2d(x, self.ycc)
        luma, small = channels[:, :1], F.avg_pool2d(channels, 2)
        finest = luma - smooth(luma, 3)
        levels = [small[:, :1], smooth(small[:, :1], 3), smooth(small[:, :1], 9), broad(small[:, :1])]
        half = torch.cat([levels[0] - levels[1], levels[1] - levels[2], levels[2] - levels[3], small[:, 1:]], 1)
        return finest, half, small

    def region(self, x):
        """Means (m,c,11) of maps (m,c,h,w) in each region."""
        return x.flatten(2) @ (self.fine if x.shape[-1] == align.SIZE else self.coarse)

    def compare(self, now, then, again):
        """Statistics (m,c,11) each of detail now, then, and then brought back along the motion."""
        left = again - now
        size, square = self.region(left.abs()), self.region(left * left)
        own, other, plain = (self.region(a * b) for a, b in ((now, now), (again, again), (then, then)))
        level = torch.log(size + 0.05)
        return [
            level, level - 0.5 * torch.log(own + 0.05), torch.log(square + 0.01) - 2 * level,
            self.region(now * again) / torch.sqrt((own + 0.02) * (other + 0.02)),
            self.region(now * then) / torch.sqrt((own + 0.02) * (plain + 0.02)),
        ]

    def flows(self, flow):
        """Statistics (m,4,11) of the motion: size, mean both ways within a region's spread, roughness."""
        mean = self.region(flow)
        square = self.region(flow * flow)
        spread = (square - mean * mean).clamp_min(0).sum(1, keepdim=True)
        rough = self.region(((flow - smooth(flow, 5)) ** 2).sum(1, keepdim=True))
        size = square.sum(1, keepdim=True)
        return torch.cat([0.5 * torch.log(v + 1e-3) for v in (size, spread, rough)], 1), mean

    def pairs(self, finest, half, luma, lag):
        """(rows over time, leftovers, flow) of all pairs of frames `lag` apart."""
        starts = STARTS[lag]
        pick = lambda x, by: torch.stack([timed(x, STEPS)[:, s + by] for s in starts], 1).flatten(0, 1)
        flow = self.motion(pick(luma, 0), pick(luma, lag))
        fine_flow = 2 * doubled(flow)
        a, b = pick(finest, 0), pick(finest, lag)
        moved = warp(b, fine_flow, self.fine_base)
        rows = self.compare(a, b, moved)
        a2, b2 = pick(half, 0), pick(half, lag)
        moved2 = warp(b2, flow, self.base)
        rows = [torch.cat(pair, 1) for pair in zip(rows, self.compare(a2, b2, moved2))]
        known, mean = self.flows(flow)
        table = torch.cat([*rows, known], 1)
        return [timed(x, len(starts)) for x in (table, moved - a, moved2 - a2, flow, mean)]

    def chained(self, left):
        """How leftovers of neighbouring steps go together (n,t-1,c,11); left (n,t,c,h,w) lies on the earlier frame."""
        t = int(left.shape[1])
        one, two = left[:, :-1].flatten(0, 1), left[:, 1:].flatten(0, 1)
        both = self.region(one * two) / torch.sqrt((self.region(one * one) + 0.02) * (self.region(two * two) + 0.02))
        return timed(both, t - 1)

    def trembles(self, flow, mean):
        """Statistics (n,t,k,11) of how the motion changes from step to step, whole and within regions."""
        t = int(flow.shape[1])
        change = (flow[:, 1:] - flow[:, :-1]).flatten(0, 1)
        inner = self.region(change)
        square = self.region(change * change).sum(1, keepdim=True)
        own = (square - (inner * inner).sum(1, keepdim=True)).clamp_min(0)
        rows = [0.5 * torch.log(square + 1e-3), 0.5 * torch.log(own + 1e-3)]
        apart = mean[:, 1:] - mean[:, :1]
        drift = 0.5 * torch.log((apart * apart).sum(2, keepdim=True) + 1e-3)
        return torch.cat([timed(row, t - 1) for row in rows] + [drift], 2)

    def singles(self, finest, half, channels):
        """Statistics over time of single frames: how colour, light and strength of detail move."""
        colour = self.region(channels)
        strength = torch.log(torch.cat([self.region(finest.abs()), self.region(half[:, :3].abs())], 1) + 0.05)
        rows = timed(torch.cat([colour / 8, 4 * strength], 1), STEPS)
        step = rows[:, 1:] - rows[:, :-1]
        bend = rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]
        centred = rows - rows.mean(1, keepdim=True)
        spread, steps, bends = ((v * v).mean(1) for v in (centred, step, bend))
        out = [0.5 * torch.log(v + 1e-3) for v in (spread, steps, bends)]
        out.append((steps / (spread + 1e-3)).clamp(0, 8))
        face = centred[..., :1]
        out.append((face * centred).mean(1) / torch.sqrt((face * face).mean(1) * spread + 1e-4))
        out.append(timed(strength, STEPS).mean(1))
        return out

    def statistics(self, x):
        """Windows in, their statistics (n,k) out."""
        frames = ((x * self.std + self.mean) * 255).flatten(0, 1)
        finest, half, small = self.bands(frames)
        luma = small[:, :1]
        tables, growth = [], []
        for lag in LAGS:
            table, left, left2, flow, mean = self.pairs(finest, half, luma, lag)
            tables += over_time(table)
            growth.append(table.mean(1))
            if lag == 1:
                tables += over_time(self.chained(left)) + over_time(self.chained(left2)) + over_time(self.trembles(flow, mean))
        tables += [growth[1] - growth[0], growth[2] - growth[0], growth[3] - growth[1]]
        tables += self.singles(finest, half, small)
        table = torch.cat(tables, 1)
        apart = [table[:, :, a : a + 1] - table[:, :, b : b + 1] for a, b in APART]
        return torch.cat([table, *apart], 2).flatten(1)

    def judge(self, statistics):
        """Statistics in, logits (n,1) out."""
        known = ((statistics - self.middle) / self.spread).clamp(-4, 4)
        inside = F.relu(self.enter(F.dropout(known, 0.4, self.training)))
        return self.score(F.relu(self.embed(F.dropout(inside, 0.5, self.training))))

    def forward(self, x):
        return self.judge(self.statistics(x))
