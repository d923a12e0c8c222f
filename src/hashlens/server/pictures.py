"""Pictures of items: thumbnails that are kept, and the type of what a file is."""

import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from hashlens.data import decode_image

_QUALITY = 85
_KEPT_BYTES = 64 << 20

TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "PPM": "image/x-portable-anymap",
    "AVIF": "image/avif",
    "JPEG2000": "image/jp2",
}
"""Content type of each format that is decoded; nothing else is ever served as an image."""


class Thumbnails:
    """The thumbnails that were asked for last, in bounded memory; any thread may ask.

    Parameters
    ----------
    max_bytes : int
        Of all of them together.

    Examples
    --------
    >>> kept = Thumbnails(max_bytes=10)
    >>> kept.put(("a", 160), b"123456"); kept.put(("b", 160), b"123456")
    >>> kept.find(("a", 160)) is None, kept.find(("b", 160))
    (True, b'123456')
    """

    def __init__(self, max_bytes: int = _KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def find(self, key: tuple[str, int]) -> bytes | None:
        """Find the thumbnail of (content hash, size)."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[str, int], jpeg: bytes) -> None:
        """Keep one; the longest unused ones make room."""
        with self._lock:
            self._n_bytes += len(jpeg) - len(self._kept.pop(key, b""))
            self._kept[key] = jpeg
            while self._n_bytes > self._max_bytes:
                self._n_bytes -= len(self._kept.popitem(last=False)[1])


def thumbnail(picture: Path | bytes, size: int, max_pixels: int) -> bytes:
    """Make a JPEG of at most `size` x `size` pixels, upright; a small picture keeps its size.

    Raises
    ------
    ImageError
        If it cannot be decoded.
    """
    small = Image.fromarray(decode_image(picture, max_pixels=max_pixels, name="image"))
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def content_type(file: BinaryIO) -> str | None:
    """Tell the type of an image by its first bytes, whatever its name says; None if it is none."""
    Image.init()
    try:
        with Image.open(file, formats=[name for name in TYPES if name in Image.OPEN]) as image:
            return TYPES.get(image.format or "")
    except Exception:
        # Hostile bytes can make Pillow raise anything; each means the same.
        return None
    finally:
        file.seek(0)
