"""Images of every kind that a decoder must get right: what each looks like is known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from benchmarks.reliability._photos import as_bytes
from PIL import Image, ImageCms

Pixels = np.ndarray


class Case(NamedTuple):
    """A file, and what must come of it.

    ``want`` is "sound" (it is read; where ``pixels`` are given, as these, within ``tolerance`` on
    average), "refused", or "either": read or refused, both are right.
    """

    kind: str
    name: bytes
    content: bytes
    want: str
    pixels: Pixels | None = None
    tolerance: float = 0.0


Make = Callable[[Image.Image, np.random.Generator], Case]

_LOSSY = 6.0  # mean difference, in levels, of a JPEG of good quality
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # how a camera that was held so stores an upright scene


def sound(kind: str, name: str, content: bytes, pixels: Image.Image, tolerance: float = 0) -> Case:
    seen = np.asarray(pixels.convert("RGB"))
    return Case(kind, name.encode(), content, "sound", seen, tolerance)


def jpeg(photo: Image.Image, rng: np.random.Generator) -> Case:
    options = {"quality": int(rng.integers(75, 96)), "progressive": bool(rng.integers(2))}
    return sound("jpeg", "photo.jpg", as_bytes(photo, **options), photo, _LOSSY)


def wrong_extension(photo: Image.Image, rng: np.random.Generator) -> Case:
    form = ["PNG", "WEBP", "BMP", "TIFF"][rng.integers(4)]
    options = {"lossless": True} if form == "WEBP" else {}
    name = f"really-{form.lower()}{['.jpg', '.gif', '.jpeg', '.pgm'][rng.integers(4)]}"
    return sound("wrong extension", name, as_bytes(photo, form, **options), photo)


def palette(photo: Image.Image, rng: np.random.Generator) -> Case:
    few = photo.quantize(int(rng.integers(2, 256)))
    form = ["PNG", "GIF", "TIFF", "BMP"][rng.integers(4)]
    return sound("palette", f"few.{form.lower()}", as_bytes(few, form), few)


def cmyk(photo: Image.Image, rng: np.random.Generator) -> Case:
    inks = photo.convert("CMYK")
    form, tolerance = [("JPEG", _LOSSY), ("TIFF", 1.0)][rng.integers(2)]
    options = {"quality": 95} if form == "JPEG" else {}
    return sound("CMYK", f"inks.{form.lower()}", as_bytes(inks, form, **options), inks, tolerance)


def sixteen_bit(photo: Image.Image, rng: np.random.Generator) -> Case:
    grey = photo.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    form = ["PNG", "TIFF"][rng.integers(2)]
    return sound("16-bit", f"deep.{form.lower()}", as_bytes(deep, form), grey)


def real_valued(photo: Image.Image, rng: np.random.Generator) -> Case:
    grey = photo.convert("L")
    shares = np.asarray(grey).astype(np.float32) / np.float32([1, 255][rng.integers(2)])
    return sound("floats", "float.tif", as_bytes(Image.fromarray(shares), "TIFF"), grey, 0.5)


def one_bit(photo: Image.Image, rng: np.random.Generator) -> Case:
    bits = photo.convert("1")
    form = ["PNG", "TIFF", "BMP"][rng.integers(3)]
    return sound("1-bit", f"bits.{form.lower()}", as_bytes(bits, form), bits)


def alpha(photo: Image.Image, rng: np.random.Generator) -> Case:
    opacity = rng.integers(0, 256, photo.size[::-1], dtype=np.uint8)
    clear = photo.copy()
    clear.putalpha(Image.fromarray(opacity))
    white = Image.new("RGBA", photo.size, "white")
    form, options = [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})][rng.integers(2)]
    content = as_bytes(clear, form, **options)
    return sound("alpha", f"clear.{form.lower()}", content, Image.alpha_composite(white, clear), 1)


def animated(photo: Image.Image, rng: np.random.Generator) -> Case:
    first = photo.quantize(128, dither=Image.Dither.NONE).convert("RGB")
    others = [Image.new("RGB", photo.size, (40 * i, 0, 0)) for i in range(1, 4)]
    form = ["GIF", "PNG", "WEBP"][rng.integers(3)]
    options = {"lossless": True} if form == "WEBP" else {}
    content = as_bytes(first, form, save_all=True, append_images=others, **options)
    return sound("animated", f"moves.{form.lower()}", content, first, 1)


def turned(photo: Image.Image, rng: np.random.Generator) -> Case:
    orientation = int(rng.integers(2, 9))
    exif = Image.Exif()
    exif[0x0112] = orientation
    form, tolerance = [("JPEG", _LOSSY), ("PNG", 0), ("TIFF", 0), ("WEBP", 0)][rng.integers(4)]
    options = {"JPEG": {"quality": 92}, "WEBP": {"lossless": True}}.get(form, {})
    content = as_bytes(photo.transpose(_TURNED[orientation]), form, exif=exif, **options)
    return sound("EXIF-turned", f"turned-{orientation}.{form.lower()}", content, photo, tolerance)


def damaged_exif(photo: Image.Image, rng: np.random.Generator) -> Case:
    exif = b"Exif\0\0" + rng.bytes(2) + b"\0*" + rng.bytes(int(rng.integers(8, 4000)))
    return sound("damaged EXIF", "exif.jpg", as_bytes(photo, exif=exif), photo, _LOSSY)


def profile(photo: Image.Image, rng: np.random.Generator) -> Case:
    icc = [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), rng.bytes(300_000)]
    content = as_bytes(photo, icc_profile=icc[rng.integers(2)])
    return sound("colour profile", "profile.jpg", content, photo, _LOSSY)


def trailing(photo: Image.Image, rng: np.random.Generator) -> Case:
    form, tolerance = [("JPEG", _LOSSY), ("PNG", 0)][rng.integers(2)]
    content = as_bytes(photo, form) + rng.bytes(int(rng.integers(1, 50_000)))
    return sound("bytes behind the end", f"tail.{form.lower()}", content, photo, tolerance)


def several_pictures(photo: Image.Image, rng: np.random.Generator) -> Case:
    others = [photo.rotate(90 * i) for i in range(1, int(rng.integers(2, 5)))]
    form, tolerance = [("TIFF", 0), ("MPO", _LOSSY)][rng.integers(2)]
    content = as_bytes(photo, form, save_all=True, append_images=others)
    return sound("several pictures", f"several.{form.lower()}", content, photo, tolerance)


def extreme_shape(_photo: Image.Image, rng: np.random.Generator) -> Case:
    size = [(1, 1), (1, 9000), (9000, 1), (2, 65_000)][rng.integers(4)]
    line = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return sound("extreme shape", "line.png", as_bytes(line, "PNG"), line)


def odd_name(photo: Image.Image, rng: np.random.Generator) -> Case:
    names = [b"not-utf8-\xff\xfe.jpg", b"line\nbreak.jpg", b"-rf.jpg", b"a" * 240 + b".jpg"]
    names += ["eule-\N{OWL}.jpg".encode(), b" blank .jpg", b"quote'\"$(x).jpg", b"%2e%2e%2f.jpg"]
    case = jpeg(photo, rng)
    return case._replace(kind="odd name", name=names[rng.integers(len(names))])


SOUND: tuple[Make, ...] = (
    jpeg,
    wrong_extension,
    palette,
    cmyk,
    sixteen_bit,
    real_valued,
    one_bit,
    alpha,
    animated,
    turned,
    damaged_exif,
    profile,
    trailing,
    several_pictures,
    extreme_shape,
    odd_name,
)
