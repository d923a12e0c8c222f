"""What a check of a collection finds."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hashlens.watcher import Watcher


class Problem(NamedTuple):
    """Damage: the file it is in, relative to the collection, and what is wrong there.

    Attributes
    ----------
    file : str
    what : str
        ``<what it is> must be <wanted>. Got <got>.``
    items : tuple of int
        Ids of the live items that it hits, where that is known.
    """

    file: str
    what: str
    items: tuple[int, ...] = ()


class Part(NamedTuple):
    """A file that was checked: its name, what it holds, bytes read."""

    file: str
    holds: str
    bytes_read: int


class Picture(NamedTuple):
    """An item whose image file is not as it was when the item was added."""

    id: int
    path: str
    reason: str


@dataclass(frozen=True)
class CheckReport:
    """What `Collection.verify` found.

    Attributes
    ----------
    problems : tuple of Problem
        Empty: the collection is whole.
    n_items : int
        Live items.
    n_rows : int
        Stored codes.
    bytes_read : int
    seconds : float
    parts : tuple of Part
        What was checked, file by file.
    notes : tuple of str
        What is there beside the last commit, of changes that are under way or were interrupted,
        and files of others: harmless.
    changed, gone : tuple of Picture
        Items whose image file has other bytes now, or is not there; empty unless files were
        asked for. The collection itself is whole all the same.

    Examples
    --------
    >>> damage = Problem("codes-1.u8", "rows 0 to 9 must be as they were written.", items=(3, 4))
    >>> CheckReport((damage,), n_items=10, n_rows=10, bytes_read=80, seconds=0.1).is_whole
    False
    """

    problems: tuple[Problem, ...]
    n_items: int
    n_rows: int
    bytes_read: int
    seconds: float
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    changed: tuple[Picture, ...] = ()
    gone: tuple[Picture, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.problems


@dataclass
class Findings:
    """Gathers what is found, and tells the watcher how far the check is."""

    watcher: Watcher
    problems: list[Problem] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changed: list[Picture] = field(default_factory=list)
    gone: list[Picture] = field(default_factory=list)

    def damaged(self, file: str, what: str, items: tuple[int, ...] = ()) -> None:
        """Note damage; the same is noted once."""
        problem = Problem(file, what, items)
        if problem not in self.problems:
            self.problems.append(problem)

    def checked(self, file: str, holds: str, bytes_read: int) -> None:
        """Note that all of a file was looked at."""
        self.parts.append(Part(file, holds, bytes_read))

    def left_over(self, path: Path, n_bytes: int) -> None:
        """Note what lies behind the first `n_bytes`, the committed part of a file."""
        more = path.stat().st_size - n_bytes if path.exists() else 0
        if more > 0:
            left = "of a change that is under way or was interrupted"
            self.notes.append(f"{path.name}: {more:,} bytes are not committed, {left}")
