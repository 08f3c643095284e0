#!/usr/bin/env bash
# Make the clips that costs are measured on: 1280×720, 30 fps, H.264 about 3 Mb/s, AAC, one face that talks.
# scripts/bench/clip.sh [FOLDER]   writes 30s.mp4, 1min.mp4, 10min.mp4 (the longer ones repeat the first)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-.runtime/bench}

scripts/setup --bench
mkdir -p "$folder"
if ! [ -e "$folder/30s.mp4" ]; then
  .runtime/tools/bin/python -B scripts/demo/make_clips.py --plain-only --seconds 30 --out "$folder" >&2
  mv "$folder/interview.mp4" "$folder/30s.mp4"
fi
repeat() { # NAME TIMES
  [ -e "$folder/$1.mp4" ] ||
    ffmpeg -v error -stream_loop $(($2 - 1)) -i "$folder/30s.mp4" -c copy -movflags +faststart "$folder/$1.mp4"
}
repeat 1min 2
repeat 10min 20
ls -l "$folder" >&2
