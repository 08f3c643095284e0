"""What a Python tool would do for the same work, with the same networks, and what it costs.

In:  a recording; the same model folders as unmask uses.
Out: one JSON line for each frame (--out, else discarded), and on stdout the CPU seconds (user + system,
     this process and its children): in total, inside the networks, and outside them.
     With --unmask BINARY the same file goes through `unmask scan` as well, and the ratios are printed: to the peer,
     and to what cannot be saved (decoding alone, by ffmpeg, and the networks).
With --json only the peer runs, and prints one line; scripts/bench/peers runs all of them in turn.
It is written as a careful author would: OpenCV decodes, resizes and crops; numpy decodes the detector's output,
tracks by overlap and measures each crop's sharpness, exposure and pose; onnxruntime runs one thread (unless
--library-threads); ffmpeg decodes the sound; Silero VAD goes frame by frame and 4 s windows every second are scored. Both are counted as whole processes, start-up included. Needs scripts/setup --bench.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import decode  # noqa: E402
from fetch import ROOT  # noqa: E402

RATE, WINDOW, HOP, LEAST_SPEECH = 16_000, 64_000, 16_000, 0.3


class Network:
    """A model folder's manifest and session; counts the CPU seconds spent inside `run`."""

    inside = 0.0
    library_threads = False

    def __init__(self, folder):
        self.manifest = tomllib.loads((folder / "model.toml").read_text())
        path = folder / self.manifest["file"]
        if not path.is_file():
            path = ROOT / ".runtime" / "models" / self.manifest["id"] / self.manifest["file"]
        options = onnxruntime.SessionOptions()
        if not Network.library_threads:
            options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.get_outputs = self.session.get_outputs

    def run(self, names, feed):
        start = time.process_time()
        answer = self.session.run(names, feed)
        Network.inside += time.process_time() - start
        return answer

    def score(self, batch):
        """Logits → P(masked) for each row, calibrated as the manifest says."""
        output = self.manifest["output"]
        logits = self.run([output["name"]], {self.manifest["input"]["name"]: batch})[0].reshape(len(batch), -1)
        wanted = output.get("masked_index", 0)
        z = logits[:, wanted]
        if output["activation"] == "softmax":
            z = z - np.log(np.exp(np.delete(logits, wanted, 1)).sum(1))
        calibration = self.manifest.get("calibration", {})
        return 1 / (1 + np.exp(-(calibration.get("scale", 1) * z + calibration.get("offset", 0))))


class FaceScorer:
    def __init__(self, network):
        self.network = network
        manifest = network.manifest
        self.size = tuple(manifest["input"]["size"])
        self.template = np.float64(manifest["preprocess"]["template"]) * self.size
        mean, std = (np.float32(manifest["preprocess"][key]) for key in ("mean", "std"))
        self.gain, self.offset = 1 / (255 * std), -mean / std
        self.rgb = manifest["input"]["color"] == "rgb"

    def crop(self, frame, points):
        """The least-squares similarity transform onto the template (Umeyama 1991), then the crop as
        models/README.md defines it: the mean of k×k bilinear samples, as a k times larger warp shrunk by area."""
        points = np.float64(points)
        source, target = points - points.mean(0), self.template - self.template.mean(0)
        u, spread, vt = np.linalg.svd(target.T @ source)
        flip = np.array([1, np.sign(np.linalg.det(u @ vt))])
        linear = (spread * flip).sum() / (source**2).sum() * (u * flip) @ vt
        shift = self.template.mean(0) - linear @ points.mean(0)
        k = int(np.clip(np.ceil(1 / np.sqrt(np.linalg.det(linear))), 1, 4))
        linear, shift = k * linear, k * shift
        shift += linear @ (0.5, 0.5) - 0.5  # OpenCV counts from pixel centres
        warp, size = np.column_stack([linear, shift]), (k * self.size[0], k * self.size[1])
        fine = cv2.warpAffine(frame, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return fine if k == 1 else cv2.resize(fine, self.size, interpolation=cv2.INTER_AREA)

    def __call__(self, frame, faces):
        crops = np.stack([self.crop(frame, face["points"]) for face in faces])
        for face, crop in zip(faces, crops):
            face["quality"] = quality(face, crop)
        if self.rgb:
            crops = crops[..., ::-1]
        batch = crops.astype(np.float32) * self.gain + self.offset
        return self.network.score(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))


def quality(face, crop):
    """What unmask's records hold of each face."""
    height, width = crop.shape[:2]
    middle = crop[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]
    gray = cv2.cvtColor(middle, cv2.COLOR_BGR2GRAY)
    edges = cv2.Laplacian(gray, cv2.CV_32F)
    right, left, nose, *mouth = face["points"]
    axis = left - right
    eyes = max(np.hypot(*axis), 1e-3)
    across, down = axis / eyes, np.array([-axis[1], axis[0]]) / eyes
    offset, drop = nose - (left + right) / 2, np.mean(mouth, 0) - (left + right) / 2
    return {
        "size_px": round(min(face["box"][2:]), 1),
        "sharpness": round(float(np.abs(edges).mean() / max(gray.std(), 1)), 3),
        "exposure": round(float(gray.mean() / 255), 3),
        "yaw_deg": round(float(np.degrees(np.arctan(offset @ across / eyes / 0.6))), 1),
        "pitch_deg": round(float(np.degrees(np.arctan((0.5 - offset @ down / (drop @ down)) * 1.1 / 0.6))), 1),
        "roll_deg": round(float(np.degrees(np.arctan2(axis[1], axis[0]))), 1),
    }


class Tracker:
    """Numbers faces by overlap with the last frame's."""

    def __init__(self):
        self.last, self.count = [], 0

    def __call__(self, faces):
        for face in faces:
            best = max(self.last, key=lambda old: overlap(old["box"], face["box"]), default=None)
            if best is None or overlap(best["box"], face["box"]) < 0.3:
                self.count += 1
                face["track"] = self.count
            else:
                face["track"] = best["track"]
        self.last = faces


def overlap(a, b):
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def find_faces(detector, frame, longest):
    """YuNet at the same input size as unmask; faces in pixels of the frame."""
    height, width = frame.shape[:2]
    scale = longest / max(height, width)
    small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
    down, right = -small.shape[0] % 32, -small.shape[1] % 32
    small = cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_CONSTANT)
    faces = decode.detect(detector, detector.manifest["family"], small)
    for face in faces:
        face["box"] = [value / scale for value in face["box"]]
        face["points"] = np.float64(face["points"]) / scale
    return faces


def watch_voice(path, vad, scorer):
    """[(start_s, end_s, p_masked)] of the windows that hold enough speech."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-vn", "-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True).stdout
    samples = np.frombuffer(raw, np.float32)
    silero, size = decode.Silero(vad), decode.VAD_FRAME
    frames = [silero.push(samples[at : at + size])[0] for at in range(0, samples.size - size + 1, size)]
    spoken, windows = np.array(frames) > 0.5, []
    for start in range(0, max(1, samples.size - WINDOW + 1), HOP):
        if scorer is None or spoken[start // size : (start + WINDOW) // size].mean() < LEAST_SPEECH:
            continue
        window = np.resize(samples[start : start + WINDOW], WINDOW)
        windows.append((start / RATE, (start + WINDOW) / RATE, float(scorer.score(window[None])[0])))
    return windows


def captured(path, fps):
    """(time, picture) by OpenCV; of frames that are not analysed only the grab is paid for."""
    capture, due = cv2.VideoCapture(path), 0.0
    while capture.grab():
        pts = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if fps and pts + 1e-3 < due:
            continue
        due += 1 / fps if fps else 0
        yield pts, capture.retrieve()[1]


def piped(path, fps):
    """(time, picture) from an ffmpeg process that writes BGR into a pipe."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,r_frame_rate"]
    text = subprocess.run([*probe, "-of", "csv=p=0", path], capture_output=True, text=True, check=True).stdout
    width, height, rate = text.strip().split(",")[:3]
    top, bottom = rate.split("/")
    rate, size = fps or float(top) / float(bottom), (int(height), int(width), 3)
    limit = ["-vf", f"fps={fps}"] if fps else []
    command = ["ffmpeg", "-v", "error", "-i", path, "-an", *limit, "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        index = 0
        while len(raw := child.stdout.read(size[0] * size[1] * 3)) == size[0] * size[1] * 3:
            yield index / rate, np.frombuffer(raw, np.uint8).reshape(size)
            index += 1


def analyse(args, networks, out):
    detector, vad, face, voice = networks
    windows = watch_voice(args.file, vad, voice)
    scorer = FaceScorer(face) if face else None
    frames, track = (piped if args.pipe else captured)(args.file, args.fps), Tracker()
    index = found = 0
    for pts, frame in frames:
        faces = find_faces(detector, frame, args.longest)
        track(faces)
        scores = scorer(frame, faces) if scorer and faces else [None] * len(faces)
        heard = [p for start, end, p in windows if start <= pts < end]
        record = {
            "index": index,
            "pts_s": round(pts, 6),
            "faces": [
                {
                    "track": one["track"],
                    "box_px": [round(v, 1) for v in one["box"]],
                    "p_masked": None if p is None else float(p),
                    "quality": one.get("quality"),
                }
                for one, p in zip(faces, scores)
            ],
            "voice": max(heard) if heard else None,
        }
        out.write(json.dumps(record) + "\n")
        index, found = index + 1, found + bool(faces)
    return index, found, windows


def cpu_seconds(usage):
    return usage.ru_utime + usage.ru_stime


def run_unmask(binary, path, extra):
    """CPU seconds and peak memory as the system counted them, and the `end` record's own account."""
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "scan", path, "--format", "jsonl", "--out", folder, *extra]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak_kb, ended = 0, 0
        while not ended:  # VmHWM, because ru_maxrss would count this process's memory before the exec
            time.sleep(0.02)
            hwm = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{child.pid}/status").read_text())
            peak_kb = max(peak_kb, int(hwm[1]) if hwm else 0)
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"peer: unmask ended with {child.returncode}")
        lines = next(Path(folder).glob("*.jsonl")).read_text().splitlines()
    end = next(record for record in map(json.loads, reversed(lines)) if record["type"] == "end")
    frames = sum('"type":"frame"' in line for line in lines)
    return cpu_seconds(usage), peak_kb / 1024, end["stats"]["cpu_s"], frames


def decode_alone(path):
    """CPU seconds that ffmpeg takes to decode picture and sound on one thread, throwing both away."""
    before = cpu_seconds(resource.getrusage(resource.RUSAGE_CHILDREN))
    sound = ["-ac", "1", "-ar", str(RATE)]
    subprocess.run(["ffmpeg", "-v", "error", "-threads", "1", "-i", path, *sound, "-f", "null", "-"], check=True)
    return cpu_seconds(resource.getrusage(resource.RUSAGE_CHILDREN)) - before


def row(name, total, networks, peak_mb, frames):
    print(f"{name:<8} {total:>9.2f} {networks:>9.2f} {total - networks:>9.2f} {peak_mb:>9.0f} {frames:>7}")


def model_folder(wanted, task):
    """A given folder or id, else the only (or first) model of this task; None where there is none."""
    if wanted:
        return Path(wanted) if Path(wanted, "model.toml").is_file() else ROOT / "models" / wanted
    for manifest in sorted((ROOT / "models").glob("*/model.toml")):
        if tomllib.loads(manifest.read_text())["task"] == task:
            return manifest.parent
    print(f"peer: no model for {task}: left out", file=sys.stderr)
    return None


def main():
    parser = argparse.ArgumentParser(description="the same work with OpenCV and Python onnxruntime")
    parser.add_argument("file")
    parser.add_argument("--face", help="id or folder of the face scorer")
    parser.add_argument("--voice", help="id or folder of the voice scorer")
    parser.add_argument("--longest", type=int, default=640, help="longest side of the detector's input")
    parser.add_argument("--fps", type=float, default=0, help="frames a second to analyse (default: every frame)")
    parser.add_argument("--pipe", action="store_true", help="decode with ffmpeg through a pipe instead of OpenCV")
    parser.add_argument("--library-threads", action="store_true", help="onnxruntime's own number of threads")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--out", default=os.devnull, help="file for the JSON lines")
    parser.add_argument("--unmask", help="path of the unmask binary to compare with")
    args, extra = parser.parse_known_args()
    Network.library_threads = args.library_threads
    folders = [ROOT / "models" / "yunet", ROOT / "models" / "silero-vad"]
    folders += [model_folder(args.face, "face_score"), model_folder(args.voice, "voice_score")]
    networks = [Network(folder) if folder else None for folder in folders]
    start_up = time.process_time()
    with open(args.out, "w") as out:
        frames, found, windows = analyse(args, networks, out)
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    total = cpu_seconds(own) + cpu_seconds(children)
    if args.json:
        print(json.dumps({"cpu_s": total, "networks_s": Network.inside, "frames": frames, "mib": own.ru_maxrss / 1024}))
        return
    print(f"{args.file}: {frames} frames, a face in {found}, {len(windows)} voice windows")
    print(f"start-up of the peer, included: {start_up:.2f} s")
    print(f"{'CPU s':<8} {'total':>9} {'networks':>9} {'outside':>9} {'peak MB':>9} {'frames':>7}")
    row("peer", total, Network.inside, own.ru_maxrss / 1024, frames)
    if args.unmask:
        extra += ["--fps", str(args.fps)] if args.fps else []
        counted, peak_mb, told, ours = run_unmask(args.unmask, args.file, extra)
        row("unmask", counted, told["networks"], peak_mb, ours)
        outside, peer_outside = counted - told["networks"], total - Network.inside
        print(f"unmask's own account of its total: {told['total']:.2f} s")
        decode = decode_alone(args.file)
        floor = decode + told["networks"]
        print(f"decoding alone: {decode:.2f} s; unmask / (decoding alone + networks): {counted / floor:.2f}")
        print(f"unmask / peer: {outside / peer_outside:.2f} outside the networks, {counted / total:.2f} in all")


if __name__ == "__main__":
    main()
