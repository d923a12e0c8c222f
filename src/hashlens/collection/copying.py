"""Copying a collection to another place, in one engine or to another."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import printable, refuse, words
from hashlens.collection.folder.store import FolderStore
from hashlens.collection.folder.verifying import verify
from hashlens.collection.new import NewCollection, copying_model
from hashlens.collection.opened import exists, make_store, open_store
from hashlens.collection.pairing import Row, as_text, difference, gathered, joined
from hashlens.collection.records import Record
from hashlens.collection.store import Reading, Receiver, Store
from hashlens.errors import FormatError, HashlensError
from hashlens.watcher import Watcher

BATCH = 1024
"""Items that are written in one commit, at most."""

PICTURE_BYTES = 32 << 20
"""Of kept pictures in one commit: one picture more at most."""


@dataclass(frozen=True)
class CopyReport:
    """What `Collection.copy_to` has done.

    Attributes
    ----------
    place : str
        Of the copy, without a password.
    n_items : int
        Items of the copy.
    written : int
        Items that the copy did not have.
    changed : int
        Items that it had otherwise, or without their picture.
    already : int
        Items that it had.
    pruned : int
        Items that were removed from it.
    n_pictures : int
        Kept pictures that were copied.
    seconds : float
    """

    place: str
    n_items: int
    written: int
    changed: int
    already: int
    pruned: int
    n_pictures: int
    seconds: float


def copy(source: Store, place: str | Path, *, prune: bool, watcher: Watcher) -> CopyReport:
    """Copy a collection; `Collection.copy_to` says how."""
    started = time.monotonic()
    to = open_store(place) if exists(place) else None
    if to is not None:
        _check_alike(source, to)
    with source.reading() as reading:
        _check_sound(source, watcher)
        if to is None:
            to = _make_like(source, place)
        revision = source.revision
        with to.receiving() as receiver:
            with _in_reach(source), _in_reach(to):
                ids = reading.ids()
                excess = _excess(source, ids, to, prune)
            for start in range(0, len(excess), BATCH):
                receiver.remove(excess[start : start + BATCH])
            work = _Copying(_Sides(reading, to, receiver, len(ids)), watcher)
            work.run()
            receiver.reserve(reading.next_id)
            with _in_reach(source), _in_reach(to):
                problem = _first_difference(work.sides, watcher)
        if problem is not None:
            raise _not_alike(source, to, problem, source.revision != revision)
    return CopyReport(
        place=to.place,
        n_items=work.written + work.changed + work.already,
        written=work.written,
        changed=work.changed,
        already=work.already,
        pruned=len(excess),
        n_pictures=work.n_pictures,
        seconds=time.monotonic() - started,
    )


def _check_alike(source: Store, to: Store) -> None:
    """Raise InputError unless one may be a copy of the other."""
    if source.place == to.place or _is_same_folder(source, to):
        raise refuse("destination", "another place than the collection itself", to.place)
    wanted = f"new, or a copy of {source.place}"
    for what, is_same in (
        ("another model", as_text(source.card) == as_text(to.card)),
        (f"with{'' if to.n_features else 'out'} features", source.n_features == to.n_features),
        (
            f"that keeps {'' if to.keeps_pictures else 'no '}pictures",
            source.keeps_pictures == to.keeps_pictures,
        ),
    ):
        if not is_same:
            raise refuse("destination", wanted, words(f"{to.place}: a collection {what}"))


def _is_same_folder(source: Store, to: Store) -> bool:
    if not isinstance(source, FolderStore) or not isinstance(to, FolderStore):
        return False
    return source.folder.samefile(to.folder)


def _check_sound(source: Store, watcher: Watcher) -> None:
    """Raise FormatError if a folder is damaged: in the copy, the damage would have a checksum."""
    if isinstance(source, FolderStore):
        problems = verify(source.folder, watcher=watcher).problems
        if problems:
            raise FormatError(
                f"{source.place} must be undamaged to be copied. Got {len(problems)} problems, "
                f"the first in {problems[0].file}; hashlens check names them."
            )


def _make_like(source: Store, place: str | Path) -> Store:
    model = copying_model(source.saved_model)
    make_store(place, NewCollection(source.n_bits, source.n_features, source.keeps_pictures, model))
    to = open_store(place)
    _check_alike(source, to)
    return to


@contextmanager
def _in_reach(store: Store) -> Iterator[None]:
    """Raise HashlensError at the end of the block unless all items were in reach in it."""
    with store.view() as view:
        yield
        if not view.is_whole():
            raise HashlensError(
                f"{store.place} must answer with all of its items. Got an answer without those "
                f"that are out of reach for now: the same command goes on once they are back."
            )


def _excess(source: Store, ids: NDArray[np.int64], to: Store, prune: bool) -> list[int]:
    """Ids of items that the source has not; InputError if they are not to be removed."""
    excess: list[int] = np.setdiff1d(to.select(None), ids, assume_unique=True).tolist()
    if excess and not prune:
        item = to.look_up(excess[:1])[0]
        has = f"{len(excess)} other items, such as {item.id}, {printable(item.path)}"
        wanted = f"new, or a copy of {source.place}; prune takes other items away"
        raise refuse("destination", wanted, words(f"{to.place} with {has}"))
    return excess


class _Sides(NamedTuple):
    """What is copied, and to where; `total` items."""

    reading: Reading
    to: Store
    receiver: Receiver
    total: int

    def lacking_picture(self, item: Record) -> bytes | None:
        """Read the picture of an item, if one is kept that the copy has not."""
        content = item.content_hash
        if item.has_file or self.receiver.has_picture(content):
            return None
        return self.reading.kept_picture(content)


class _Copying:
    """Writes what lacks or differs, in batches that are small in memory."""

    def __init__(self, sides: _Sides, watcher: Watcher) -> None:
        self.sides = sides
        self._watcher = watcher
        self._keeps_pictures = sides.to.keeps_pictures
        self._waiting: list[Row] = []
        self._pictures: dict[bytes, bytes] = {}
        self.written = self.changed = self.already = self.n_pictures = 0

    def run(self) -> None:
        self._watcher.stage(f"copying to {self.sides.to.place}", self.sides.total)
        for row, there in _told(self.sides, self._watcher):
            if row is not None:
                self._take(row, there)
        self._write()

    def _take(self, row: Row, there: Row | None) -> None:
        is_same = there is not None and difference(row, there) is None
        picture = None
        if self._keeps_pictures and row.item.content_hash not in self._pictures:
            picture = self.sides.lacking_picture(row.item)
        if is_same and picture is None:
            self.already += 1
            return
        self._waiting.append(row)
        if picture is not None:
            self._pictures[row.item.content_hash] = picture
        if there is None:
            self.written += 1
        else:
            self.changed += 1
        if len(self._waiting) >= BATCH or sum(map(len, self._pictures.values())) >= PICTURE_BYTES:
            self._write()

    def _write(self) -> None:
        rows = self._waiting
        if not rows:
            return
        self.sides.receiver.put(gathered(rows), list(self._pictures.items()))
        self.n_pictures += len(self._pictures)
        self._waiting, self._pictures = [], {}


def _first_difference(sides: _Sides, watcher: Watcher) -> str | None:
    """Read both collections to the end, and say in what they differ first."""
    watcher.stage("comparing", sides.total)
    keeps_pictures = sides.to.keeps_pictures
    for row, there in _told(sides, watcher):
        if row is None:
            return None if there is None else f"item {there.item.id}, which the other has not"
        if there is None:
            return f"no item {row.item.id}"
        what = difference(row, there)
        if what is not None:
            return f"item {row.item.id} with another {what}"
        if keeps_pictures and sides.lacking_picture(row.item) is not None:
            return f"item {row.item.id} without its picture"
    return None


def _told(sides: _Sides, watcher: Watcher) -> Iterator[tuple[Row | None, Row | None]]:
    """Go through both, as `joined` does, and tell how far it is."""
    with closing(joined(sides.reading, sides.to)) as pairs:
        for done, pair in enumerate(pairs):
            yield pair
            if done % BATCH == 0:
                watcher.advance(min(done, sides.total), sides.total)
    watcher.advance(sides.total, sides.total)


def _not_alike(source: Store, to: Store, problem: str, has_changed: bool) -> HashlensError:
    if has_changed:
        return HashlensError(
            f"{source.place} must stay as it is while it is copied. Got changes meanwhile: "
            f"the same command again copies them."
        )
    return HashlensError(f"{to.place} must hold what {source.place} holds. Got {problem}.")
