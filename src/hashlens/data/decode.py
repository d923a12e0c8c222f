"""Safe decoding: any file or bytes in, an upright 8-bit RGB array or an ImageError out."""

import io
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashlens.checks import check_int, refuse, words
from hashlens.data.excess import excess
from hashlens.data.quiet_pillow import quiet_pillow
from hashlens.errors import ImageError

MAX_PIXELS = 100_000_000
"""Pixels above which an image is refused by default."""

# EPS runs a program, ICO and ICNS hide images larger than their header says, and TGA has no
# signature: such formats are not opened.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")

_STRIP_PIXELS = 1 << 20
_SHARES = np.rint(np.arange(1 << 16) * (255 / 65535)).astype(np.uint8)  # of 16 bits in 8

_TOO_LITTLE_MEMORY = "needs more memory than there is for it"

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
    source: str | Path | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    enough: int | None = None,
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
    enough : int >= 1, in pixels, optional
        A JPEG that is larger may be decoded at a half, a quarter or an eighth of its size, both
        sides at least this long: that is quicker and needs less memory.

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
    picture = decode_picture(source, max_pixels=max_pixels, name=name, enough=enough)
    if isinstance(picture, np.ndarray):
        return picture
    try:
        return np.array(picture, dtype=np.uint8)
    except MemoryError:
        raise ImageError(_label(source, name), _TOO_LITTLE_MEMORY) from None


def decode_picture(
    source: str | Path | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    enough: int | None = None,
) -> Image.Image | NDArray[np.uint8]:
    """Decode as `decode_image` does, to what the decoder has: an RGB picture, or an array.

    A picture that is resized next is not turned into an array and back.
    """
    limit = check_int("max_pixels", max_pixels, 1)
    side = None if enough is None else check_int("enough", enough, 1)
    if not isinstance(source, str | Path | bytes):
        raise refuse("source", "a path or bytes", words(type(source).__name__))
    label = _label(source, name)
    try:
        with _open(source) as file, quiet_pillow():
            return _decode(file, limit, side)
    except _RefusedError as error:
        raise ImageError(label, str(error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(label, f"cannot be read ({reason})") from None


def image_size(source: str | Path | bytes, *, name: str | None = None) -> tuple[int, int]:
    """Read the width and height that an image's header tells; no pixels are decoded.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or the bytes of one.
    name : str, optional
        What errors call the image; default: the path, or ``"image"`` for bytes.

    Returns
    -------
    size : (int, int)
        Width and height in pixels, as stored: before EXIF turns the image upright.

    Raises
    ------
    ImageError
        If the image is missing, empty or not an image.

    Examples
    --------
    >>> image_size(b"P5 2 1 255 " + bytes([0, 255]))
    (2, 1)
    """
    try:
        with _open(source) as file, quiet_pillow(), _open_header(file) as image:
            return image.size
    except _RefusedError as error:
        reason = str(error)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    raise ImageError(_label(source, name), reason)


def _label(source: str | Path | bytes, name: str | None) -> str:
    return name or ("image" if isinstance(source, bytes) else str(source))


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


def _decode(file: BinaryIO, limit: int, enough: int | None) -> Image.Image | NDArray[np.uint8]:
    if not file.read(1):
        raise _RefusedError("is empty")
    file.seek(0)
    with _open_header(file) as image:
        width, height = image.size
        if width * height > limit:
            raise _RefusedError(f"has {width} x {height} pixels, more than the limit of {limit}")
        try:
            return _pixels_of(image, file, limit, enough)
        except Image.DecompressionBombError:
            raise _RefusedError("has more pixels than the limit") from None
        except _RefusedError:
            raise
        except MemoryError:
            raise _RefusedError(_TOO_LITTLE_MEMORY) from None
        except Exception as error:
            # Hostile bytes can make a decoder raise anything; each means the same to the caller.
            raise _RefusedError(f"is damaged or truncated ({error})") from None


def _pixels_of(
    image: Image.Image, file: BinaryIO, limit: int, enough: int | None
) -> Image.Image | NDArray[np.uint8]:
    beyond = excess(image, file, limit)
    if beyond is not None:
        raise _RefusedError(beyond)
    if enough is not None:
        image.draft(None, (enough, enough))
    image.load()
    return _as_rgb(_turned_upright(image))


def _open_header(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_known_formats())
    except Image.DecompressionBombError:
        raise _RefusedError("has more pixels than the limit") from None
    except UnidentifiedImageError:
        raise _RefusedError("is not an image of a known format") from None
    except MemoryError:
        raise _RefusedError(_TOO_LITTLE_MEMORY) from None
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


def _as_rgb(image: Image.Image) -> Image.Image | NDArray[np.uint8]:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _to_8_bits(np.asarray(image), is_float=image.mode == "F")
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        return _on_white(image)
    # Converting copies even what is RGB already.
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> NDArray[np.uint8]:
    """Lay an image on white strip by strip: whole, it would be in memory four times."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    n_rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, n_rows):
        bottom = min(top + n_rows, image.height)
        strip = image.crop((0, top, image.width, bottom)).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        pixels[top:bottom] = np.asarray(Image.alpha_composite(white, strip).convert("RGB"))
    return pixels


def _to_8_bits(samples: NDArray[Any], *, is_float: bool) -> NDArray[np.uint8]:
    if samples.dtype == np.uint16:
        shares: NDArray[np.uint8] = _SHARES[samples]
        return shares
    values = samples.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        raise _RefusedError("holds values that are not finite")
    white = (1.0 if high <= 1 else 255.0) if is_float else 65535.0
    if low < 0 or high > white:
        values, white = values - low, high - low
    scaled: NDArray[np.uint8] = np.rint(values * (255.0 / white)).astype(np.uint8)
    return scaled
