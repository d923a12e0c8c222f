"""What another process has to say, told here."""

import threading
from collections.abc import Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from hashlens.watcher import Watcher

POLL_SECONDS = 0.1
STOP_SECONDS = 5.0


class Relay(Watcher):
    """Passes on what a watcher is told to a `Listener` in another process."""

    def __init__(self, writer: Connection) -> None:
        self.writer = writer

    def stage(self, name: str, total: int | None = None) -> None:
        """Pass on the beginning of a stage."""
        self.writer.send(("stage", (name, total)))

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Pass on how far it is."""
        self.writer.send(("advance", (done, total, note)))

    def row(self, figures: dict[str, float]) -> None:
        """Pass on an epoch's figures."""
        self.writer.send(("row", (figures,)))

    def note(self, text: str) -> None:
        """Pass on a line."""
        self.writer.send(("note", (text,)))


class Listener:
    """Hears several processes, and tells a watcher in a thread of its own.

    Attributes
    ----------
    writers : list of Connection
        One for each process, for a `Relay` and for the exception that ends the process.
    errors : list of Exception
        What ended the watcher or the processes, in the order heard.
    """

    def __init__(self, n_processes: int, watcher: Watcher) -> None:
        # A pipe each: a lock that they shared would stay locked where a process is killed.
        pipes = [Pipe(duplex=False) for _ in range(n_processes)]
        self.readers = [reader for reader, _ in pipes]
        self.writers = [writer for _, writer in pipes]
        self.watcher = watcher
        self.errors: list[Exception] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._listen, name="hashlens-listener", daemon=True)

    def __enter__(self) -> "Listener":
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Hear what has been said so far, then no more."""
        self.stopped.set()
        # What a killed process left half said never ends.
        self.thread.join(STOP_SECONDS)
        for connection in (*self.readers, *self.writers):
            connection.close()

    def _listen(self) -> None:
        while True:
            # Before waiting: what was said before the end is heard.
            last = self.stopped.is_set()
            ready: Iterable[Any] = wait(self.readers, 0.0 if last else POLL_SECONDS)
            for reader in ready:
                self._hear(reader)
            if last and not ready:
                return

    def _hear(self, reader: Connection) -> None:
        said = reader.recv()
        if isinstance(said, Exception):
            self.errors.append(said)
            return
        name, arguments = said
        try:
            getattr(self.watcher, name)(*arguments)
        except Exception as error:
            self.errors.append(error)
            self.readers.remove(reader)
            reader.close()  # who goes on speaking is ended by that
