"""The journal of moved files: what an interrupted run is resumed from, and undone by."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

from hashlens.errors import BusyError, FormatError

JOURNAL_FILE = "hashlens-moved.jsonl"
"""In the folder that files are moved to; a line of JSON for each step."""

BEGUN, MOVED, STAYED, RETURNING, RETURNED = "begun", "moved", "stayed", "returning", "returned"
STATES = (BEGUN, MOVED, STAYED, RETURNING, RETURNED)


@dataclass(frozen=True)
class Move:
    """One file that is moved away.

    Attributes
    ----------
    number : int
        Of the move in its journal.
    id : int
        The item.
    source, target : Path
    content_hash : bytes
    state : str
        ``begun``, then ``moved`` or ``stayed``; ``returning``, then ``returned`` or ``moved``.
    """

    number: int
    id: int
    source: Path
    target: Path
    content_hash: bytes
    state: str = BEGUN

    def as_dict(self) -> dict[str, Any]:
        """Describe it, JSON-able."""
        return {
            "move": self.number,
            "state": self.state,
            "id": self.id,
            "from": str(self.source),
            "to": str(self.target),
            "sha256": self.content_hash.hex(),
        }

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Undo `as_dict`; ValueError, KeyError or TypeError if it is not that."""
        values = json.loads(line)
        if values["state"] not in STATES:
            raise ValueError(values["state"])
        return cls(
            number=int(values["move"]),
            id=int(values["id"]),
            source=Path(values["from"]),
            target=Path(values["to"]),
            content_hash=bytes.fromhex(values["sha256"]),
            state=values["state"],
        )


class Journal:
    """The moves to one folder, by number, each in its last state.

    Parameters
    ----------
    path : Path
    file : binary file
        Open to read and to append, and locked.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self.moves: dict[int, Move] = {}
        self._read()

    def begin(self, item_id: int, source: Path, target: Path, content_hash: bytes) -> Move:
        """Write down that a file is about to be moved."""
        number = max(self.moves, default=0) + 1
        return self.note(Move(number, item_id, source, target, content_hash), BEGUN)

    def note(self, move: Move, state: str) -> Move:
        """Write down what has become of a move, down to the disk."""
        noted = replace(move, state=state)
        self._file.write(json.dumps(noted.as_dict()).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.moves[noted.number] = noted
        return noted

    def in_state(self, *states: str) -> list[Move]:
        """List the moves in one of these states."""
        return [move for move in self.moves.values() if move.state in states]

    def _read(self) -> None:
        lines = self._file.read().split(b"\n")
        rest = lines.pop()  # after the last line end: nothing, or a line that a kill cut short
        for number, line in enumerate(lines, 1):
            try:
                move = Move.read(line)
            except (ValueError, KeyError, TypeError) as error:
                raise FormatError(
                    f"{self.path}, line {number} must be a move. Got {error!r}."
                ) from None
            self.moves[move.number] = move
        if rest:
            self._file.truncate(self._file.tell() - len(rest))


@contextmanager
def open_journal(folder: Path, *, new: bool) -> Iterator[Journal]:
    """Open the journal of a folder, alone.

    Parameters
    ----------
    folder : Path
    new : bool
        Make the folder and the journal where there is none.

    Raises
    ------
    FormatError
        If there is no journal, or it is damaged.
    BusyError
        If another process has it open.
    """
    path = folder / JOURNAL_FILE
    if new:
        folder.mkdir(parents=True, exist_ok=True)
    elif not path.is_file():
        raise FormatError(f"{path} must be a journal of moved files. Got no such file.")
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{path} must be written by one process at a time. Got a writer already."
            ) from None
        file.seek(0)
        yield Journal(path, file)
