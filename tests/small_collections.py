"""A model that is quick to make, and folders of small pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

from hashlens.data import Preprocessing
from hashlens.feature_encoder import FeatureEncoder
from hashlens.features import load_features
from hashlens.hashers import PCAH
from hashlens.model import Model


def small_model(n_bits: int, seed: int = 0) -> Model:
    features = load_features("pixels", preprocessing=Preprocessing(8, 8, 3))
    X = np.random.default_rng(seed).random((50, features.n_features), np.float32)
    return Model(
        method="pcah",
        n_bits=n_bits,
        preprocessing=features.preprocessing,
        classes=(),
        encoder=FeatureEncoder(features, PCAH(n_bits=n_bits).fit(X)),
        settings={"n_bits": n_bits},
    )


def write_photos(folder: Path, n: int, classes: tuple[str, ...] = ("owl", "cat")) -> Path:
    """Write n pictures of 8 x 8 random pixels, in turn into the folders of the classes."""
    rng = np.random.default_rng(0)
    for i in range(n):
        file = folder / classes[i % len(classes)] / f"{i:04d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    return folder
