"""One size and one number of channels for all images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from PIL import Image

from hashlens.checks import check_choice, check_int, refuse, words
from hashlens.data.images import Pixels

_MAX_SIDE = 16_384
_ENOUGH = 3  # measured at 12 megapixels: 0.2 % of the bits change, less than for a smaller copy


@dataclass(frozen=True)
class Preprocessing:
    """Bring an image to one size and one number of channels.

    Parameters
    ----------
    height, width : int, 1 to 16384, in pixels
    n_channels : int, 1 or 3
        1: grey by the ITU-R 601 luma weights; 3: colour (grey is repeated).
    resize : {"squash", "crop"}
        ``"squash"`` scales each side by itself; ``"crop"`` keeps the aspect ratio, scales the
        shorter side to fit and cuts the centre. The filter is antialiased bicubic. An image that
        has the size already is left as it is.

    Examples
    --------
    >>> Preprocessing(32, 32).apply(np.zeros((60, 40, 1), np.uint8)).shape
    (32, 32, 3)
    """

    height: int
    width: int
    n_channels: int = 3
    resize: str = "squash"

    def __post_init__(self) -> None:
        check_int("height", self.height, 1, _MAX_SIDE)
        check_int("width", self.width, 1, _MAX_SIDE)
        if self.n_channels not in (1, 3):
            raise refuse("n_channels", "1 or 3", self.n_channels)
        check_choice("resize", self.resize, ("squash", "crop"))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of what ``apply`` returns: (height, width, n_channels)."""
        return self.height, self.width, self.n_channels

    @property
    def enough(self) -> int:
        """Sides of a picture that is as good as a larger one: three times those of the result."""
        return _ENOUGH * max(self.height, self.width)

    def apply(self, image: Pixels) -> Pixels:
        """Return the image as uint8 (height, width, n_channels).

        Parameters
        ----------
        image : uint8 array of shape (h, w, 1) or (h, w, 3)

        Raises
        ------
        InputError
            If `image` is anything else.
        """
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
            raise refuse("image", "uint8 of shape (h, w, 1) or (h, w, 3)", array)
        if 0 in array.shape:
            raise refuse("image", "at least one pixel", array)
        if self.n_channels < array.shape[2]:
            array = to_channels(array, 1)
        if array.shape[:2] != (self.height, self.width):
            array = self._resized(array)
        return to_channels(array, self.n_channels)

    def apply_to_picture(self, picture: Image.Image) -> Pixels:
        """Return what `apply` returns for the pixels of an RGB picture, without a copy of them."""
        is_ready = picture.size == (self.width, self.height)
        if self.n_channels == 1 or is_ready or 0 in picture.size:
            return self.apply(np.asarray(picture))
        return self._from_picture(picture)

    def _resized(self, array: Pixels) -> Pixels:
        flat = array[:, :, 0] if array.shape[2] == 1 else array
        return self._from_picture(Image.fromarray(np.ascontiguousarray(flat)))

    def _from_picture(self, picture: Image.Image) -> Pixels:
        width, height = picture.size
        box = (0.0, 0.0, float(width), float(height))
        if self.resize == "crop":
            scale = max(self.height / height, self.width / width)
            cut_x = max(0.0, (width - self.width / scale) / 2)
            cut_y = max(0.0, (height - self.height / scale) / 2)
            box = (cut_x, cut_y, width - cut_x, height - cut_y)
        size = (self.width, self.height)
        resized = np.array(picture.resize(size, Image.Resampling.BICUBIC, box=box))
        return resized.reshape(self.height, self.width, -1)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values.

        Examples
        --------
        >>> Preprocessing(28, 28, 1).to_dict()
        {'height': 28, 'width': 28, 'n_channels': 1, 'resize': 'squash'}
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Build from the values of ``to_dict``; an unknown or a missing key is an InputError."""
        known = [field.name for field in fields(cls)]
        for key in settings:
            check_choice("preprocessing key", key, known)
        for key in ("height", "width"):
            if key not in settings:
                raise refuse("preprocessing", f"given {key!r}", dict(settings))
        return cls(**settings)


def to_channels(pixels: Pixels, n_channels: int) -> Pixels:
    """Return pixels (..., 1 or 3) with `n_channels` channels: grey by ITU-R 601, or repeated.

    Examples
    --------
    >>> to_channels(np.array([[[255, 0, 0]]], np.uint8), 1).tolist()
    [[[76]]]
    """
    if pixels.shape[-1] == n_channels:
        return pixels
    if pixels.shape[-1] not in (1, 3) or n_channels not in (1, 3):
        got = words(f"{pixels.shape[-1]} to {n_channels}")
        raise refuse("channels", "1 or 3, before and after", got)
    if n_channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    # Pillow's fixed-point weights, so that both roads to grey give the same bytes.
    red, green, blue = (pixels[..., i].astype(np.uint32) for i in range(3))
    luma = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    grey: Pixels = luma.astype(np.uint8)[..., None]
    return grey
