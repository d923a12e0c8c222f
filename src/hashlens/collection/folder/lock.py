"""One writer at a time, over all processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hashlens.errors import BusyError

LOCK_FILE = "writer.lock"


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the right to write to the collection in `folder`; readers need no lock.

    The system frees the lock when the process ends, however it ends.

    Raises
    ------
    BusyError
        If another writer holds it.
    """
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            raise BusyError(
                f"{folder} must be written by one process at a time. "
                f"Got a writer already: process {holder}. Try again once it is done."
            ) from None
        with suppress(OSError):  # a disk so full that not even the name of the holder fits
            os.pwrite(handle, b"%-19d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(handle)
