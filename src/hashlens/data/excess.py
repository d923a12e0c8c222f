"""Small files that ask for much work: found before the work is done."""

import re
from typing import BinaryIO

from PIL import Image, TiffImagePlugin

MOST_PASSES = 20
"""A JPEG may go over its pixels so many times at the limit of pixels; a smaller one more often."""

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of TIFF
_FIRST_BYTES = 1 << 20
# A marker, but not a zero stuffed into data, nor a restart within it.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_START_OF_FRAME = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7})
_START_OF_FRAME |= {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_START_OF_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x01, 0xD8})


def excess(image: Image.Image, file: BinaryIO, limit: int) -> str | None:
    """Say what an opened image asks for beyond reason; None if nothing.

    Parameters
    ----------
    image : Image
        Whose header is read, and whose pixels are not.
    file : file
        That it was read from; it may be left at another place.
    limit : int
        Most pixels of an image.
    """
    n_pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        n_scans = _count_scans(file, MOST_PASSES * limit // max(n_pixels, 1))
        if n_scans * n_pixels > MOST_PASSES * limit:
            return (
                f"goes over its {n_pixels} pixels {n_scans} times or more, which is too much work"
            )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = (_number(image, tag) for tag in (_TILE_WIDTH, _TILE_LENGTH))
        if width * height > limit:
            return f"has tiles of {width} x {height} pixels, more than the limit of {limit}"
    return None


def _number(image: TiffImagePlugin.TiffImageFile, tag: int) -> int:
    value = image.tag_v2.get(tag, 0)
    return value if isinstance(value, int) else 0


def _count_scans(file: BinaryIO, most: int) -> int:
    """Count the scans of a JPEG's first picture; counting ends with one more than `most`."""
    content = file.read(_FIRST_BYTES)
    n_scans, is_end = _walk(content, most)
    if is_end or len(content) < _FIRST_BYTES:
        return n_scans
    return _walk(content + file.read(), most)[0]


def _walk(content: bytes, most: int) -> tuple[int, bool]:
    """Count scans, and tell whether the picture has ended by the end of `content`.

    A picture whose first scan holds all of it has no other: its data is not looked at.
    """
    n_scans, at, n_components, is_progressive = 0, 2, b"", False
    while n_scans <= most:
        marker = _MARKER.search(content, at)
        if marker is None:
            return n_scans, False
        kind, at = marker[1][0], marker.end()
        if kind == _START_OF_SCAN:
            n_scans += 1
            if not is_progressive and content[at + 2 : at + 3] == n_components:
                break
        elif kind in _START_OF_FRAME:
            is_progressive, n_components = kind in _PROGRESSIVE, content[at + 7 : at + 8]
        elif kind == _END:
            break
        if kind not in _WITHOUT_LENGTH:
            at += int.from_bytes(content[at : at + 2])
    return n_scans, True
