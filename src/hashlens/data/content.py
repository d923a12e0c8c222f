"""The bytes of an image: how it is told from another, and what is kept of it."""

import hashlib
import io

import numpy as np
from PIL import Image

from hashlens.data.images import EncodedImages, Images
from hashlens.errors import ImageError

_FAST = 1  # PNG: three times as fast as the usual 6, for a tenth more bytes


def content_hash(images: Images, position: int) -> bytes:
    """SHA-256 of an image's file, or of its pixels where it has none: 32 bytes.

    Raises
    ------
    ImageError
        If the file cannot be read.
    """
    if not isinstance(images, EncodedImages):
        pixels = images.read(position)
        return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
    source = images.sources[position]
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    if source.exists() and not source.is_file():
        raise ImageError(images.name(position), "is not a regular file")
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(images.name(position), f"cannot be read ({reason})") from None


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
