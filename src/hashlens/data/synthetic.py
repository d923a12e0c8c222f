"""Small pictures that can be learnt in seconds: each class has its shape and its colour."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.data.dataset import Dataset
from hashlens.data.images import ArrayImages

_SHAPES = ("disc", "square", "cross", "ring", "stripes")


def synthetic_images(n: int, n_classes: int, size: int = 16, seed: int = 0) -> Dataset:
    """Draw coloured shapes at random places on noise.

    Class c is a shape (c modulo 5) in a hue (c / n_classes of the colour wheel), so that classes
    differ in colour always and in shape mostly. Images come class after class in turn: 0, 1, ...

    Parameters
    ----------
    n : int >= 1
    n_classes : int, 1 to 100
    size : int, 8 to 256, in pixels
    seed : int >= 0

    Returns
    -------
    data : Dataset
        uint8 images (n, size, size, 3), int64 labels (n,).

    Examples
    --------
    >>> data = synthetic_images(6, 3, seed=0)
    >>> data.images.read(0).shape, data.labels.tolist(), data.classes[0]
    ((16, 16, 3), [0, 1, 2, 0, 1, 2], 'disc 0')
    """
    check_int("n", n, 1)
    check_int("n_classes", n_classes, 1, 100)
    check_int("size", size, 8, 256)
    rng = np.random.default_rng(check_int("seed", seed, 0))
    labels = np.arange(n, dtype=np.int64) % n_classes
    background = rng.integers(40, 90, (n, size, size, 1)) + rng.integers(-15, 16, (n, 1, 1, 3))
    noise = rng.normal(0, 12, (n, size, size, 3))
    masks = np.stack([_shape(_SHAPES[c % len(_SHAPES)], size, rng) for c in labels])
    hues = (labels + rng.uniform(-0.2, 0.2, n)) / n_classes
    colours = _wheel(hues)[:, None, None, :]
    drawn = np.where(masks[..., None], colours, background) + noise
    pixels = np.clip(drawn, 0, 255).astype(np.uint8)
    classes = tuple(f"{_SHAPES[c % len(_SHAPES)]} {c}" for c in range(n_classes))
    return Dataset("synthetic", ArrayImages(pixels, "synthetic"), labels, classes)


def _shape(shape: str, size: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    centre = size / 2 + rng.uniform(-size / 8, size / 8, 2)
    radius = size * rng.uniform(0.26, 0.36)
    y, x = np.mgrid[:size, :size] + 0.5 - centre[:, None, None]
    across = np.maximum(abs(x), abs(y))
    distance = np.hypot(x, y)
    drawn = {
        "disc": distance < radius,
        "square": across < 0.85 * radius,
        "cross": (across < radius) & (np.minimum(abs(x), abs(y)) < 0.35 * radius),
        "ring": (distance < radius) & (distance > 0.55 * radius),
        "stripes": (across < radius) & (np.floor(y / (0.45 * radius)) % 2 == 0),
    }
    return np.asarray(drawn[shape])


def _wheel(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of full saturation: (n,) in turns to (n, 3) in 80..230."""
    phase = 2 * np.pi * (hue[:, None] + np.array([0, 1 / 3, 2 / 3]))
    return np.asarray(155 + 75 * np.cos(phase))
