"""Adding images: what is new is encoded and written, batch after batch."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.catalogue import as_stored
from hashlens.collection.rows import RowFile
from hashlens.collection.schema import transaction
from hashlens.collection.snapshot import unit_rows
from hashlens.collection.sorting import sort_out
from hashlens.collection.sources import Candidate, look_at
from hashlens.data import Dataset, Images, Skipped
from hashlens.errors import ImageError
from hashlens.model import Embedding, Model
from hashlens.watcher import Watcher

CHUNK = 4096
"""Images that are looked at before any of them is encoded."""

BATCH = 256
"""Rows that are written in one transaction: about as many an interrupted add can lose."""

_ENCODED_AT_ONCE = 64
_WORKERS = 2

_UPSERT = """
INSERT INTO items (path, content_hash, label, row) VALUES (?, ?, ?, ?)
ON CONFLICT (path) WHERE state = 'live' DO UPDATE SET
    content_hash = excluded.content_hash,
    label = COALESCE(excluded.label, label),
    row = excluded.row
"""

Embed = Callable[[Images, NDArray[np.int64], bool], Iterator[Embedding]]
"""``embed(images, ids, strict)`` embeds the images with these numbers; `kept` numbers `ids`."""


@dataclass(frozen=True)
class AddReport:
    """What became of the images given to `Collection.add`.

    Attributes
    ----------
    added : int
        New items, and items whose file has changed.
    already : int
        Images that were items before, with the same content.
    skipped : tuple of Skipped
        Name and reason of each image that could not be read.
    seconds : float
    """

    added: int
    already: int
    skipped: tuple[Skipped, ...]
    seconds: float

    @property
    def n_images(self) -> int:
        """How many images were looked at."""
        return self.added + self.already + len(self.skipped)


class Target(NamedTuple):
    """Where items go: the open catalogue, the two files, and how many rows they hold."""

    db: sqlite3.Connection
    codes: RowFile
    features: RowFile | None
    n_rows: int


@dataclass
class _Batch:
    """Rows that wait to be written, and the items that will point to rows."""

    embeddings: list[Embedding] = field(default_factory=list)
    items: list[tuple[Candidate, int]] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        return sum(len(each.codes) for each in self.embeddings)


def embed_with(model: Callable[[], Model]) -> Embed:
    """Embed with a model, decoding ahead of the network; it is asked for when there is work."""

    def embed(images: Images, ids: NDArray[np.int64], strict: bool) -> Iterator[Embedding]:
        chosen = images.subset(ids)
        return model().iter_embed(chosen, batch_size=_ENCODED_AT_ONCE, strict=strict)

    return embed


class Adder:
    """Adds one data set to a collection whose writer lock is held.

    The order of writes keeps the promise that only what is committed exists: codes and features
    go down to the disk first, then one transaction adds the items that point to them.

    Parameters
    ----------
    target : Target
    data : Dataset
    embed : Embed
    strict : bool
        Raise at the first bad image; what is committed by then stays.
    watcher : Watcher
    """

    def __init__(
        self, target: Target, data: Dataset, embed: Embed, *, strict: bool, watcher: Watcher
    ) -> None:
        self._target = target
        self._data = data
        self._embed = embed
        self._strict = strict
        self._watcher = watcher
        self._n_rows = target.n_rows
        self._added = self._already = 0
        self._skipped: list[Skipped] = []
        self._started = time.monotonic()

    def run(self) -> AddReport:
        """Add all of the data set."""
        self._watcher.stage(f"adding {self._data.name}", len(self._data))
        with ThreadPoolExecutor(_WORKERS) as pool:
            for start in range(0, len(self._data), CHUNK):
                chunk = range(start, min(start + CHUNK, len(self._data)))
                self._add_chunk(list(pool.map(self._look, chunk)))
        seconds = time.monotonic() - self._started
        return AddReport(self._added, self._already, tuple(self._skipped), seconds)

    def _look(self, position: int) -> Candidate | Skipped:
        try:
            return look_at(self._data, position)
        except ImageError as error:
            if self._strict:
                raise
            return Skipped(error.name, error.reason)

    def _add_chunk(self, seen: Sequence[Candidate | Skipped]) -> None:
        self._skipped += [each for each in seen if isinstance(each, Skipped)]
        found = sort_out(self._target.db, [each for each in seen if isinstance(each, Candidate)])
        self._skip(found.clashing, "has the name of an image before it")
        self._already += found.already + len(found.relabelled)
        self._added += len(found.known)
        self._write(_Batch(items=[*found.relabelled, *found.known]))
        self._tell()
        self._encode(found.new)

    def _encode(self, new: Mapping[bytes, Sequence[Candidate]]) -> None:
        groups = list(new.values())  # of images with the same bytes: the first is encoded for all
        ids = np.array([group[0].position for group in groups], np.int64)
        if len(ids) == 0:
            return
        missing = np.ones(len(ids), bool)
        reasons: list[str] = []
        batch = _Batch()
        for part in self._embed(self._data.images, ids, self._strict):
            missing[part.kept] = False
            reasons += [skipped.reason for skipped in part.skipped]
            self._gather(batch, part, groups)
            if batch.n_rows >= BATCH:
                self._write(batch)
                batch = _Batch()
        self._write(batch)
        for i, reason in zip(np.flatnonzero(missing), reasons, strict=True):
            self._skip(groups[i], reason)
        self._tell()

    def _gather(
        self, batch: _Batch, part: Embedding, groups: Sequence[Sequence[Candidate]]
    ) -> None:
        first_row = self._n_rows + batch.n_rows
        batch.embeddings.append(part)
        for row, i in enumerate(part.kept, first_row):
            batch.items += [(candidate, row) for candidate in groups[i]]
            self._added += len(groups[i])
        self._tell()

    def _skip(self, candidates: Sequence[Candidate], reason: str) -> None:
        names = [self._data.images.name(each.position) for each in candidates]
        self._skipped += [Skipped(name, reason) for name in names]

    def _write(self, batch: _Batch) -> None:
        if not batch.items:
            return
        rows = self._append(batch.embeddings) if batch.n_rows else None
        items = [
            (as_stored(c.path), c.content_hash, c.label and as_stored(c.label), row)
            for c, row in batch.items
        ]
        db = self._target.db
        with transaction(db):
            if rows is not None:
                db.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", rows)
            db.executemany(_UPSERT, items)
            db.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
        self._n_rows += batch.n_rows

    def _append(self, embeddings: Sequence[Embedding]) -> tuple[int, int, bytes, bytes | None]:
        """Write rows to the files; give what the catalogue is to say of them."""
        codes = np.concatenate([each.codes for each in embeddings])
        self._target.codes.append(codes, self._n_rows)
        checksum = None
        if self._target.features is not None:
            vectors = np.concatenate([each.features for each in embeddings])
            stored = unit_rows(vectors).astype("<f2")
            self._target.features.append(stored, self._n_rows)
            checksum = hashlib.sha256(stored.tobytes()).digest()
        return self._n_rows, len(codes), hashlib.sha256(codes.tobytes()).digest(), checksum

    def _tell(self) -> None:
        done = self._added + self._already + len(self._skipped)
        rate = done / max(time.monotonic() - self._started, 1e-3)
        note = f"{rate:.0f} images/s" + (f", {len(self._skipped)} skipped" * bool(self._skipped))
        self._watcher.advance(done, len(self._data), note)
