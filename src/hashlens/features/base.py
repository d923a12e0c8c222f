"""The contract of features: pixels in, vectors out, the same for every image."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data import Preprocessing

Pixels8 = NDArray[np.uint8]
Vectors = NDArray[np.float32]


class Features(ABC):
    """Base of all features: fixed maps, nothing is learnt from the images given.

    Attributes
    ----------
    name : str
        The word that ``load_features`` takes.
    preprocessing : Preprocessing
        The size and the channels that ``transform`` wants.
    normalize : bool
        Whether vectors are scaled to length 1 (a zero vector stays zero), so that Euclidean
        distance ranks as the cosine does.
    standardize : bool
        Whether hashers should see z-scores of these features.
    """

    batch_size: int = 64  # images computed at once: bounds the memory
    standardize: ClassVar[bool] = False

    name: str
    preprocessing: Preprocessing
    normalize: bool

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Length of a vector."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Give the JSON values from which ``restore_features`` builds the same features."""

    @abstractmethod
    def _vectors(self, pixels: Pixels8) -> Vectors:
        """Compute one checked batch."""

    def _fill(self, images: Pixels8, vectors: Vectors) -> None:
        """Compute checked images, batch after batch."""
        for start in range(0, len(images), self.batch_size):
            stop = start + self.batch_size
            vectors[start:stop] = self._vectors(images[start:stop])

    def transform(self, pixels: object) -> Vectors:
        """Compute the vectors of images.

        Parameters
        ----------
        pixels : uint8 array of shape (n >= 1, height, width, n_channels)
            Of the size and channels that ``preprocessing`` gives.

        Returns
        -------
        vectors : float32 array of shape (n, n_features)

        Raises
        ------
        InputError
            If `pixels` is not such an array. Nothing is resized or converted silently.
        """
        images = np.asarray(pixels)
        shape = self.preprocessing.shape
        if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
            raise refuse("pixels", f"uint8 of shape (n >= 1, {', '.join(map(str, shape))})", images)
        vectors = np.empty((len(images), self.n_features), np.float32)
        self._fill(images, vectors)
        return _unit_length(vectors) if self.normalize else vectors


def _unit_length(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32, copy=False)
