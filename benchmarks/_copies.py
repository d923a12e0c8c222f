"""Copies of photos as people make them: saved again, made smaller, cropped, changed a little."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from hashlens.data import decode_image

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]
_QUALITY = 90  # of a copy whose edit is not the quality itself


def _same(picture: Image.Image, _rng: np.random.Generator) -> Image.Image:
    return picture


def _resized(share: float) -> Edit:
    def edit(picture: Image.Image, _rng: np.random.Generator) -> Image.Image:
        size = (round(share * picture.width), round(share * picture.height))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return edit


def _cropped(share: float) -> Edit:
    """Take so much of the width and of the height away, more on one side than on the other."""

    def edit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = picture.size
        left, top = (rng.uniform(0, share) * side for side in picture.size)
        box = (left, top, left + (1 - share) * width, top + (1 - share) * height)
        return picture.crop(tuple(round(edge) for edge in box))

    return edit


def _brighter(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = rng.choice([rng.uniform(0.75, 0.9), rng.uniform(1.1, 1.25)])
    return ImageEnhance.Brightness(picture).enhance(float(factor))


def _coloured(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Another white balance, and colours that are paler or stronger."""
    balance = rng.uniform(0.92, 1.08, 3)
    pixels = np.clip(np.asarray(picture) * balance, 0, 255).astype(np.uint8)
    return ImageEnhance.Color(Image.fromarray(pixels)).enhance(float(rng.uniform(0.6, 1.4)))


def _with_text(picture: Image.Image, _rng: np.random.Generator) -> Image.Image:
    """A date in the corner, a twelfth of the height."""
    copy = picture.copy()
    size = max(8, copy.height // 12)
    place = (copy.width * 0.97, copy.height * 0.97)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(copy).text(place, "2024-07-31", "orange", font, anchor="rs")
    return copy


def _with_logo(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A filled disc in a corner, a seventh of the shorter side."""
    copy, side = picture.copy(), min(picture.size) // 7
    left, top = (int(rng.integers(0, 2)) * (length - side) for length in copy.size)
    ImageDraw.Draw(copy).ellipse((left, top, left + side, top + side), fill=(200, 30, 60))
    return copy


def _turned(turn: Image.Transpose) -> Edit:
    return lambda picture, _rng: picture.transpose(turn)


EDITS: dict[str, tuple[Edit, int]] = {
    "JPEG quality 90": (_same, 90),
    "JPEG quality 60": (_same, 60),
    "JPEG quality 30": (_same, 30),
    "half the size": (_resized(0.5), _QUALITY),
    "cropped by 5 %": (_cropped(0.05), _QUALITY),
    "cropped by 10 %": (_cropped(0.10), _QUALITY),
    "brightness": (_brighter, _QUALITY),
    "colour": (_coloured, _QUALITY),
    "a date": (_with_text, _QUALITY),
    "a logo": (_with_logo, _QUALITY),
}
TURNED: dict[str, tuple[Edit, int]] = {
    "mirrored": (_turned(Image.Transpose.FLIP_LEFT_RIGHT), _QUALITY),
    "rotated": (_turned(Image.Transpose.ROTATE_90), _QUALITY),
}


def copy_of(photo: Path, edit: str, seed: int) -> bytes:
    """Edit a photo and save it as a JPEG; the same seed gives the same bytes."""
    change, quality = (EDITS | TURNED)[edit]
    rng = np.random.default_rng([seed, list(EDITS | TURNED).index(edit)])
    file = io.BytesIO()
    picture = Image.fromarray(decode_image(photo))
    change(picture, rng).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def write_copies(
    photos: list[Path], top: Path, out: Path, edits: list[str]
) -> dict[str, list[Path]]:
    """Write a copy of each photo for each edit below `out`, in folders as below `top`."""
    written: dict[str, list[Path]] = {}
    for edit in edits:
        written[edit] = []
        for seed, photo in enumerate(photos):
            file = out / edit.replace(" ", "-") / photo.relative_to(top).with_suffix(".jpg")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(copy_of(photo, edit, seed))
            written[edit].append(file)
    return written
