"""Trains one network on the bank. In: the windows of bank.py. Out: `<run>/last.pt` (resumable) and a log.

    python train.py --kind phase-res --minutes 30 --run .runtime/train-voice/runs/first

The learning rate follows the share done of the wanted minutes (of processor time, so that a busy machine trains as
long as an idle one); a run that is started again with the same `--run` goes on from its checkpoint.
"""

import math
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from bank import Stream
from commands import parser_of
from networks import build


def hide_parts(picture, bands=0.25, frames=0.15):
    """Pictures in, the same with one or two stripes of bands and of frames set to zero (pairs alike) out."""
    out = picture.clone()
    for number in range(0, len(out), 2):
        for axis, part in ((2, bands), (3, frames)):
            for _ in range(int(torch.randint(0, 3, ()))):
                size = out.shape[axis]
                width = int(torch.randint(1, max(2, int(size * part)), ()))
                place = int(torch.randint(0, size - width, ()))
                out[number : number + 2].narrow(axis, place, width).zero_()
    return out


def lent(picture, pairs, chance, most=0.55):
    """In some of the first `pairs` pairs the fake borrows a stripe of bands or of frames from its own real clip.

    What is left of the fake must be enough to tell it by, so no part of the picture can be relied on alone.
    """
    out = picture.clone()
    for number in range(0, 2 * pairs, 2):
        if float(torch.rand(())) < chance:
            axis = 1 + int(torch.randint(0, 2, ()))
            size = out.shape[axis + 1]
            width = int(torch.randint(size // 10, int(size * most), ()))
            place = int(torch.randint(0, size - width + 1, ()))
            out[number + 1].narrow(axis, place, width).copy_(picture[number].narrow(axis, place, width))
    return out


def loss_of(network, waves, labels, args, smooth=0.05):
    """Cross-entropy with soft labels, plus a ranking term: each fake above its own real clip."""
    pairs = args.pairs
    embedding = network.embedding(waves, lambda picture: hide_parts(lent(picture, pairs, args.lend)))
    logits = network.score(embedding).squeeze(1)
    entropy = F.binary_cross_entropy_with_logits(logits, labels * (1 - 2 * smooth) + smooth)
    real, fake = logits[0 : 2 * pairs : 2], logits[1 : 2 * pairs : 2]
    ranking = F.softplus(1.0 - (fake - real)).mean() if pairs else 0.0
    return entropy + 0.3 * ranking, logits


def rate_at(done, peak):
    """Learning rate after a share `done` (0..1) of the run: short warm-up, then half a cosine."""
    return peak * min(1.0, done / 0.03 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0))) + peak * 0.01


def averaged(average, network, keep=0.998):
    """Moves the averaged weights a little towards the network's."""
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), network.state_dict().values()):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


def stream_of(args, state):
    """The bank as far as it is rendered now, without what is left out."""
    seed = args.seed + state["step"]
    stream = Stream(args.cache / "bank", args.pairs, args.singles, seed, args.leave_out)
    print("bank units", [len(places) for _, places in stream.places], flush=True)
    return stream


def fit(args, network, average, optimiser, state):
    """Trains until the wanted minutes are used up, saving and looking for new windows in the bank on the way."""
    began, spent, hits, seen, total = time.process_time(), state["spent"], 0, 0, 0.0
    stream, reloaded = stream_of(args, state), began
    while state["spent"] < args.minutes * 60:
        if time.process_time() - reloaded > args.reload * 60:
            stream, reloaded = stream_of(args, state), time.process_time()
        waves, labels = (part.to(args.device) for part in stream.batch())
        for group in optimiser.param_groups:
            group["lr"] = rate_at(state["spent"] / (args.minutes * 60), args.rate)
        loss, logits = loss_of(network, waves, labels, args)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        averaged(average, network, min(0.998, state["step"] / (state["step"] + 20)))
        state["step"] += 1
        state["spent"] = spent + time.process_time() - began
        hits, seen, total = (
            hits + int(((logits > 0) == (labels > 0.5)).sum()),
            seen + len(labels),
            total + float(loss.detach()),
        )
        if state["step"] % 100 == 0:
            print(
                f"step {state['step']} min {state['spent'] / 60:.1f} loss {total / 100:.4f} acc {hits / seen:.3f}",
                flush=True,
            )
            hits, seen, total = 0, 0, 0.0
            save(args, network, average, optimiser, state)
    save(args, network, average, optimiser, state)


def save(args, network, average, optimiser, state):
    """Writes the checkpoint beside itself first, so that a kill never leaves half of one."""
    args.run.mkdir(parents=True, exist_ok=True)
    fresh = args.run / "fresh.pt"
    torch.save(
        {
            "kind": args.kind,
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "state": state,
            "arguments": {k: str(v) for k, v in vars(args).items()},
        },
        fresh,
    )
    fresh.replace(args.run / "last.pt")


def main():
    """Reads the arguments, resumes or starts a run."""
    parser = parser_of(__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--kind", default="phase-res")
    parser.add_argument("--start", type=Path, help="begin with the averaged weights of this checkpoint")
    parser.add_argument("--minutes", type=float, default=30, help="of processor time")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--singles", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--lend", type=float, default=0.0, help="share of pairs whose fake borrows from its real")
    parser.add_argument("--leave-out", help="family:NAME, method:NAME or source:NAME")
    parser.add_argument("--reload", type=float, default=2, help="minutes until the bank is looked at again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, average = build(args.kind, args.seed), build(args.kind, args.seed)
    state = {"step": 0, "spent": 0.0}
    network.to(args.device, memory_format=torch.channels_last), average.to(args.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.02)
    if (args.run / "last.pt").exists():
        saved = torch.load(args.run / "last.pt", map_location=args.device, weights_only=True)
        network.load_state_dict(saved["network"]), average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        state = saved["state"]
    elif args.start:
        saved = torch.load(args.start, map_location=args.device, weights_only=True)
        network.load_state_dict(saved["average"]), average.load_state_dict(saved["average"])
    network.train(), average.eval()
    fit(args, network, average, optimiser, state)


if __name__ == "__main__":
    main()
