"""Where the images of a collection come from, and how one is told from another."""

import io

import numpy as np
from PIL import Image

from hashlens.data import EncodedImages, Images
from hashlens.data.candidates import Candidate as Candidate
from hashlens.data.candidates import Source as Source
from hashlens.data.candidates import as_dataset as as_dataset
from hashlens.data.candidates import look_at as look_at

_FAST = 1  # PNG: three times as fast as the usual 6, for a tenth more bytes


def picture_bytes(images: Images, position: int) -> bytes:
    r"""Give the bytes of an image without a file: as they came, or as PNG where it is an array.

    Examples
    --------
    >>> from hashlens.data import ArrayImages
    >>> picture_bytes(ArrayImages(np.zeros((1, 2, 2, 1), np.uint8)), 0)[:4]
    b'\x89PNG'
    """
    source = images.sources[position] if isinstance(images, EncodedImages) else None
    if isinstance(source, bytes):
        return source
    pixels = images.read(position)
    buffer = io.BytesIO()
    picture = Image.fromarray(np.squeeze(pixels, 2) if pixels.shape[2] == 1 else pixels)
    picture.save(buffer, "PNG", compress_level=_FAST)
    return buffer.getvalue()
