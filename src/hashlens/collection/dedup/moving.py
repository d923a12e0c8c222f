"""Moving superfluous files away, and back. Nothing is deleted, nothing overwritten."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.dedup.files import (
    Proof,
    UntouchedError,
    free_name,
    holds,
    move_file,
    proven,
    release,
    unchanged,
)
from hashlens.collection.dedup.journal import (
    BEGUN,
    MOVED,
    RETURNED,
    RETURNING,
    STAYED,
    Journal,
    Move,
    open_journal,
)
from hashlens.collection.dedup.report import Duplicate, Duplicates
from hashlens.collection.dedup.tiers import upto
from hashlens.collection.folder.catalogue import commit
from hashlens.collection.folder.records import as_stored, as_text
from hashlens.collection.folder.removing import remove
from hashlens.collection.folder.target import writing_to
from hashlens.data import Skipped
from hashlens.watcher import Watcher

_NOTED_AT_ONCE = 64


@dataclass(frozen=True)
class Acted:
    """What was done to files.

    Attributes
    ----------
    done : tuple of (str, str)
        Path of each file, and where it is now, or what it is a link of.
    left : tuple of Skipped
        Path of each file that was left as it is, and why.
    size_bytes : int
        Of the files in `done`.
    """

    done: tuple[tuple[str, str], ...]
    left: tuple[Skipped, ...]
    size_bytes: int


class Acting:
    """Checks what is to be touched, and gathers what was done.

    Parameters
    ----------
    db : Connection
        Of the collection, whose writer lock is held.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._proofs: dict[Path, Proof] = {}
        self._done: list[tuple[str, str]] = []
        self._left: list[Skipped] = []
        self._size_bytes = 0

    def acted(self) -> Acted:
        """Return what was done so far."""
        return Acted(tuple(self._done), tuple(self._left), self._size_bytes)

    @contextmanager
    def touching(self, path: Path | str) -> Iterator[None]:
        """Note what is left untouched, and why."""
        try:
            yield
        except UntouchedError as reason:
            self._left.append(Skipped(str(path), str(reason)))

    def touched(self, path: Path, now: Path, size_bytes: int) -> None:
        """Note what was done."""
        self._done.append((str(path), str(now)))
        self._size_bytes += size_bytes

    def check(self, duplicate: Duplicate) -> Path:
        """Give the file of an item that the collection still has as it was; or UntouchedError."""
        if not duplicate.entry.has_file:
            raise UntouchedError("has no file")
        query = "SELECT path, content_hash FROM items WHERE id = ? AND state = 'live'"
        found = self._db.execute(query, (duplicate.id,)).fetchone()
        if found is None or (as_text(found[0]), found[1]) != duplicate.entry[1::2]:
            raise UntouchedError("is not in the collection as it was when it was compared")
        return Path(duplicate.path)

    def check_kept(self, kept: Duplicate) -> tuple[Path, Proof]:
        """Give the file that is kept, which is there with its bytes."""
        try:
            path = self.check(kept)
            proof = self._proofs.get(path)
            if proof is None or not unchanged(path, proof):
                proof = self._proofs[path] = proven(path, kept.entry.content_hash)
        except UntouchedError as reason:
            raise UntouchedError(f"the one to keep, {kept.path}, {reason}") from None
        return path, proof


def check_apart(path: Path, kept: Path) -> None:
    """Raise UntouchedError if two paths lead to one place: through a link to a folder."""
    if os.path.realpath(path) == os.path.realpath(kept):
        raise UntouchedError(f"is the very file that is kept, {kept}")


def move_away(
    collection: Path, found: Duplicates, folder: Path, tier: str, watcher: Watcher
) -> Acted:
    """Move superfluous files below a folder, and remove their items from the collection.

    Each path below the folder is that below the folder which all files of the collection share.
    Right before a file is moved, it and the one that is kept are read: both have the bytes that
    were indexed, or the file is left alone. Where a run is stopped, the same call goes on.

    Parameters
    ----------
    collection : Path
        Its folder.
    found : Duplicates
    folder : Path
        Made if there is none; its journal is there.
    tier : str
        Only groups up to this tier.
    watcher : Watcher

    Raises
    ------
    BusyError
        If another process writes to the collection or to the journal.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as in `look_at`
    groups = [group for group in found.groups if group.tier in upto(tier)]
    with writing_to(collection) as target, open_journal(folder, new=True) as journal:
        acting = Acting(target.db)
        settle(journal)
        _note_moved(target.db, journal.in_state(MOVED))
        base, waiting = _shared_folder(target.db), list[Move]()
        total, done = sum(len(group.others) for group in groups), 0
        watcher.stage("moving files", total)
        for group in groups:
            for each in group.others:
                with acting.touching(each.path):
                    source = acting.check(each)
                    wanted = folder / source.relative_to(base)
                    waiting.append(_move_one(acting, journal, (each, group.kept), wanted))
                done += 1
                watcher.advance(done, total)
                if len(waiting) >= _NOTED_AT_ONCE:
                    _note_moved(target.db, waiting)
                    waiting = []
        _note_moved(target.db, waiting)
        return acting.acted()


def _move_one(
    acting: Acting, journal: Journal, pair: tuple[Duplicate, Duplicate], wanted: Path
) -> Move:
    each, kept = pair
    source, (kept_path, proof) = Path(each.path), acting.check_kept(kept)
    check_apart(source, kept_path)
    size_bytes = proven(source, each.entry.content_hash).size_bytes
    move = journal.begin(each.id, source, free_name(wanted), each.entry.content_hash)
    try:
        move_file(source, move.target, move.content_hash)
    except UntouchedError:
        journal.note(move, STAYED)
        raise
    if not unchanged(kept_path, proof):
        move_file(move.target, source, move.content_hash)
        journal.note(move, STAYED)
        raise UntouchedError(f"the one to keep, {kept.path}, has changed meanwhile")
    acting.touched(source, move.target, size_bytes)
    return journal.note(move, MOVED)


def move_back(collection: Path, folder: Path, watcher: Watcher) -> Acted:
    """Move all files back that were moved below a folder; their items are as they were.

    A file whose place has been taken meanwhile, or which has changed, is left where it is. Items
    that a compaction has dropped come back when their folder is indexed again.

    Raises
    ------
    FormatError
        If there is no journal in the folder, or it is damaged.
    BusyError
        If another process writes to the collection or to the journal.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as in `look_at`
    with writing_to(collection) as target, open_journal(folder, new=False) as journal:
        acting = Acting(target.db)
        settle(journal)
        moves = journal.in_state(MOVED)
        watcher.stage("moving files back", len(moves))
        for done, move in enumerate(moves, 1):
            with acting.touching(move.target):
                _return_one(acting, journal, move)
            watcher.advance(done, len(moves))
        _note_returned(target.db, journal.in_state(RETURNED))
        return acting.acted()


def _return_one(acting: Acting, journal: Journal, move: Move) -> None:
    if os.path.lexists(move.source):
        raise UntouchedError(f"its place is taken: {move.source}")
    size_bytes = proven(move.target, move.content_hash).size_bytes
    journal.note(move, RETURNING)
    try:
        move_file(move.target, move.source, move.content_hash)
    except UntouchedError:
        journal.note(move, MOVED)
        raise
    acting.touched(move.target, move.source, size_bytes)
    journal.note(move, RETURNED)


def settle(journal: Journal) -> None:
    """Find out what became of the moves that a kill cut short.

    A file is at one of the two places, whole: the other place holds nothing, or the empty file
    that took the name, or a whole copy, which stays.
    """
    for move in journal.in_state(BEGUN):
        journal.note(move, _settled(move.source, move.target, move, (STAYED, MOVED)))
    for move in journal.in_state(RETURNING):
        journal.note(move, _settled(move.target, move.source, move, (MOVED, RETURNED)))


def _settled(source: Path, target: Path, move: Move, states: tuple[str, str]) -> str:
    """Give the state of a move from `source` to `target`, begun or ended."""
    begun, ended = states
    if not holds(source, move.content_hash):
        return ended if holds(target, move.content_hash) else begun
    release(target)
    return begun


def _shared_folder(db: Connection) -> Path:
    """Find the folder that all files of the collection are below."""
    query = "SELECT path FROM items WHERE has_file AND state = 'live'"
    parents = {str(Path(as_text(path)).parent) for (path,) in db.execute(query)}
    return Path(os.path.commonpath(parents)) if parents else Path("/")


def _note_moved(db: Connection, moves: Sequence[Move]) -> None:
    """Remove the items whose files have been moved away."""
    query = "SELECT id FROM items WHERE id = ? AND path = ? AND state = 'live'"
    gone = (move for move in moves if not os.path.lexists(move.source))
    asked = ((move.id, as_stored(str(move.source))) for move in gone)
    remove(db, [row[0] for both in asked for row in db.execute(query, both)])


def _note_returned(db: Connection, moves: Sequence[Move]) -> None:
    """Bring the items back whose files are where they were."""
    query = """
    UPDATE items SET state = 'live', revision = ?
    WHERE id = ? AND path = ? AND content_hash = ? AND state = 'removed' AND NOT EXISTS
        (SELECT 1 FROM items AS others WHERE others.path = items.path
         AND others.has_file = items.has_file AND others.state = 'live')
    """
    there = [move for move in moves if os.path.lexists(move.source)]
    if not there:
        return
    with commit(db) as revision:
        for move in there:
            path = as_stored(str(move.source))
            db.execute(query, (revision, move.id, path, move.content_hash))
