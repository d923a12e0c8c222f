"""Threads that do for the event loop what takes time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hashlens.server.errors import busy

R = TypeVar("R")


class Threads:
    """A few threads of one purpose; they begin when they are needed, and again after a stop.

    Parameters
    ----------
    n_threads : int
    purpose : str
        In the names of the threads.
    most : int
        Calls that run or wait at the same time; more are refused.

    Examples
    --------
    >>> threads = Threads(2, "read")
    >>> asyncio.run(threads.run(lambda: 7))
    7
    >>> threads.stop()
    """

    def __init__(self, n_threads: int, purpose: str, most: int = 4096) -> None:
        self._n_threads = n_threads
        self._purpose = purpose
        self._most = most
        self._n_inside = 0  # changed by the event loop's thread only
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[[], R]) -> R:
        """Run a call in one of the threads, as soon as one is free.

        Raises
        ------
        ApiError
            503 if too many calls wait already.
        """
        if self._n_inside >= self._most:
            raise busy(f"the server is busy: too many calls wait to {self._purpose}")
        if self._pool is None:
            name = f"hashlens-{self._purpose}"
            self._pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix=name)
        self._n_inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._n_inside -= 1

    def stop(self) -> None:
        """Finish the calls that are running; those that only wait are dropped."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
