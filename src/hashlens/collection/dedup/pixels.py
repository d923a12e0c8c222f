"""The pixels of pictures, small and grey: what tells the same picture from another like it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.dedup.alignment import SIDE, SPREAD
from hashlens.collection.dedup.facts import Entry
from hashlens.collection.dedup.kernels import Greys
from hashlens.collection.dedup.turning import TURNS
from hashlens.data import Images, Preprocessing, Skipped, iter_pixels
from hashlens.watcher import Watcher

_FINE, _COARSE = 0.7, 4.0  # in pixels of SIDE: what is between is kept, noise and light go
_BATCH, _AT_ONCE = 256, 4096
_FLAT = 0.25  # standard deviation, in grey levels, of pictures that have nothing to compare


def signatures(greys: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Prepare small grey pictures to be compared: int8 (n, SIDE * SIDE).

    What is finer than a pixel and coarser than an eighth of the picture is taken away; the rest
    has mean 0 and standard deviation `SPREAD`. A picture of one grey is all 0.

    Parameters
    ----------
    greys : uint8 (n, SIDE, SIDE)

    Examples
    --------
    >>> dark = np.random.default_rng(0).integers(0, 100, (1, SIDE, SIDE), np.uint8)
    >>> np.abs(signatures(dark).astype(int) - signatures(2 * dark)).max() <= 1
    np.True_
    """
    pixels, fine, coarse = greys.astype(np.float32), _smoothing(_FINE), _smoothing(_COARSE)
    kept = fine @ pixels @ fine.T - coarse @ pixels @ coarse.T
    kept -= kept.mean(axis=(1, 2), keepdims=True)
    spread = kept.std(axis=(1, 2), keepdims=True)
    scaled = np.where(spread > _FLAT, kept / np.maximum(spread, _FLAT), 0)
    whole: NDArray[np.int8] = np.clip(np.rint(SPREAD * scaled), -127, 127).astype(np.int8)
    return whole.reshape(len(greys), SIDE * SIDE)


def _smoothing(width: float) -> NDArray[np.float32]:
    """Weights of a Gauss curve around each pixel of a row; they add up to 1."""
    apart = np.subtract.outer(np.arange(SIDE), np.arange(SIDE))
    weights = np.exp(-0.5 * (apart / width) ** 2)
    smoothing: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return smoothing


def turned_places() -> NDArray[np.int16]:
    """Where each pixel of a turned picture was: int16 (n_turns, SIDE * SIDE)."""
    places = np.arange(SIDE * SIDE, dtype=np.int16).reshape(SIDE, SIDE)
    return np.array([turn(places).ravel() for turn in TURNS.values()])


def read_greys(
    entries: Sequence[Entry], images: Callable[[Sequence[Entry]], Images], watcher: Watcher
) -> tuple[Greys, tuple[Skipped, ...]]:
    """Decode pictures, each once, for their pixels to be compared.

    Returns
    -------
    greys : Greys
        Of all entries, in their order; one that cannot be read has no row.
    unread : tuple of Skipped
    """
    out = np.zeros((len(entries), SIDE * SIDE), np.int8)
    rows = np.full(len(entries), -1)
    unread: list[Skipped] = []
    watcher.stage("reading pictures", len(entries))
    small = Preprocessing(SIDE, SIDE, 1)
    for start in range(0, len(entries), _AT_ONCE):  # kept pictures are held for so many
        source, done = images(entries[start : start + _AT_ONCE]), start
        for part in iter_pixels(source, small, _BATCH):
            read = start + part.kept
            out[read], rows[read] = signatures(part.pixels[..., 0]), read
            unread += part.skipped
            done += len(part.kept) + len(part.skipped)
            watcher.advance(done, len(entries))
    return Greys(out, rows, turned_places()), tuple(unread)
