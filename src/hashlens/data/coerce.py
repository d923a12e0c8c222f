"""Whatever a user holds, as `Images`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hashlens.checks import refuse
from hashlens.data.dataset import Dataset
from hashlens.data.images import ArrayImages, BytesImages, FileImages, Images


def as_images(images: object) -> Images:
    """Turn whatever a user holds into `Images`.

    Raises
    ------
    InputError
        If it is not a path, bytes, an array, a sequence of paths or bytes, a Dataset or Images.

    Examples
    --------
    >>> len(as_images(np.zeros((2, 8, 8, 3), np.uint8)))
    2
    """
    if isinstance(images, Images):
        return images
    if isinstance(images, Dataset):
        return images.images
    if isinstance(images, np.ndarray):
        return ArrayImages(images[None] if images.ndim == 3 else images)
    if isinstance(images, str | Path | bytes):
        images = [images]
    if isinstance(images, Sequence) and all(isinstance(i, str | Path) for i in images):
        return FileImages([Path(i) for i in images])
    if isinstance(images, Sequence) and all(isinstance(i, bytes) for i in images):
        return BytesImages(list(images), [f"image {i}" for i in range(len(images))])
    raise refuse("images", "paths, bytes, a uint8 array, a Dataset or Images", type(images))
