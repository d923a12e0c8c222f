"""Processes that decode images: what a bad one does to its process costs that image alone."""

import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from hashlens.data.images import Pixels
from hashlens.data.preprocess import Preprocessing
from hashlens.data.worker import (
    ALL_DONE,
    HEADER,
    PROGRAM,
    Order,
    read_number,
    read_words,
    write_sources,
)

SECONDS_PER_IMAGE = 60.0
"""Time after which the decoding of one image is given up."""

LIMIT_BYTES = 4 << 30
"""Address space of a process: room for the largest image that is allowed, in any format."""

CAN_START = os.name == "posix" and bool(sys.executable)
"""Whether processes can be used here: they inherit their memory by its descriptor."""

_SHARED_BYTES = 16 << 20
_MAX_ROWS = 16


class CannotStartError(Exception):
    """No process could be started: too many run, or there is too little memory."""


class Decoders:
    """Decoding processes, each used by one thread at a time, started when first needed.

    An image whose process is lost is tried once more, in a new one: the first may have been ended
    by a system short of memory for what another did. Nothing is left behind, whatever happens to
    the caller: the shared memory has no name, and a process whose caller is gone ends.

    Parameters
    ----------
    preprocessing : Preprocessing
        What is done to each image.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        row_bytes = int(np.prod(preprocessing.shape))
        self.n_rows = max(1, min(_MAX_ROWS, _SHARED_BYTES // row_bytes))
        self._preprocessing = preprocessing
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._is_closed = False

    def decode(self, sources: Sequence[Path | bytes], rows: Pixels) -> dict[int, str]:
        """Fill `rows` with the pixels of at most `n_rows` images.

        Returns
        -------
        reasons : dict
            By the place of each image that could not be decoded.

        Raises
        ------
        CannotStartError
            If a process is needed and none can be started.
        CancelledError
            If `close` was called meanwhile.
        """
        reasons: dict[int, str] = {}
        start, suspect = 0, -1
        while start < len(sources):
            with self._one() as process:
                n_done, found = process.decode(sources[start:])
                rows[start : start + n_done] = process.pixels[:n_done]
                reasons |= {start + place: reason for place, reason in found.items()}
                start += n_done
                if start == len(sources):
                    break
                how = process.end()
            if start == suspect:
                reasons[start] = how
                start += 1
            else:
                suspect = start
        return reasons

    @contextmanager
    def _one(self) -> Iterator["_Process"]:
        """Give a process that no other thread uses."""
        with self._lock:
            if self._is_closed:
                raise CancelledError
            process = self._idle.pop() if self._idle else None
            if process is None:
                process = _Process(self._preprocessing, self.n_rows)
                self._all.add(process)
        try:
            yield process
        finally:
            with self._lock:
                if process.has_ended:
                    self._all.discard(process)
                else:
                    self._idle.append(process)

    def close(self) -> None:
        """End all processes at once, also those in the middle of an image."""
        with self._lock:
            self._is_closed = True
            for process in self._all:
                process.end()
            self._all.clear()


class _Process:
    """One process, the pipes to and from it, and the memory it shares with this one."""

    def __init__(self, preprocessing: Preprocessing, n_rows: int) -> None:
        try:
            with _nameless_file() as memory:
                order = Order(
                    preprocessing.to_dict(), n_rows, memory.fileno(), SECONDS_PER_IMAGE, LIMIT_BYTES
                )
                os.truncate(memory.fileno(), order.size_bytes)
                shared = mmap.mmap(memory.fileno(), order.size_bytes)
                self._started = _start(order)
        except OSError as error:
            raise CannotStartError from error
        self._n_done = np.frombuffer(shared, np.int64, 1)
        pixels = np.frombuffer(shared, np.uint8, offset=HEADER)
        self.pixels: Pixels = pixels.reshape(order.shape)
        self._is_ready = self.has_ended = False

    def decode(self, sources: Sequence[Path | bytes]) -> tuple[int, dict[int, str]]:
        """Decode images in order; give how many are done (all, or the process died), and reasons.

        Raises
        ------
        CannotStartError
            If the process died before it was ready.
        """
        self._n_done[0] = 0
        requests, answers = (
            cast("BinaryIO", self._started.stdin),
            cast("BinaryIO", self._started.stdout),
        )
        with suppress(OSError):  # it died meanwhile, and will not answer
            write_sources(requests, sources)
        if not self._is_ready:
            if read_number(answers) is None:
                self.end()
                raise CannotStartError
            self._is_ready = True
        reasons: dict[int, str] = {}
        while (place := read_number(answers)) is not None:
            if place == ALL_DONE:
                return len(sources), reasons
            reasons[place] = read_words(answers).decode("utf-8", "replace")
        return int(self._n_done[0]), reasons

    def end(self) -> str:
        """End it; say how it ended, in words that fit an image's name."""
        self._started.kill()
        code = self._started.wait()
        self.has_ended = True
        for pipe in (self._started.stdin, self._started.stdout):
            with suppress(OSError):  # what is left in the pipe has no reader
                cast("BinaryIO", pipe).close()
        return _how_it_ended(code)


def _start(order: Order) -> "subprocess.Popen[bytes]":
    words = [json.dumps(sys.path), json.dumps(asdict(order))]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[order.memory],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _nameless_file() -> BinaryIO:
    """Open a file that is gone with the last process that has it open."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("hashlens"), "r+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGALRM:
        return f"took longer than {SECONDS_PER_IMAGE:g} s to decode"
    if code == -signal.SIGKILL:
        return "was too much for this system (its decoder was killed)"
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"crashed its decoder ({how})"
