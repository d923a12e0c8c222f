"""The loader: decodes beside its caller, brings images to one size, reports what it skips."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.cpus import available_cpus
from hashlens.data.decoders import CAN_START, CannotStartError, Decoders
from hashlens.data.images import EncodedImages, Images, Pixels
from hashlens.data.preprocess import Preprocessing, to_channels
from hashlens.data.skipped import Skipped
from hashlens.errors import ImageError

_CHUNK = 32  # images a thread decodes before it reports
_AHEAD = 2  # batches decoded while the caller works on one
_THREADS = 2
_MOST_PROCESSES = 8
_WORTH_PROCESSES = 64  # images that take about as long to decode as a process takes to start


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
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LoadedPixels:
    """Decode and resize all images into one array.

    Parameters
    ----------
    images : Images
    preprocessing : Preprocessing
    strict : bool
        Raise at the first bad image instead of leaving it out.
    workers : int >= 0, optional
        As for `iter_pixels`.
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
    n_workers = _n_workers(images, workers)
    with _decoding(images, preprocessing, n_workers) as start:
        return start(range(len(images))).result(strict, progress)


def iter_pixels(
    images: Images,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    strict: bool = False,
    workers: int | None = None,
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
    workers : int >= 0, optional
        Processes that decode files, and the bytes of files: an image that crashes its decoder,
        takes longer than a minute or needs more than 4 GiB of memory is one bad image then. 0: two
        threads of this process. Default: a process a core, 8 at most; threads for fewer than 64
        images. Images in memory are resized in threads.

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
    n_workers = _n_workers(images, workers)
    return _batches(images, preprocessing, batch_size, strict, n_workers)


def _n_workers(images: Images, workers: int | None) -> int:
    """How many processes decode; 0: threads do."""
    wanted = None if workers is None else check_int("workers", workers, 0)
    if not isinstance(images, EncodedImages) or not CAN_START:
        return 0
    if wanted is not None:
        return wanted
    return min(available_cpus(), _MOST_PROCESSES) if len(images) >= _WORTH_PROCESSES else 0


def _batches(
    images: Images, preprocessing: Preprocessing, batch_size: int, strict: bool, n_workers: int
) -> Iterator[LoadedPixels]:
    spans = (
        range(start, min(start + batch_size, len(images)))
        for start in range(0, len(images), batch_size)
    )
    with _decoding(images, preprocessing, n_workers) as start:
        batches = map(start, spans)
        waiting = deque(islice(batches, _AHEAD))
        while waiting:
            waiting.extend(islice(batches, 1))
            yield waiting.popleft().result(strict, None)


@contextmanager
def _decoding(
    images: Images, preprocessing: Preprocessing, n_workers: int
) -> Iterator[Callable[[range], "_Batch"]]:
    """Give a function that starts a batch; at the end nothing of it runs any more."""
    decoders = Decoders(preprocessing) if n_workers else None
    pool = ThreadPoolExecutor(n_workers or _THREADS)
    source = _Source(images, preprocessing, decoders)
    try:
        yield lambda span: _Batch(pool, source, span)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if decoders is not None:
            decoders.close()
        pool.shutdown(wait=True)


class _Source(NamedTuple):
    """Where pixels come from: images, what is done to each, and the processes that do it."""

    images: Images
    preprocessing: Preprocessing
    decoders: Decoders | None

    @property
    def n_at_once(self) -> int:
        """Images that a thread fills at once."""
        return _CHUNK if self.decoders is None else self.decoders.n_rows

    def block(self, span: range) -> Pixels | None:
        """Give images that need no work, as they lie in memory."""
        block = self.images.block(span.start, span.stop)
        if block is None or block.shape[1:3] != self.preprocessing.shape[:2]:
            return None
        return to_channels(block, self.preprocessing.n_channels)

    def fill(self, rows: Pixels, part: range) -> dict[int, ImageError]:
        """Fill `rows` with the images numbered `part`; give those that are bad."""
        if self.decoders is None or not isinstance(self.images, EncodedImages):
            return self._fill_here(rows, part)
        try:
            reasons = self.decoders.decode([self.images.sources[i] for i in part], rows)
        except CannotStartError:
            return self._fill_here(rows, part)
        return {part[i]: ImageError(self.images.name(part[i]), why) for i, why in reasons.items()}

    def _fill_here(self, rows: Pixels, part: range) -> dict[int, ImageError]:
        bad = {}
        for row, i in enumerate(part):
            try:
                rows[row] = self.images.prepared(i, self.preprocessing)
            except ImageError as error:
                bad[i] = error
        return bad


class _Batch:
    """Images being decoded: an array that threads fill, and a future for each part of it."""

    def __init__(self, pool: ThreadPoolExecutor, source: _Source, span: range) -> None:
        self._span = span
        self._step = source.n_at_once
        self._parts: list[Future[dict[int, ImageError]]] = []
        block = source.block(span)
        if block is not None:
            self._pixels = block
            return
        self._pixels = np.empty((len(span), *source.preprocessing.shape), np.uint8)
        for at in range(0, len(span), self._step):
            rows, part = self._pixels[at : at + self._step], span[at : at + self._step]
            self._parts.append(pool.submit(source.fill, rows, part))

    def result(self, strict: bool, progress: Callable[[int, int], None] | None) -> LoadedPixels:
        bad: dict[int, ImageError] = {}
        for i, part in enumerate(self._parts, 1):
            bad.update(part.result())
            if bad and strict:
                raise bad[min(bad)]
            if progress is not None:
                progress(min(i * self._step, len(self._span)), len(self._span))
        if progress is not None and not self._parts:
            progress(len(self._span), len(self._span))
        kept = np.array([i for i in self._span if i not in bad], np.int64)
        pixels = self._pixels[kept - self._span.start] if bad else self._pixels
        skipped = tuple(Skipped(error.name, error.reason) for error in bad.values())
        return LoadedPixels(pixels, kept, skipped)
