"""The encoder: one thread encodes the images of all requests, batch after batch."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashlens.cpus import available_cpus
from hashlens.data import decode_image
from hashlens.data.images import decode_prepared
from hashlens.model import Model
from hashlens.server.errors import busy
from hashlens.server.metrics import Metrics
from hashlens.server.settings import Settings
from hashlens.server.threads import Threads

Pixels = NDArray[np.uint8]
R = TypeVar("R")


class Encoded(NamedTuple):
    """One image as the model sees it.

    Attributes
    ----------
    code : uint8 (ceil(n_bits / 8),)
    features : float32 (d,)
    """

    code: NDArray[np.uint8]
    features: NDArray[np.float32]


class Encoding(NamedTuple):
    """Images of one request, encoded, and how long that took."""

    images: list[Encoded]
    decode_seconds: float
    encode_seconds: float


class _Task(NamedTuple):
    pixels: Pixels
    done: Future[Encoded]


class Encoder:
    """Decodes images in a few threads and encodes them, across requests, in one.

    A batch goes when it is full, or when no image is on its way, or ``gather_seconds`` after its
    first image: a lone request waits for nobody.

    Parameters
    ----------
    model : callable
        Gives the model.
    settings : Settings
    metrics : Metrics
    """

    def __init__(self, model: Callable[[], Model], settings: Settings, metrics: Metrics) -> None:
        self._model = model
        self._settings = settings
        self._metrics = metrics
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._n_inside = 0  # changed by the event loop's thread only
        self._decoders = Threads(min(4, available_cpus()), "decode")
        self._thread: threading.Thread | None = None
        metrics.follow(metrics.queue, lambda: self._n_inside)

    def start(self) -> None:
        """Load the model and encode a blank image, so that no request waits for that."""
        preprocessing = self._model().preprocessing
        self._thread = threading.Thread(target=self._run, name="hashlens-encode", daemon=True)
        self._thread.start()
        task = _Task(np.zeros(preprocessing.shape, np.uint8), Future())
        self._tasks.put(task)
        task.done.result()

    def stop(self) -> None:
        """Encode what is waiting, then end the threads."""
        self._decoders.stop()
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()

    @contextmanager
    def places(self, n_images: int) -> Iterator[None]:
        """Take places in the queue for as long as the block lasts; 0 looks whether one is free.

        Raises
        ------
        ApiError
            503 if so many are not free; nothing is waited for.
        """
        if self._n_inside + max(1, n_images) > self._settings.queue:
            self._metrics.rejected.labels("queue").inc()
            raise busy("the server is busy: its queue of images is full")
        self._n_inside += n_images
        try:
            yield
        finally:
            self._n_inside -= n_images

    async def encode(self, images: Sequence[bytes], names: Sequence[str]) -> Encoding:
        """Encode images whose places are taken.

        Raises
        ------
        ImageError
            If one cannot be decoded, or has too many pixels.
        """
        started = time.perf_counter()
        reading = [
            self.decoding(partial(self._pixels, *each)) for each in zip(images, names, strict=True)
        ]
        found = await asyncio.gather(*reading, return_exceptions=True)
        decoded = time.perf_counter()
        failed = [each for each in found if isinstance(each, BaseException)]
        if failed:
            raise failed[0]
        tasks = [
            _Task(pixels, Future()) for pixels in found if not isinstance(pixels, BaseException)
        ]
        for task in tasks:
            self._tasks.put(task)
        encoded = await asyncio.gather(*(asyncio.wrap_future(task.done) for task in tasks))
        return Encoding(list(encoded), decoded - started, time.perf_counter() - decoded)

    async def decoding(self, call: Callable[[], R]) -> R:
        """Run a call in the threads that decode."""
        return await self._decoders.run(call)

    def check(self, image: bytes, name: str) -> None:
        """Decode an image, to know that it can be; ImageError as `encode` raises it."""
        decode_image(image, max_pixels=self._settings.max_pixels, name=name)

    def _pixels(self, image: bytes, name: str) -> Pixels:
        return decode_prepared(image, self._model().preprocessing, name, self._settings.max_pixels)

    def _run(self) -> None:
        import torch  # loaded by the model anyway, if it is a network

        torch.set_num_threads(self._settings.threads or available_cpus())
        while True:
            batch, ended = self._gathered()
            wanted = [task for task in batch if task.done.set_running_or_notify_cancel()]
            if wanted:
                self._encode(wanted)
            if ended:
                return

    def _gathered(self) -> tuple[list[_Task], bool]:
        """Wait for images: those of one batch, and whether the end was among them."""
        batch: list[_Task] = []
        deadline = 0.0
        while len(batch) < self._settings.batch:
            try:
                task = self._next(batch, deadline)
            except queue.Empty:
                break
            if task is None:
                return batch, True
            batch.append(task)
            deadline = deadline or time.monotonic() + self._settings.gather_seconds
        return batch, False

    def _next(self, batch: Sequence[_Task], deadline: float) -> _Task | None:
        if not batch:
            return self._tasks.get()
        if self._n_inside <= len(batch):
            return self._tasks.get_nowait()
        return self._tasks.get(timeout=max(0.0, deadline - time.monotonic()))

    def _encode(self, batch: Sequence[_Task]) -> None:
        self._metrics.batches.observe(len(batch))
        try:
            found = self._model().embed_pixels(np.stack([task.pixels for task in batch]))
        except BaseException as error:
            # Whatever the network raises belongs to those who wait; the thread goes on.
            for task in batch:
                task.done.set_exception(error)
            return
        for i, task in enumerate(batch):
            task.done.set_result(Encoded(found.codes[i], found.features[i]))
