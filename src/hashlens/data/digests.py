"""A number for each image that is equal only where the pixels are: for finding leaks."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def pixel_digests(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a 64-bit BLAKE2b digest of each image of (n, h, w, c): uint64 (n,).

    Examples
    --------
    >>> a, b, c = pixel_digests(np.array([[[[1]]], [[[2]]], [[[1]]]], np.uint8))
    >>> bool(a == c), bool(a == b)
    (True, False)
    """
    rows = np.ascontiguousarray(pixels)
    digests = b"".join(hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, "<u8").astype(np.uint64)
