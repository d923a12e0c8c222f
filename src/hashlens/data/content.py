"""How one image is told from another: by its bytes."""

import hashlib

from hashlens.data.images import EncodedImages, Images
from hashlens.errors import ImageError


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
