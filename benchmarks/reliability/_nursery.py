"""A process with everything loaded that forks workers, kills them, and tells what they had said.

Python takes a second to start; a fork takes some milliseconds, so that hundreds of kills end soon.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from hashlens.collection import Collection, adding, incoming
from hashlens.collection.batch import Batch
from hashlens.collection.folder.batch import BatchWriter
from hashlens.data import ArrayImages
from hashlens.model import Model

Say = Callable[[object], None]


class Job(NamedTuple):
    """Work for a worker: a verb, what it works on, and when it is killed.

    ``seconds`` is counted from the moment the work begins; None lets it end.
    """

    verb: str
    pieces: Sequence[Any]
    seconds: float | None


class Told(NamedTuple):
    """What a worker had acknowledged, whether it had ended, and how long it worked."""

    acknowledged: list[Any]
    has_ended: bool
    seconds: float


@contextmanager
def nursery(folder: Path) -> Iterator[Callable[[Job], Told]]:
    """Give a function that has a job done by a worker."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder))
    process.start()
    theirs.close()

    def play(job: Job) -> Told:
        ours.send(job)
        return ours.recv()

    try:
        yield play
    finally:
        ours.send(None)
        process.join()


def _serve(jobs: Connection, folder: Path) -> None:
    adding.BATCH, incoming._ENCODED_AT_ONCE = 8, 4
    model = Collection.open(folder).model
    while (job := jobs.recv()) is not None:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _work(folder, model, job, writing)
        os.close(writing)
        jobs.send(_watched(child, reading, job.seconds))


def _watched(child: int, pipe: int, seconds: float | None) -> Told:
    """Read what is said, and kill when it is time; an end of the words is an end of the work."""
    said = os.read(pipe, 1)
    started = time.monotonic()
    deadline = started + (3600 if seconds is None else seconds)
    has_ended = False
    while not has_ended and (left := deadline - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            part = os.read(pipe, 1 << 16)
            said, has_ended = said + part, not part
    worked = time.monotonic() - started
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while part := os.read(pipe, 1 << 16):
        said += part
    os.close(pipe)
    lines = said.decode().split("\n")[1:-1]  # a word that was cut off was not said
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("\n".join(["a worker failed", *lines]))
    return Told([json.loads(line) for line in lines], has_ended, worked)


def _work(folder: Path, model: Model, job: Job, pipe: int) -> None:
    """Do the work piece by piece, and say each that is done; ends the process."""

    def say(word: object) -> None:
        os.write(pipe, json.dumps(word).encode() + b"\n")

    status = 1
    try:
        collection = Collection.open(folder)
        collection.__dict__["model"] = model
        os.write(pipe, b"\n")
        for piece in job.pieces:
            _VERBS[job.verb](collection, piece, say)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _add(collection: Collection, piece: Any, say: Say) -> None:
    """Add files, or arrays; a batch is said when its commit has returned."""
    write = BatchWriter.write

    def told(self: BatchWriter, batch: Batch) -> None:
        write(self, batch)
        say([place.candidate.path for place, _ in batch.items])

    BatchWriter.write = told
    if isinstance(piece, tuple):
        pixels, names = piece
        collection.add(ArrayImages(pixels, names=names))
    else:
        collection.add(piece)


def _remove(collection: Collection, piece: list[int], say: Say) -> None:
    collection.remove(piece)
    say(piece)


def _update(collection: Collection, piece: tuple[list[int], int], say: Say) -> None:
    ids, number = piece
    collection.update([{"id": item_id, "number": number} for item_id in ids])
    say(piece)


def _compact(collection: Collection, piece: list[int], say: Say) -> None:
    """Remove some, so that there is something to drop, and compact."""
    collection.remove(piece)
    say(["removed", piece])
    collection.compact()
    say(["compacted", []])


_VERBS: dict[str, Callable[[Collection, Any, Say], None]] = {
    "add": _add,
    "remove": _remove,
    "update": _update,
    "compact": _compact,
}
