"""The pixels themselves as a vector."""

from typing import Any

import numpy as np

from hashlens.checks import check_int, refuse
from hashlens.data import Preprocessing
from hashlens.features.base import Features, Pixels8, Vectors


class Pixels(Features):
    """Raw pixels of a small image, divided by 255, row after row.

    Parameters
    ----------
    height, width : int, 1 to 256, in pixels, default 32
    n_channels : int, 1 or 3, default 3
    normalize : bool, default False
        Scale every vector to length 1.

    Examples
    --------
    >>> import numpy as np
    >>> white = np.full((1, 2, 2, 1), 255, np.uint8)
    >>> Pixels(2, 2, n_channels=1).transform(white)
    array([[1., 1., 1., 1.]], dtype=float32)
    """

    name = "pixels"

    def __init__(
        self, height: int = 32, width: int = 32, *, n_channels: int = 3, normalize: bool = False
    ) -> None:
        check_int("height", height, 1, 256)
        check_int("width", width, 1, 256)
        self.preprocessing = Preprocessing(height, width, n_channels)
        if not isinstance(normalize, bool):
            raise refuse("normalize", "True or False", normalize)
        self.normalize = normalize

    @property
    def n_features(self) -> int:
        """Length of a vector: height * width * n_channels."""
        return int(np.prod(self.preprocessing.shape))

    def settings(self) -> dict[str, Any]:
        """Give the JSON values from which ``restore_features`` builds the same features."""
        height, width, n_channels = self.preprocessing.shape
        return {
            "name": self.name,
            "height": height,
            "width": width,
            "n_channels": n_channels,
            "normalize": self.normalize,
        }

    def _vectors(self, pixels: Pixels8) -> Vectors:
        return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
