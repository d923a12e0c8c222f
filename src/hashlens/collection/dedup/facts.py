"""What decides which of several files is kept: its pixels, its size, its age."""

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hashlens.checks import check_choice
from hashlens.data import image_size
from hashlens.errors import ImageError
from hashlens.watcher import Watcher

KEEP = ("largest", "oldest", "first")
_WORKERS = 4


class Entry(NamedTuple):
    """An item that may have a duplicate, as the catalogue has it."""

    id: int
    path: str
    has_file: bool
    content_hash: bytes


@dataclass(frozen=True)
class Facts:
    """What the disk says of an item's file.

    Attributes
    ----------
    there : bool
        It is a file; an item that never had one counts as there.
    is_link : bool
        The path is a symbolic link.
    size_bytes : int or None
    pixels : (width, height) or None
        As the header tells; None if there is no file, or it was not asked for.
    changed : int
        When it was last written, in ns since 1970; 0 if there is no file.
    inode : (int, int) or None
        Names the file itself: hard links of one file share it.
    """

    there: bool
    is_link: bool = False
    size_bytes: int | None = None
    pixels: tuple[int, int] | None = None
    changed: int = 0
    inode: tuple[int, int] | None = None


def read_facts(entries: Sequence[Entry], watcher: Watcher) -> list[Facts]:
    """Look at the files of items; a header is read, no pixels are decoded."""
    watcher.stage("looking at the files", len(entries))
    facts = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done, each in enumerate(pool.map(_look, entries, chunksize=64), 1):
            facts.append(each)
            watcher.advance(done, len(entries))
    return facts


def _look(entry: Entry) -> Facts:
    if not entry.has_file:
        return Facts(there=True)
    try:
        is_link = stat.S_ISLNK(os.lstat(entry.path).st_mode)
        file = Path(entry.path).stat()
    except (OSError, ValueError):
        return Facts(there=False)
    if not stat.S_ISREG(file.st_mode):
        return Facts(there=False)
    try:
        pixels = image_size(entry.path)
    except ImageError:
        pixels = None
    inode = (file.st_dev, file.st_ino)
    return Facts(True, is_link, file.st_size, pixels, file.st_mtime_ns, inode)


def order_to_keep(keep: str, entry: Entry, facts: Facts) -> tuple[int, ...]:
    """Give what items are sorted by: the first of a group is kept.

    A file that is there comes before one that is gone, and a file before a symbolic link. Then
    ``largest``: most pixels, then most bytes; ``oldest``: written first; at last, and for
    ``first`` at once, the lowest id.

    Examples
    --------
    >>> small, large = Facts(True, pixels=(8, 8)), Facts(True, pixels=(9, 9))
    >>> a, b = Entry(1, "a", True, b""), Entry(2, "b", True, b"")
    >>> order_to_keep("largest", b, large) < order_to_keep("largest", a, small)
    True
    """
    check_choice("keep", keep, KEEP)
    width, height = facts.pixels or (0, 0)
    rule = {
        "largest": (-width * height, -(facts.size_bytes or 0)),
        "oldest": (facts.changed,),
        "first": (),
    }[keep]
    return (not facts.there, facts.is_link, *rule, entry.id)
