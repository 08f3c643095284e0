#!/usr/bin/env python3
"""Loads `unmask serve` and says how it bore it; standard library alone.

    scripts/service/load.py --uploads 200 --clients 20 --minutes 10 [--kill-after S] [--unmask FILE]

In: a clip of 20 s, made by ffmpeg of the test portrait and speech. A service is started on an empty folder; CLIENTS at once
send the clip until UPLOADS were accepted (429 is waited out as the answer says), spread over the first half of MINUTES; four
readers go on asking for lists, calls, records and pages for MINUTES, and until every call has ended. With --kill-after the
service and its scans are killed (SIGKILL) after so many seconds and started again on the same folder.

Out, as JSON: answers by status; calls that were accepted and lost, not done, or begun more often than once without a kill;
memory (RSS of the service, without its scans): largest deviation from the median after the first fifth of the time;
latency of GET by route in milliseconds. Exit code 1 when an answer was an error other than 429, a call was lost, failed or has not
ended, or one that had ended was scanned again.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOUNDARY = "load"
READERS = 4


def clip(path):
    inputs = ["-loop", "1", "-framerate", "10", "-i", ROOT / "models/yunet/golden.png", "-stream_loop", "-1", "-i",
              ROOT / "models/silero-vad/golden.wav"]
    codecs = ["-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, inputs), *codecs, str(path)], check=True)


class Service:
    """Starts the service, and again after it was killed."""

    def __init__(self, options, folder):
        self.options, self.folder, self.child, self.address = options, folder, None, None

    def start(self):
        command = [self.options.unmask, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.folder / "data",
                   "--device", "cpu", "--fps", str(self.options.fps), "--rate", "0", "--evidence-key", self.folder / "key"]
        if self.options.jobs:
            command += ["--jobs", str(self.options.jobs)]
        log = open(self.folder / "log", "ab")
        self.child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.child.stdout.readline().strip()
        if not line:
            sys.exit(f"the service does not start: see {self.folder / 'log'}")
        self.address = line.removeprefix("http://")

    def kill(self):
        """As a power cut does: the service at once; its scans end with it by themselves."""
        self.address = None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def rss_mib(self):
        try:
            status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0]) / 1024
        except (OSError, IndexError):
            return None


class Load:
    def __init__(self, service, options):
        self.service, self.options = service, options
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.accepted, self.ended = [], {}
        self.statuses, self.errors = collections.Counter(), []
        self.latency, self.rss = collections.defaultdict(list), []
        self.killing, self.begin, self.handed = False, time.monotonic(), 0

    def ask(self, method, path, body=None, headers=None, route=None):
        """One request on a connection of its own; none while the service is down on purpose."""
        address = self.service.address
        if address is None:
            time.sleep(0.1)
            return None, {}, b""
        connection = http.client.HTTPConnection(address, timeout=60)
        begin = time.perf_counter()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            data = answer.read()
            status, told = answer.status, answer.headers
        except (OSError, http.client.HTTPException) as error:
            if not self.killing and self.service.address == address:
                self.note(f"{method} {route or path}: {error!r}")
            return None, {}, b""
        finally:
            connection.close()
        spent = (time.perf_counter() - begin) * 1e3
        with self.lock:
            self.statuses[f"{method} {status}"] += 1
            if route and method == "GET":
                self.latency[route].append(spent)
        if status >= 400 and status not in (429, 409):
            self.note(f"{method} {route or path}: {status} {data[:200]!r}")
        return status, told, data

    def note(self, error):
        with self.lock:
            self.errors.append(error)

    def client(self, data):
        """Sends as many as are left, evenly over half of the time."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="call.mp4"\r\n\r\n'.encode()
        body = head + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        gap = self.options.minutes * 30 / self.options.uploads
        while True:
            with self.lock:
                n = self.handed
                self.handed += 1
            if n >= self.options.uploads:
                return
            # Clients come in waves: all of them at the same time.
            due = self.begin + (n // self.options.clients) * self.options.clients * gap
            time.sleep(max(0, due - time.monotonic()))
            headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Idempotency-Key": f"load-{n}"}
            while not self.stop.is_set():
                status, told, answer = self.ask("POST", "/v1/calls", body, headers, "/v1/calls")
                if status in (200, 202):
                    with self.lock:
                        self.accepted.append(json.loads(answer)["id"])
                    break
                time.sleep(float(told.get("retry-after", 1)) if told else 0.5)

    def reader(self):
        while not self.stop.is_set():
            self.ask("GET", "/v1/calls?limit=50", route="list")
            with self.lock:
                id = random.choice(self.accepted) if self.accepted else None
                done = random.choice(list(self.ended)) if self.ended else None
            if id:
                status, _, answer = self.ask("GET", f"/v1/calls/{id}", route="call")
                if status == 200:
                    call = json.loads(answer)
                    if call["state"] in ("done", "failed"):
                        with self.lock:
                            self.ended.setdefault(id, call["attempts"])
            if done:
                self.ask("GET", f"/v1/calls/{done}/records", route="records")
                self.ask("GET", f"/v1/calls/{done}/report.html", route="report")
            self.ask("GET", "/", route="page")
            time.sleep(0.25)

    def watch(self):
        while not self.stop.wait(1):
            mib = self.service.rss_mib()
            if mib and not self.killing:
                self.rss.append((time.monotonic() - self.begin, mib))

    def all_calls(self):
        calls, cursor = {}, ""
        while True:
            status, _, answer = self.ask("GET", f"/v1/calls?limit=200{cursor}")
            if status != 200:
                time.sleep(0.5)
                continue
            page = json.loads(answer)
            calls |= {call["id"]: call for call in page["calls"]}
            if page["next"] is None:
                return calls
            cursor = f"&cursor={page['next']}"

    def run(self, data):
        senders = [threading.Thread(target=self.client, args=(data,)) for _ in range(self.options.clients)]
        others = [threading.Thread(target=self.reader) for _ in range(READERS)] + [threading.Thread(target=self.watch)]
        for thread in senders + others:
            thread.start()
        until, patience = self.begin + self.options.minutes * 60, self.begin + self.options.minutes * 60 + self.options.drain * 60
        ended = None
        while not self.stop.wait(1):
            now = time.monotonic()
            if self.options.kill_after and ended is None and now - self.begin >= self.options.kill_after:
                calls = self.all_calls()
                ended = {id: call["attempts"] for id, call in calls.items() if call["state"] in ("done", "failed")}
                self.killing = True
                self.service.kill()
                self.service.start()
                self.killing = False
            if now >= until and not any(t.is_alive() for t in senders):
                calls = self.all_calls()
                if now >= patience or all(c["state"] in ("done", "failed") for c in calls.values()):
                    break
        calls = self.all_calls()
        self.stop.set()
        for thread in senders + others:
            thread.join()
        return calls, ended or {}


def quantile(values, q):
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 1)


def summary(load, calls, ended, options):
    lost = [id for id in set(load.accepted) if id not in calls]
    unended = [id for id in load.accepted if id in calls and calls[id]["state"] not in ("done", "failed")]
    begun = collections.Counter(call["attempts"] for call in calls.values())
    again = [id for id, attempts in ended.items() if id in calls and calls[id]["attempts"] != attempts]
    if not options.kill_after:  # nothing else has a reason to begin a call twice
        again += [id for id, call in calls.items() if call["attempts"] > 1]
    # After a kill there is a new process, whose memory begins anew.
    first = options.minutes * 12 + (options.kill_after or 0)
    after = [mib for at, mib in load.rss if at >= first]
    middle = statistics.median(after) if after else None
    every = [ms for values in load.latency.values() for ms in values]
    return {
        "minutes": round((time.monotonic() - load.begin) / 60, 1), "answers": dict(sorted(load.statuses.items())),
        "errors": len(load.errors), "first_errors": load.errors[:5],
        "accepted": len(set(load.accepted)), "twice_accepted": len(load.accepted) - len(set(load.accepted)),
        "stored": len(calls), "lost": len(lost), "not_ended": len(unended),
        "failures": sorted({call["error"] for call in calls.values() if call["state"] == "failed"}),
        "states": dict(collections.Counter(call["state"] for call in calls.values())),
        "attempts": {str(n): count for n, count in sorted(begun.items())}, "ended_and_scanned_again": len(again),
        "rss_mib": middle and {"median": round(middle, 1), "lowest": round(min(after), 1), "highest": round(max(after), 1),
                               "off_percent": [round(100 * (min(after) / middle - 1), 1), round(100 * (max(after) / middle - 1), 1)]},
        "get_ms": {route: {"n": len(values), "p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": round(max(values), 1)}
                   for route, values in sorted((load.latency | {"all": every}).items()) if values},
        "load_average": os.getloadavg()[0],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--drain", type=float, default=30, help="minutes after which calls that have not ended are given up")
    parser.add_argument("--kill-after", type=float, help="seconds")
    parser.add_argument("--jobs", type=int, help="as unmask serve has it")
    parser.add_argument("--fps", type=float, default=1)
    parser.add_argument("--unmask", default=ROOT / "target/release/unmask")
    parser.add_argument("--dir", help="where the service's folder and log are made (default: the system's)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unmask-load-", dir=options.dir) as folder:
        folder = pathlib.Path(folder)
        clip(folder / "clip.mp4")
        service = Service(options, folder)
        service.start()
        load = Load(service, options)
        # Ctrl-C ends it early, and tells what was seen until then.
        signal.signal(signal.SIGINT, lambda *_: load.stop.set())
        try:
            calls, ended = load.run((folder / "clip.mp4").read_bytes())
        finally:
            load.stop.set()
            service.kill()
        told = summary(load, calls, ended, options)
        log = (folder / "log").read_text(errors="replace")
        if log:
            told["log"] = log[-1000:]
    print(json.dumps(told, indent=2))
    wrong = ("errors", "lost", "not_ended", "failures", "ended_and_scanned_again", "twice_accepted")
    sys.exit(1 if any(told[key] for key in wrong) else 0)


main()
