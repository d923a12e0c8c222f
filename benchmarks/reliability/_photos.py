"""The photos that the scripts here work on: real ones where there are some, else made."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from hashlens.data.folder import find_images


def some_photos(n: int, seed: int) -> tuple[list[Image.Image], str]:
    """Give n pictures (RGB) of different sizes, and where they are from."""
    rng = np.random.default_rng(seed)
    folder = Path(os.environ.get("HASHLENS_DATA_DIR", "")) / "photos"
    if not folder.is_dir():
        return [_made(rng) for _ in range(n)], "made"
    paths = find_images(folder)
    chosen = rng.choice(len(paths), n, replace=n > len(paths))
    return [Image.open(paths[i]).convert("RGB") for i in chosen], "HASHLENS_DATA_DIR/photos"


def _made(rng: np.random.Generator) -> Image.Image:
    """A picture of smooth patches: it compresses as photos do."""
    size = tuple(int(side) for side in rng.integers(90, 260, 2))
    grid = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    large = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
    return large.filter(ImageFilter.GaussianBlur(2))


def as_bytes(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """Encode a picture."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
