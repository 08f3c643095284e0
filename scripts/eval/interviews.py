#!/usr/bin/env python3
"""Makes two long calls from real clips, one honest and one with a masked stretch, and checks what the program says.

In:  a real clip of one person on a webcam and real speech of one speaker, by manifest columns; the program.
Out: OUT/honest.mp4, OUT/masked.mp4 (10 minutes each, made once), OUT/*.jsonl, and a table on standard output.
     honest: dim light, sensor noise, a blurred virtual background, a minute with the camera off: no alarm is expected.
     masked: the middle minute shows a simulated face swap (the demo's) that drops out for single frames; in its
     second half the voice is shifted in pitch. Alarms are expected inside that minute, within 2 s, and the first
     within 10 s of its start.
The person's clip is played forwards and backwards in pieces of random length, seen by a camera that moves a little, so
that no stretch repeats. Needs ffmpeg with librubberband and `scripts/setup --bench`.

    .runtime/tools/bin/python scripts/eval/interviews.py --unmask target/release/unmask --fps 5
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "scripts/demo"), str(ROOT / "scripts/models")]
import background  # noqa: E402
import decode  # noqa: E402
import make_clips  # noqa: E402

FPS, RATE = 15, 16_000
SLACK_S, FIRST_S = 2.0, 10.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--out", type=Path, default=Path(".runtime/eval/interviews"))
    parser.add_argument("--faces", type=Path, default=Path("../shared/data/face/dev/manifest.csv"))
    parser.add_argument("--person", default="developer webcam")
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/voice/dev/manifest.csv"))
    parser.add_argument("--speaker", help="default: the one with most speech")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", help="frames a second that the program analyses")
    return parser.parse_args()


def real(manifest):
    return [row for row in csv.DictReader(manifest.open()) if row["label"] == "real"]


def person_frames(args):
    """The person's first clip as BGR frames of the wanted height, and the five points of the face in each."""
    row = next(r for r in real(args.faces) if r["person"] == args.person)
    clip = cv2.VideoCapture(str(args.faces.parent / row["path"]))
    step = max(1, round(clip.get(cv2.CAP_PROP_FPS) / FPS))
    session = onnxruntime.InferenceSession(str(ROOT / ".runtime/models/yunet/model.onnx"))
    frames, points, number = [], [], 0
    while True:
        more, frame = clip.read()
        if not more:
            break
        if number % step == 0:
            width = round(frame.shape[1] * args.height / frame.shape[0] / 2) * 2
            frame = cv2.resize(frame, (width, args.height), interpolation=cv2.INTER_AREA)
            padded = cv2.copyMakeBorder(frame, 0, -args.height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
            found = decode.detect(session, "yunet", padded)
            if found:
                frames.append(frame)
                points.append(np.float32(found[0]["points"]))
        number += 1
    return frames, points


def speech(args):
    """About as much of the speaker as wanted, with pauses, at −23 dBFS; repeats when there is less."""
    rows = real(args.voices)
    seconds = {}
    for row in rows:
        seconds[row["speaker"]] = seconds.get(row["speaker"], 0) + float(row["seconds"])
    speaker = args.speaker or max(seconds, key=seconds.get)
    clips = [pcm(args.voices.parent / r["path"]) for r in rows if r["speaker"] == speaker]
    rng, wanted, pieces, length = np.random.default_rng(args.seed), round(args.minutes * 60 * RATE), [], 0
    while length < wanted:
        for i in rng.permutation(len(clips)):
            pieces += [clips[i], np.zeros(round(rng.uniform(0.3, 1.5) * RATE), np.float32)]
            length += pieces[-1].size + pieces[-2].size
    samples = np.concatenate(pieces)[:wanted]
    samples *= 10 ** (-23 / 20) / np.sqrt(np.mean(samples[np.abs(samples) > 0.01] ** 2))
    return np.clip(samples + rng.normal(0, 0.001, wanted), -1, 1).astype(np.float32)


def pcm(path):
    command = ["ffmpeg", "-v", "error", "-i", path, "-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32).copy()


def shifted(samples, semitones):
    """The samples with another pitch and formants, of the same length."""
    form = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    flt = f"rubberband=pitch={2 ** (semitones / 12)}"
    command = ["ffmpeg", "-v", "error", *form, "-i", "-", "-af", flt, *form, "-"]
    raw = subprocess.run(command, input=samples.tobytes(), check=True, capture_output=True).stdout
    out = np.frombuffer(raw, np.float32)
    return np.pad(out, (0, max(0, samples.size - out.size)))[: samples.size]


def walk(count, length, rng):
    """Frame numbers of the source for each frame of the call: forwards and backwards, turning at random."""
    at, way, left, result = 0, 1, 0, []
    for _ in range(count):
        if left == 0:
            way, left = rng.choice([-1, 1]), rng.integers(8, 60)
        if not 0 <= at + way < length:
            way = -way
        at, left = at + way, left - 1
        result.append(at)
    return result


def camera(count, rng):
    """A 2×3 matrix a frame: a hand's breadth of slow movement about the middle."""
    move = lambda size: make_clips.wander(rng, count, FPS, 1.5, size)  # noqa: E731
    return [np.float32([[1 + g, 0, x], [0, 1 + g, y]]) for x, y, g in zip(move(3), move(2), move(0.008))]


def honest_look(frame, mask, rng):
    """Dim light and sensor noise, then the client's blurred background."""
    dim = np.clip(frame * np.float32(0.55) + rng.normal(0, 5, frame.shape), 0, 255).astype(np.uint8)
    return background.blurred(dim, mask)


def write(path, frames, samples, size):
    """Encodes as a meeting client would."""
    part = path.with_suffix(".part.mp4")
    sound = path.with_suffix(".f32")
    sound.write_bytes(samples.tobytes())
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{size[0]}x{size[1]}", "-r", str(FPS), "-i", "-"]
    voice = ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", sound]
    video = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "350k", "-g", str(4 * FPS)]
    command = ["ffmpeg", "-v", "error", "-y", *raw, *voice, *video, "-c:a", "aac", "-b:a", "48k", part]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    for frame in frames:
        encoder.stdin.write(np.ascontiguousarray(frame).data)
    encoder.stdin.close()
    if encoder.wait():
        raise SystemExit(f"interviews: ffmpeg failed on {path}")
    sound.unlink()
    part.rename(path)


def make(args, masked, stretch):
    """One call; `stretch` is (start, end) in seconds: camera off when honest, masked face and voice otherwise."""
    rng = np.random.default_rng(args.seed + masked)
    frames, points = person_frames(args)
    count = round(args.minutes * 60 * FPS)
    size = frames[0].shape[1::-1]
    masks = None if masked else [background.person_mask(f, p) for f, p in zip(frames, points)]
    swap = make_clips.Swap(rng)
    samples = speech(args)
    if masked:
        a, b = (round(t * RATE) for t in ((stretch[0] + stretch[1]) / 2, stretch[1]))
        samples[a:b] = shifted(samples[a:b], -4)

    def pictures():
        for i, (at, see) in enumerate(zip(walk(count, len(frames), rng), camera(count, rng))):
            frame = cv2.warpAffine(frames[at], see, size, borderMode=cv2.BORDER_REFLECT)
            inside = stretch[0] <= i / FPS < stretch[1]
            if not masked:
                mask = cv2.warpAffine(masks[at], see, size)
                yield np.zeros_like(frame) if inside else honest_look(frame, mask, rng)
                continue
            dropped = i % (3 * FPS) < 2
            if inside and not dropped:
                frame = swap(frame, points[at] @ see[:, :2].T + see[:, 2])
            yield np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8)

    write(args.out / ("masked.mp4" if masked else "honest.mp4"), pictures(), samples, size)


def scan(args, name):
    command = [args.unmask, "scan", args.out / f"{name}.mp4", "--format", "jsonl"]
    command += ["--fps", args.fps] if args.fps else []
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (args.out / f"{name}.jsonl").write_text(lines)
    records = [json.loads(line) for line in lines.splitlines()]
    events = [r for r in records if r["type"] == "event"]
    return events, next(r for r in records if r["type"] == "verdict")


def show(name, events, verdict):
    print(f"\n{name}: overall {verdict['overall']['result']}, face {verdict['face']['result']}, ", end="")
    print(f"voice {verdict['voice']['result']}, identity {verdict['identity']['result']}, sync {verdict['sync']['result']}")
    for e in events:
        detail = ", ".join(f"{k} {v}" for k, v in e["detail"].items())
        print(f"  {e['class']:<8}{e['kind']:<20}{e['start_s']:8.1f} to {e['end_s']:7.1f}  {e['score']:.2f}  {detail}")


def main():
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    middle = args.minutes * 30
    stretch = (middle - 30, middle + 30)
    for masked, name in ((False, "honest"), (True, "masked")):
        if not (args.out / f"{name}.mp4").exists():
            make(args, masked, stretch)
    events, verdict = scan(args, "honest")
    show("honest", events, verdict)
    alarms = [e for e in events if e["class"] == "sign"]
    results = {"honest: no alarm": not alarms, "honest: no signs found": verdict["overall"]["result"] != "signs_found"}
    events, verdict = scan(args, "masked")
    show("masked", events, verdict)
    alarms = [e for e in events if e["class"] == "sign"]
    inside = [stretch[0] - SLACK_S <= e["start_s"] and e["end_s"] <= stretch[1] + SLACK_S for e in alarms]
    first = min((e["start_s"] for e in alarms), default=float("inf")) - stretch[0]
    results["masked: every alarm inside"] = bool(alarms) and all(inside)
    results[f"masked: first alarm within {FIRST_S:.0f} s ({first:.1f} s)"] = first <= FIRST_S
    print()
    for what, holds in results.items():
        print(f"{'yes' if holds else 'NO '}  {what}")
    sys.exit(not all(results.values()))


if __name__ == "__main__":
    main()
