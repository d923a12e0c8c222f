"""One writer at a time, over all processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    with (folder / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BusyError(
                f"{folder} must be written by one process at a time. "
                f"Got a writer already: process {holder}. Try again once it is done."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
