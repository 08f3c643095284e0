#!/usr/bin/env python3
"""Sends every clip of a manifest through the same encoder, so that `unmask eval` measures what a call leaves of it.

In:  a manifest (path,label,…); what to encode to.
Out: OUT/manifest.csv with the same columns, and the clips beside it. Clips that are there already are kept, so an
     interrupted run goes on. Needs ffmpeg.

    scripts/eval/transcode.py dev/manifest.csv /tmp/360-30 --longest 360 --crf 30
    unmask eval /tmp/360-30/manifest.csv
"""

import argparse
import os
import subprocess
from pathlib import Path

import clips

VIDEO = {
    "h264": ["-c:v", "libx264", "-preset", "veryfast"],
    "vp8": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "4", "-b:v", "0"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-b:v", "0"],
    "av1": ["-c:v", "libsvtav1", "-preset", "10"],
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--codec", choices=VIDEO, default="h264")
    parser.add_argument("--longest", type=int, default=640, help="longest side in pixels; smaller clips stay as they are")
    parser.add_argument("--crf", type=int, default=25, help="constant rate factor of the video encoder")
    parser.add_argument("--kbps", type=int, help="bit rate of the video in place of --crf")
    parser.add_argument("--loss", type=float, default=0, help="percent of the video's packets that are lost")
    parser.add_argument("--dim", type=float, nargs="?", const=0.55, help="so much of the light (0.55), and noise, before encoding")
    parser.add_argument("--opus", type=int, default=24, help="kbit/s of the sound")
    parser.add_argument("--suppress", action="store_true", help="noise suppression before the sound is encoded")
    return parser.parse_args()


def encode(source, target, args):
    """Writes the clip under a name of its own first, so that a half-written one is never taken for whole."""
    part = target.with_name(f"part-{target.name}")
    n = args.longest
    fit = f"scale='if(gte(iw,ih),min({n},iw),-2)':'if(gte(iw,ih),-2,min({n},ih))',pad=ceil(iw/2)*2:ceil(ih/2)*2"
    if args.dim:
        fit += f",format=yuv420p,lutyuv=y=16+(val-16)*{args.dim},noise=c0s=12:c0f=t"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(source), "-map", "0:v:0?", "-map", "0:a:0?"]
    rate = ["-b:v", f"{args.kbps}k"] if args.kbps else ["-crf", str(args.crf)]
    command += ["-vf", fit, *VIDEO[args.codec], *rate, "-pix_fmt", "yuv420p", "-fps_mode", "vfr"]
    if args.loss:
        # Never the first packet: without it nothing can be decoded.
        command += ["-bsf:v", f"noise=drop='gt(n,0)*lt(random(1)*100,{args.loss})'"]
    if args.suppress:
        command += ["-af", "afftdn=nr=20"]
    command += ["-c:a", "libopus", "-b:a", f"{args.opus}k", str(part)]
    subprocess.run(command, check=True, env={**os.environ, "SVT_LOG": "1"})
    part.rename(target)


def main():
    args = arguments()
    clips.convert_all(args.manifest, args.out, lambda source, target: encode(source, target, args))


if __name__ == "__main__":
    main()
