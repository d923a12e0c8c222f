"""The loader: decodes in threads, brings images to one size, reports what it skips."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.data.images import Images, Pixels
from hashlens.data.preprocess import Preprocessing, to_channels
from hashlens.errors import ImageError

_CHUNK = 32  # images a thread decodes before it reports
_AHEAD = 2  # batches decoded while the caller works on one


class Skipped(NamedTuple):
    """An image that was left out, and why."""

    name: str
    reason: str


class LoadedPixels(NamedTuple):
    """Decoded images and what was left out.

    ``pixels`` is uint8 (n_kept, height, width, n_channels); ``kept`` is int64 (n_kept,), the
    number of each row in the images it was read from, ascending.
    """

    pixels: Pixels
    kept: NDArray[np.int64]
    skipped: tuple[Skipped, ...]


def load_pixels(
    images: Images,
    preprocessing: Preprocessing,
    *,
    strict: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> LoadedPixels:
    """Decode and resize all images into one array.

    Parameters
    ----------
    images : Images
    preprocessing : Preprocessing
    strict : bool
        Raise at the first bad image instead of leaving it out.
    workers : int >= 1
        Threads that decode.
    progress : callable, optional
        Called as ``progress(n_done, n_images)``.

    Returns
    -------
    loaded : LoadedPixels
        Images in memory that have the size already are not copied: do not write to ``pixels``.

    Raises
    ------
    ImageError
        If `strict` and an image cannot be decoded; it names the image.

    Examples
    --------
    >>> from hashlens.data.images import BytesImages
    >>> images = BytesImages([b"P5 1 1 255 A", b"no image"], ["a.pgm", "b.txt"])
    >>> load_pixels(images, Preprocessing(8, 8)).skipped
    (Skipped(name='b.txt', reason='is not an image of a known format'),)
    """
    check_int("workers", workers, 1)
    with ThreadPoolExecutor(workers) as pool:
        batch = _Batch(pool, images, preprocessing, range(len(images)))
        try:
            return batch.result(strict, progress)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def iter_pixels(
    images: Images,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    strict: bool = False,
    workers: int = 2,
) -> Iterator[LoadedPixels]:
    """Decode and resize batch after batch, a few batches ahead of the caller.

    Memory is bounded: at most three batches exist besides the caller's.

    Parameters
    ----------
    images : Images
    preprocessing : Preprocessing
    batch_size : int >= 1
        Images in a batch, before bad ones are left out.
    strict : bool
        Raise at the first bad image instead of leaving it out.
    workers : int >= 1
        Threads that decode.

    Yields
    ------
    loaded : LoadedPixels
        ``kept`` numbers the images as `images` does; a batch may be empty.

    Examples
    --------
    >>> from hashlens.data.images import ArrayImages
    >>> images = ArrayImages(np.zeros((5, 8, 8, 3), np.uint8))
    >>> [part.kept.tolist() for part in iter_pixels(images, Preprocessing(8, 8), 2)]
    [[0, 1], [2, 3], [4]]
    """
    check_int("batch_size", batch_size, 1)
    check_int("workers", workers, 1)
    return _batches(images, preprocessing, batch_size, strict, workers)


def _batches(
    images: Images, preprocessing: Preprocessing, batch_size: int, strict: bool, workers: int
) -> Iterator[LoadedPixels]:
    spans = (
        range(start, min(start + batch_size, len(images)))
        for start in range(0, len(images), batch_size)
    )
    pool = ThreadPoolExecutor(workers)
    try:
        batches = (_Batch(pool, images, preprocessing, span) for span in spans)
        waiting = deque(islice(batches, _AHEAD))
        while waiting:
            waiting.extend(islice(batches, 1))
            yield waiting.popleft().result(strict, None)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Batch:
    """Images being decoded: an array that threads fill, and a future for each part of it."""

    def __init__(
        self, pool: ThreadPoolExecutor, images: Images, preprocessing: Preprocessing, span: range
    ) -> None:
        self._span = span
        self._parts: list[Future[list[tuple[int, ImageError]]]] = []
        block = images.block(span.start, span.stop)
        if block is not None and block.shape[1:3] == preprocessing.shape[:2]:
            self._pixels = to_channels(block, preprocessing.n_channels)
            return
        self._pixels = np.empty((len(span), *preprocessing.shape), np.uint8)
        for at in range(0, len(span), _CHUNK):
            part = span[at : at + _CHUNK]
            rows = self._pixels[at : at + _CHUNK]
            self._parts.append(pool.submit(_fill, rows, images, preprocessing, part))

    def result(self, strict: bool, progress: Callable[[int, int], None] | None) -> LoadedPixels:
        bad: dict[int, ImageError] = {}
        for i, part in enumerate(self._parts):
            bad.update(part.result())
            if bad and strict:
                raise bad[min(bad)]
            if progress is not None:
                progress(min((i + 1) * _CHUNK, len(self._span)), len(self._span))
        if progress is not None and not self._parts:
            progress(len(self._span), len(self._span))
        kept = np.array([i for i in self._span if i not in bad], np.int64)
        pixels = self._pixels[kept - self._span.start] if bad else self._pixels
        skipped = tuple(Skipped(error.name, error.reason) for error in bad.values())
        return LoadedPixels(pixels, kept, skipped)


def _fill(
    rows: Pixels, images: Images, preprocessing: Preprocessing, part: range
) -> list[tuple[int, ImageError]]:
    bad = []
    for row, i in enumerate(part):
        try:
            rows[row] = preprocessing.apply(images.read(i))
        except ImageError as error:
            bad.append((i, error))
    return bad
