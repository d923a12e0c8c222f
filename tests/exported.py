"""Small models for the tests of ONNX files."""

import numpy as np
import torch

from hashlens.data import synthetic_images
from hashlens.deep import DeepEncoder, Normalize
from hashlens.feature_encoder import fit_encoder
from hashlens.features import Features, Pixels
from hashlens.hashers import Hasher
from hashlens.methods import load_method
from hashlens.model import Model

IMAGES = synthetic_images(60, 4, size=16, seed=0)


def hasher_model(hasher: Hasher, features: Features | None = None, method: str = "itq") -> Model:
    """A model of features, 5 x 7 grey pixels without others, and a hasher fitted on shapes."""
    features = features or Pixels(5, 7, n_channels=1)
    pixels = np.stack([features.preprocessing.apply(IMAGES.images.read(i)) for i in range(60)])
    encoder, _ = fit_encoder(
        features, features.transform(pixels), hasher, np.asarray(IMAGES.labels)
    )
    return Model(
        method,
        hasher.n_bits,
        features.preprocessing,
        classes=(),
        encoder=encoder,
        settings=hasher.get_params(),
        card={"data": {"name": "shapes", "checksum": "ab12"}},
    )


def deep_model(
    method: str, *, flip_average: bool = False, lengths: tuple[int, ...] = (), **settings: object
) -> Model:
    """An untrained network for images of 12 pixels a side."""
    from hashlens.data import Preprocessing

    torch.manual_seed(0)
    made = load_method(method)(**settings)
    size = Preprocessing(12, 12)
    pixels = np.stack([size.apply(IMAGES.images.read(i)) for i in range(60)])
    encoder = DeepEncoder(Normalize.fit([pixels]), made.network(4, 3), flip_average)
    if encoder.wants_images:
        encoder.calibrate(pixels)
    encoder.train()
    for _ in range(20):  # the normalisations' running statistics become those of the images
        encoder(encoder.normalize(torch.tensor(pixels)))
    return Model(method, made.n_bits, size, tuple("abcd"), encoder.eval(), lengths=lengths)
