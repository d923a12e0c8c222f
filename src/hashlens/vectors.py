"""Feature vectors as collections and shards store them."""

import numpy as np
from numpy.typing import NDArray


def as_stored_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """Give feature vectors as they are stored: of length 1, float16, little-endian.

    Examples
    --------
    >>> as_stored_vectors(np.array([[3.0, 4.0]], np.float32)).tolist()
    [[0.60009765625, 0.7998046875]]
    """
    return unit_rows(vectors).astype("<f2")


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length 1, so that a product is a cosine; a row of zeros stays.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    array([[0.6, 0.8], [0. , 0. ]], dtype=float32)
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled
