"""Encoding on this machine: as many shards at a time as there are processors."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock

from hashlens.cpus import available_cpus
from hashlens.encoding.job import EncodeJob, EncodeReport
from hashlens.encoding.shard import encode_shard, one_thread
from hashlens.model import Progress
from hashlens.watcher import Watcher


class _StoppedError(Exception):
    """The work is given up."""


def encode_local(job: EncodeJob, watcher: Watcher | None = None) -> EncodeReport:
    """Encode all shards that are not done yet, here.

    Each shard is computed by one thread, so that its bytes do not depend on the machine's size.
    Whatever ends the work, finished shards stay, and the same job goes on from there.

    Parameters
    ----------
    job : EncodeJob
    watcher : Watcher, optional

    Returns
    -------
    report : EncodeReport

    Raises
    ------
    InputError
        If the folder holds shards of another job.
    ImageError
        For a bad image, where the job is strict.
    """
    watcher = watcher or Watcher()
    began = time.monotonic()
    todo = job.unfinished(watcher)
    count = _Count(job.n_images(todo), watcher)

    def encode(shard: int) -> None:
        encode_shard(job.model, job.task(shard), count.of_one_shard())

    with one_thread(), ThreadPoolExecutor(_n_at_once()) as pool:
        futures = [pool.submit(encode, shard) for shard in todo]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            count.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return job.report(count.total, began)


class _Count:
    """Adds up the images that several threads have done, and ends them."""

    def __init__(self, total: int, watcher: Watcher) -> None:
        self.total = total
        self.stop = Event()
        self._done = 0
        self._watcher = watcher
        self._lock = Lock()
        watcher.stage("encoding", total)

    def of_one_shard(self) -> Progress:
        """Give what hears how much of a shard is done."""
        before = 0

        def hear(done: int, total: int) -> None:
            nonlocal before
            del total
            if self.stop.is_set():
                raise _StoppedError
            with self._lock:
                self._done += done - before
                before = done
                self._watcher.advance(self._done, self.total)

        return hear


def _n_at_once() -> int:
    """Give the shards to encode at a time; one where a GPU does it."""
    torch = sys.modules.get("torch")  # a model that needs it has loaded it
    return 1 if torch and torch.cuda.is_available() else available_cpus()
