"""A file beside the model that it was made of: how many bits differ, and how near their edge."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.codes import Codes, pack
from hashlens.model import Model
from hashlens.onnx.assembling import IMAGES

ROUNDING = 1e-3
"""A projection below this share of the usual one is within rounding of its threshold."""


@dataclass(frozen=True)
class Agreement:
    """Codes of a file beside those of its model, on the same images.

    Attributes
    ----------
    n_images, n_bits : int
        Images compared, and the bits of all of them.
    n_differing : int
        Bits that differ.
    farthest : float
        Of the bits that differ, the largest distance of the model's own projection from its
        threshold, as a share of the median distance of all bits; 0 where none differs.
    """

    n_images: int
    n_bits: int
    n_differing: int
    farthest: float

    @property
    def share(self) -> float:
        """Share of the bits that differ."""
        return self.n_differing / max(self.n_bits, 1)

    @property
    def only_rounding(self) -> bool:
        """Whether no bit differs but where the projection is within rounding of its threshold."""
        return self.farthest <= ROUNDING

    def __str__(self) -> str:
        """Say it in one line."""
        compared = f"{self.n_images:,} images"
        if not self.n_differing:
            return f"{compared}: all {self.n_bits:,} bits are the same"
        return (
            f"{compared}: {self.n_differing:,} of {self.n_bits:,} bits differ "
            f"({self.share:.2g} of them), at most {self.farthest:.2g} of the median from their "
            "threshold"
        )


def agreement(session: Any, model: Model, images: Iterable[NDArray[np.uint8]]) -> Agreement:
    """Compare the codes of a session with those of a model, image after image.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Its first output is the codes.
    model : Model
    images : iterable of uint8 (h, w, 3)
        Of a size that the session takes.
    """
    differing, distances = [], []
    for image in images:
        pixels = model.preprocessing.apply(image)[None]
        projection = model.encoder.embed(pixels).projection[:, : model.n_bits]
        codes = run(session, image[None])
        bits = np.unpackbits(codes ^ pack(projection >= 0), axis=1, bitorder="little")
        differing.append(bits[0, : model.n_bits].astype(bool))
        distances.append(np.abs(projection[0]))
    if not differing:
        return Agreement(0, 0, 0, 0.0)
    other, distance = np.array(differing), np.array(distances, np.float64)
    usual = float(np.median(distance)) or 1.0
    farthest = float(distance[other].max() / usual) if other.any() else 0.0
    return Agreement(len(other), other.size, int(other.sum()), farthest)


def run(session: Any, images: NDArray[np.uint8]) -> Codes:
    """Give the codes of images (n, h, w, 3); InputError where the graph does not run."""
    try:
        (codes,) = session.run(["codes"], {IMAGES: images})
    except Exception as error:  # the errors of ONNX Runtime have no common base
        wanted = "one whose graph runs on any number of images"
        raise refuse("model", wanted, words(str(error).splitlines()[0])) from error
    found: Codes = codes
    return found
