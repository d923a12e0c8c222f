"""Features, z-scores and a hasher in a row: the encoder of a model that is no network."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.features import Features, Standardizer
from hashlens.hashers import Hasher
from hashlens.hashers.base import Tell


class FeatureEmbedded(NamedTuple):
    """Arrays for n images; there is no classifier, so `logits` is None."""

    features: NDArray[np.float32]
    projection: NDArray[np.floating]
    logits: None = None


class FeatureEncoder:
    """Image -> features -> (z-scores) -> projection.

    Parameters
    ----------
    features : Features
        What turns pixels into vectors.
    standardizer : Standardizer, optional
        Fitted z-scoring of the vectors.
    hasher : Hasher
        Fitted on the vectors.
    """

    def __init__(
        self, features: Features, hasher: Hasher, standardizer: Standardizer | None = None
    ) -> None:
        self.features = features
        self.hasher = hasher
        self.standardizer = standardizer

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the hasher sees for pixels (n, h, w, c): float32 (n, d)."""
        vectors = self.features.transform(pixels)
        return vectors if self.standardizer is None else self.standardizer.transform(vectors)

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.floating]:
        """Project features that are computed already, before their z-scores: (n, n_bits)."""
        if self.standardizer is not None:
            vectors = self.standardizer.transform(vectors)
        return self.hasher.project(vectors)

    def embed(self, pixels: NDArray[np.uint8]) -> FeatureEmbedded:
        """Embed pixels (n, h, w, c) uint8."""
        vectors = self.vectors(pixels)
        return FeatureEmbedded(vectors, self.hasher.project(vectors))


def fit_encoder(
    features: Features,
    vectors: NDArray[np.float32],
    hasher: Hasher,
    labels: object = None,
    progress: Tell | None = None,
) -> tuple[FeatureEncoder, NDArray[np.float32]]:
    """Fit z-scores, where the features want them, and the hasher; give what the hasher saw too.

    Parameters
    ----------
    features : Features
        What the vectors were computed by.
    vectors : float32 (n, d)
    hasher : Hasher
        Not fitted yet.
    labels : optional
        For hashers that learn from them.
    progress : callable, optional
        Called as ``progress(done, total)`` while the hasher is fitted.
    """
    standardizer = Standardizer().fit(vectors) if features.standardize else None
    if standardizer is not None:
        vectors = standardizer.transform(vectors)
    return FeatureEncoder(
        features, hasher.fit(vectors, labels, progress=progress), standardizer
    ), vectors
