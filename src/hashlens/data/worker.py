"""What a decoding process runs: images in by a pipe, pixels out through shared memory.

A broken image may crash a decoder, make it run for ever, or make it eat memory. Here that costs
this process alone. It loads neither torch nor the script of the user.
"""

import mmap
import os
import signal
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hashlens.data.images import Pixels, decode_prepared
from hashlens.data.preprocess import Preprocessing
from hashlens.errors import ImageError

PROGRAM = """
import json, sys
sys.path[:], order = map(json.loads, sys.argv[1:])
from hashlens.data.worker import serve
serve(order)
"""
"""What Python runs; its two words are the caller's ``sys.path`` and an order, both as JSON."""

HEADER = mmap.ALLOCATIONGRANULARITY
"""Bytes of the shared memory before the pixels; the first eight count the images done."""

ALL_DONE = -1
"""Stands in an answer in place of the number of a bad image."""

NUMBER = struct.Struct("<q")
_FILE, _BYTES = b"F", b"B"


@dataclass(frozen=True)
class Order:
    """What a worker is told when it starts.

    Attributes
    ----------
    preprocessing : dict
    n_rows : int
        Images that the shared memory has room for.
    memory : int
        File descriptor of the shared memory.
    seconds : float
        Time that one image may take; the system ends the worker then.
    limit_bytes : int
        Address space that the worker may use, where the system can hold it to that.
    """

    preprocessing: dict[str, Any]
    n_rows: int
    memory: int
    seconds: float
    limit_bytes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pixels in the shared memory."""
        return (self.n_rows, *Preprocessing.from_dict(self.preprocessing).shape)

    @property
    def size_bytes(self) -> int:
        """Size of the shared memory."""
        return HEADER + int(np.prod(self.shape, dtype=np.int64))


def serve(order: dict[str, Any]) -> None:
    """Decode what comes, until the caller is gone."""
    wanted = Order(**order)
    requests, answers = _own_pipes()
    _limit(wanted.limit_bytes)
    # glibc keeps blocks for the next image once it has seen one of their size freed.
    np.empty(31 << 20, np.uint8)
    shared = mmap.mmap(wanted.memory, wanted.size_bytes)
    n_done = np.frombuffer(shared, np.int64, 1)
    rows = np.frombuffer(shared, np.uint8, offset=HEADER).reshape(wanted.shape)
    preprocessing = Preprocessing.from_dict(wanted.preprocessing)
    _answer(answers, ALL_DONE)
    while (n_images := read_number(requests)) is not None:
        sources = [_read_source(requests) for _ in range(n_images)]
        for i, source in enumerate(sources):
            signal.setitimer(signal.ITIMER_REAL, wanted.seconds)
            reason = _decode(source, preprocessing, rows[i])
            if reason:
                _answer(answers, i, reason)
            n_done[0] = i + 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        _answer(answers, ALL_DONE)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes for this module alone: what a decoder prints goes nowhere."""
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return pipes


def _limit(n_bytes: int) -> None:
    import resource

    # Ctrl-C is the caller's: it ends this process. The alarm has to end it by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    within = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    with suppress(OSError, ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (within, hard))


def _decode(source: Path | bytes, preprocessing: Preprocessing, row: Pixels) -> str:
    """Put the pixels of one image into `row`; give the reason if they cannot be had."""
    try:
        row[:] = decode_prepared(source, preprocessing, "")
    except ImageError as error:
        return error.reason
    except MemoryError:
        return "needs more memory than there is for it"
    return ""


def _read_source(file: BinaryIO) -> Path | bytes:
    kind, content = file.read(1), read_words(file)
    return content if kind == _BYTES else Path(os.fsdecode(content))


def write_sources(file: BinaryIO, sources: Sequence[Path | bytes]) -> None:
    """Ask for images: files by their paths, or the bytes of files."""
    file.write(NUMBER.pack(len(sources)))
    for source in sources:
        if isinstance(source, bytes):
            kind, content = _BYTES, source
        else:  # as it is, without a look at the disk: links are followed where it is opened
            kind, content = _FILE, os.fsencode(os.path.abspath(source))  # noqa: PTH100
        file.write(kind)
        file.write(NUMBER.pack(len(content)))
        file.write(content)
    file.flush()


def _answer(file: BinaryIO, place: int, reason: str | None = None) -> None:
    file.write(NUMBER.pack(place))
    if reason is not None:
        words = reason.encode("utf-8", "replace")
        file.write(NUMBER.pack(len(words)))
        file.write(words)
    file.flush()


def read_number(file: BinaryIO) -> int | None:
    """Receive a number; None: the other side is gone."""
    raw = file.read(NUMBER.size)
    return int(NUMBER.unpack(raw)[0]) if len(raw) == NUMBER.size else None


def read_words(file: BinaryIO) -> bytes:
    """Receive bytes, after their number."""
    return file.read(read_number(file) or 0)
