"""Adding images: what is new is encoded and written, batch after batch."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.catalogue import as_stored, item_at, row_of_content
from hashlens.collection.rows import RowFile
from hashlens.collection.schema import transaction
from hashlens.collection.snapshot import unit_rows
from hashlens.collection.sources import Candidate, look_at
from hashlens.data import Dataset, Images, Skipped
from hashlens.errors import ImageError
from hashlens.model import Embedding, Model
from hashlens.training import Watcher

CHUNK = 4096
"""Images that are looked at before any of them is encoded."""

BATCH = 256
"""Rows written in one transaction, at least; an interrupted add loses no more than about these."""

_ENCODED_AT_ONCE = 64
_WORKERS = 2

# Embed the images with these numbers; `kept` numbers them from 0.
Embed = Callable[[Images, NDArray[np.int64], bool], Iterator[Embedding]]

_UPSERT = """
INSERT INTO items (path, content_hash, label, row) VALUES (?, ?, ?, ?)
ON CONFLICT (path) WHERE state = 'live' DO UPDATE SET
    content_hash = excluded.content_hash,
    label = COALESCE(excluded.label, label),
    row = excluded.row
"""


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
    """Where the rows go: the open catalogue, and the two files."""

    db: sqlite3.Connection
    codes: RowFile
    features: RowFile | None
    n_rows: int


def embed_with(model: Model) -> Embed:
    """Embed with a model, decoding ahead of the network."""

    def embed(images: Images, ids: NDArray[np.int64], strict: bool) -> Iterator[Embedding]:
        chosen = images.subset(ids)
        return model.iter_embed(chosen, batch_size=_ENCODED_AT_ONCE, strict=strict)

    return embed


class Adder:
    """Adds one data set to a collection whose writer lock is held.

    The order of writes keeps the promise that only what is committed exists: codes and features
    go to the disk first, then one transaction adds the items that point to them.

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
        self.target = target
        self.data = data
        self.embed = embed
        self.strict = strict
        self.watcher = watcher
        self.n_rows = target.n_rows
        self.added = self.already = 0
        self.skipped: list[Skipped] = []
        self.started = time.monotonic()

    def run(self) -> AddReport:
        """Add all of the data set."""
        self.watcher.stage(f"adding {self.data.name}", len(self.data))
        with ThreadPoolExecutor(_WORKERS) as pool:
            for start in range(0, len(self.data), CHUNK):
                chunk = range(start, min(start + CHUNK, len(self.data)))
                self._add_chunk(list(pool.map(self._look, chunk)))
        seconds = time.monotonic() - self.started
        return AddReport(self.added, self.already, tuple(self.skipped), seconds)

    def _look(self, position: int) -> Candidate | Skipped:
        try:
            return look_at(self.data, position)
        except ImageError as error:
            if self.strict:
                raise
            return Skipped(error.name, error.reason)

    def _add_chunk(self, found: Sequence[Candidate | Skipped]) -> None:
        self.skipped += [each for each in found if isinstance(each, Skipped)]
        candidates = [each for each in found if isinstance(each, Candidate)]
        sorted_out = self._sort_out(candidates)
        self._write(_Batch(items=sorted_out.known))
        self._report()
        self._encode(sorted_out.new)

    def _sort_out(self, candidates: Sequence[Candidate]) -> "_SortedOut":
        """Tell what the catalogue knows from what has to be encoded."""
        result = _SortedOut()
        paths: dict[str, bytes] = {}
        for candidate in candidates:
            earlier = paths.setdefault(candidate.path, candidate.content_hash)
            there = item_at(self.target.db, candidate.path)
            row = None if there else row_of_content(self.target.db, candidate.content_hash)
            if paths[candidate.path] != candidate.content_hash:
                reason = "has the name of an image before it"
                self.skipped.append(Skipped(self.data.images.name(candidate.position), reason))
            elif there and there[0] == candidate.content_hash:
                self.already += 1
                if candidate.label not in (None, there[1]):
                    result.known.append((candidate, there[2]))
            del earlier, row
        return result

    def _encode(self, groups: dict[bytes, list[Candidate]]) -> None:
        raise NotImplementedError

    def _write(self, batch: "_Batch") -> None:
        raise NotImplementedError

    def _report(self) -> None:
        raise NotImplementedError
