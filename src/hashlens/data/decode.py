"""Safe decoding: any file or bytes in, an upright 8-bit RGB array or an ImageError out."""

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashlens.checks import check_int, refuse, words
from hashlens.errors import ImageError

MAX_PIXELS = 100_000_000
"""Pixels above which an image is refused by default."""

# EPS runs a program, ICO and ICNS hide images larger than their header says, and TGA has no
# signature: such formats are not opened.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(
    source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> NDArray[np.uint8]:
    """Decode one image to upright 8-bit RGB.

    EXIF orientation is applied; transparency is laid on white; of an animation the first frame is
    taken; 16-bit samples are scaled to 8 bits. 32-bit integers within 0..65535 count as 16-bit and
    floats within 0..1 as shares of white; floats within 0..255 stay; any other range is stretched
    linearly to 0..255. Colour profiles are not applied. The file's extension is not looked at.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or the bytes of one.
    max_pixels : int >= 1, in pixels
        An image whose header announces more is refused before its pixels are decoded. Pillow's
        own ceiling (178,956,970) holds beside it.
    name : str, optional
        What errors call the image; default: the path, or ``"image"`` for bytes.

    Returns
    -------
    image : uint8 array of shape (height, width, 3)

    Raises
    ------
    ImageError
        If the image is missing, empty, not an image, too large, damaged or truncated.

    Examples
    --------
    >>> decode_image(b"P5 2 1 255 " + bytes([0, 255])).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    >>> decode_image(b"", name="photo.jpg")
    Traceback (most recent call last):
    ...
    hashlens.errors.ImageError: photo.jpg: is empty
    """
    limit = check_int("max_pixels", max_pixels, 1)
    if not isinstance(source, str | Path | bytes):
        raise refuse("source", "a path or bytes", words(type(source).__name__))
    label = name or ("image" if isinstance(source, bytes) else str(source))
    try:
        with _open(source) as file, _quiet_pillow():
            return _decode(file, limit)
    except _RefusedError as error:
        raise ImageError(label, str(error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(label, f"cannot be read ({reason})") from None


class _RefusedError(Exception):
    """Carries the reason from the depth of decoding to where the name is known."""


def _open(source: str | Path | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    path = Path(source)
    if path.exists() and not path.is_file():
        # A pipe would block for ever, a device would never end.
        raise _RefusedError("is not a regular file")
    try:
        return path.open("rb")
    except ValueError as error:
        raise _RefusedError(f"is not a possible path ({error})") from None


def _decode(file: BinaryIO, limit: int) -> NDArray[np.uint8]:
    if not file.read(1):
        raise _RefusedError("is empty")
    file.seek(0)
    with _open_header(file) as image:
        width, height = image.size
        if width * height > limit:
            raise _RefusedError(f"has {width} x {height} pixels, more than the limit of {limit}")
        try:
            image.load()
            return _as_rgb(_turned_upright(image))
        except Image.DecompressionBombError:
            raise _RefusedError("has more pixels than the limit") from None
        except _RefusedError:
            raise
        except Exception as error:
            # Hostile bytes can make a decoder raise anything; each means the same to the caller.
            raise _RefusedError(f"is damaged or truncated ({error})") from None


def _open_header(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_known_formats())
    except Image.DecompressionBombError:
        raise _RefusedError("has more pixels than the limit") from None
    except UnidentifiedImageError:
        raise _RefusedError("is not an image of a known format") from None
    except Exception as error:
        raise _RefusedError(f"is damaged or truncated ({error})") from None


@cache
def _known_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _turned_upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        # Damaged EXIF beside sound pixels: the picture is kept as it lies.
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _as_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _to_8_bits(np.asarray(image), is_float=image.mode == "F")
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _to_8_bits(samples: NDArray[Any], *, is_float: bool) -> NDArray[np.uint8]:
    values = samples.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        raise _RefusedError("holds values that are not finite")
    white = (1.0 if high <= 1 else 255.0) if is_float else 65535.0
    if low < 0 or high > white:
        values, white = values - low, high - low
    scaled: NDArray[np.uint8] = np.rint(values * (255.0 / white)).astype(np.uint8)
    return scaled


_SILENCE = ("ignore", None, Warning, re.compile(r"PIL\b(?#hashlens)"), 0)
_silence_lock = threading.Lock()
_silenced: list[list[Any]] = []  # the filter lists that hold the entry
_n_decoding = 0


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Ignore the warnings Pillow raises inside itself, in all threads that decode.

    ``warnings.catch_warnings`` swaps the whole filter list and is not safe between threads. One
    entry put in front, and taken out of the same lists by the last thread to leave, is.
    """
    global _n_decoding
    with _silence_lock:
        _n_decoding += 1
        filters = cast("list[Any]", warnings.filters)
        if not filters or filters[0] != _SILENCE:
            warnings.filterwarnings("ignore", module=_SILENCE[3].pattern)
        if not any(filters is known for known in _silenced):
            _silenced.append(filters)
    try:
        yield
    finally:
        with _silence_lock:
            _n_decoding -= 1
            while _n_decoding == 0 and _silenced:
                filters = _silenced.pop()
                if _SILENCE in filters:
                    filters.remove(_SILENCE)
