"""Small pictures that a page carries inside itself."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashlens.data import decode_image
from hashlens.errors import ImageError

SIDE = 160
"""Longest side of a picture on a page, in pixels."""

_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """One picture on a page, and the words below it.

    Attributes
    ----------
    caption : str
        The first line, such as ``"3 bits"``.
    detail : str
        The second line, such as a label.
    title : str
        Shown when the picture is pointed at, such as a path.
    jpeg : bytes
        The picture itself; empty where there is none to show.
    pixelated : bool
        Enlarge with square pixels: for images smaller than the place they fill.
    share : float, optional
        A bar under the picture is filled so far, 0 to 1; no bar without it.
    right : bool, optional
        Mark the picture as right (green) or wrong (red); no mark without it.
    """

    caption: str
    detail: str = ""
    title: str = ""
    jpeg: bytes = b""
    pixelated: bool = False
    share: float | None = None
    right: bool | None = None

    @property
    def address(self) -> str:
        """The picture as a ``data:`` address; empty where there is none."""
        if not self.jpeg:
            return ""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


def picture_of(
    image: str | Path | bytes | NDArray[np.uint8],
    caption: str,
    *,
    detail: str = "",
    title: str = "",
    share: float | None = None,
    right: bool | None = None,
) -> Picture:
    """Make a picture of an image: upright, at most 160 pixels wide and high.

    Parameters
    ----------
    image : path, bytes of a file, or uint8 array of shape (h, w, 1 or 3)
        What cannot be read leaves an empty place, with the reason in its title.
    caption, detail, title : str
    share : float, optional
    right : bool, optional
        As in `Picture`.

    Returns
    -------
    picture : Picture

    Examples
    --------
    >>> picture_of(np.zeros((8, 8, 1), np.uint8), "3 bits").pixelated
    True
    >>> picture_of("gone.jpg", "3 bits").title
    'gone.jpg: cannot be read (No such file or directory)'
    """
    try:
        pixels = image if isinstance(image, np.ndarray) else decode_image(image)
    except ImageError as error:
        return Picture(caption, detail, title or str(error), share=share, right=right)
    small = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY)
    pixelated = max(small.size) * 2 < SIDE
    return Picture(caption, detail, title, file.getvalue(), pixelated, share, right)
