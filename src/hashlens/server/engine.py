"""What all requests share: the collection, the threads that read, encode and write."""

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from hashlens.collection import Collection
from hashlens.cpus import available_cpus
from hashlens.errors import HashlensError
from hashlens.server.encoding import Encoder
from hashlens.server.metrics import Metrics
from hashlens.server.pictures import Thumbnails
from hashlens.server.settings import Settings
from hashlens.server.threads import Threads

_WAITING = 16

R = TypeVar("R")
K = TypeVar("K")
V = TypeVar("V")


class Engine:
    """A collection at work; nothing of it blocks the event loop.

    Parameters
    ----------
    collection : Collection
    settings : Settings
    """

    def __init__(self, collection: Collection, settings: Settings) -> None:
        self.collection = collection
        self.settings = settings
        self.metrics = Metrics()
        self.encoder = Encoder(lambda: collection.model, settings, self.metrics)
        self.thumbnails = Thumbnails()
        self._readers = Threads(max(2, available_cpus()), "read")
        self._writer = Threads(1, "write", settings.queue)
        self._at_stop: list[Callable[[], None]] = []

    def start(self) -> None:
        """Load what the first request would have to wait for: the network, codes and kernels."""
        self.encoder.start()
        with suppress(HashlensError):  # a request that meets it will say what it is
            for item in self.collection.items(n=1):
                self.collection.search(item.id, 1)

    def stop(self) -> None:
        """Finish what is being done, a write to its commit; what only waits is dropped whole."""
        self._writer.stop()
        self._readers.stop()
        self.encoder.stop()
        for call in self._at_stop:
            call()

    def at_stop(self, call: Callable[[], None]) -> None:
        """Call something when all requests are answered."""
        self._at_stop.append(call)

    async def reading(self, call: Callable[[], R]) -> R:
        """Run a call that reads the collection."""
        return await self._readers.run(call)

    async def writing(self, call: Callable[[], R]) -> R:
        """Run a call that writes to the collection, one at a time.

        Raises
        ------
        ApiError
            503 if too many wait already.
        BusyError
            If another process is writing.
        """
        return await self._writer.run(call)


class PerRevision(Generic[K, V]):
    """Values that are computed once a commit, in a thread of their own.

    Parameters
    ----------
    most : int
        Values that are kept: the last ones.

    Examples
    --------
    >>> import asyncio
    >>> kept, calls = PerRevision(most=2), []
    >>> async def ask(revision):
    ...     return await kept.value((revision, "stats"), lambda: calls.append(1) or 7)
    >>> [asyncio.run(ask(revision)) for revision in (1, 1, 2)], len(calls)
    ([7, 7, 7], 2)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[K, V] = {}
        self._thread = Threads(1, "look at all items", _WAITING)

    async def value(self, key: K, compute: Callable[[], V]) -> V:
        """Give the value of a key, which names the revision too; ApiError 503 if many wait."""
        if key in self._kept:
            return self._kept[key]
        return await self._thread.run(lambda: self._computed(key, compute))

    def stop(self) -> None:
        """End the thread, once it has done what it is doing."""
        self._thread.stop()

    def _computed(self, key: K, compute: Callable[[], V]) -> V:
        if key not in self._kept:  # nor has whoever was before us in this thread asked for it
            value = compute()
            self._kept = dict([*self._kept.items(), (key, value)][-self._most :])
        return self._kept[key]
