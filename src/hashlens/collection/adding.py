"""Adding images: what is new is encoded and written, batch after batch."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashlens.collection.batch import Batch, Writer
from hashlens.collection.incoming import Encoded, Incoming
from hashlens.collection.metadata import Metadata
from hashlens.collection.sorting import Known, Outcome, Place, Sorter
from hashlens.data.skipped import Skipped
from hashlens.errors import ImageError
from hashlens.watcher import Watcher

if TYPE_CHECKING:
    from hashlens.data.candidates import Candidate

CHUNK = 4096
"""Images that are looked at before any of them is encoded."""

BATCH = 256
"""Rows that are written in one transaction: about as many an interrupted add can lose."""

_WORKERS = 2


@dataclass(frozen=True)
class AddReport:
    """What became of the images given to `Collection.add`.

    Attributes
    ----------
    added : int
        New items.
    changed : int
        Items whose file has other bytes now: encoded anew, under their id.
    moved : int
        Items whose file was gone and has turned up at another path: they keep their id.
    already : int
        Images that were items before, with the same content.
    pruned : int
        Items that were removed because their file is gone.
    skipped : tuple of Skipped
        Name and reason of each image that could not be read.
    seconds : float
    """

    added: int
    changed: int
    moved: int
    already: int
    pruned: int
    skipped: tuple[Skipped, ...]
    seconds: float

    @property
    def n_images(self) -> int:
        """How many images were looked at."""
        return self.added + self.changed + self.moved + self.already + len(self.skipped)


class AddOptions(NamedTuple):
    """How images are added.

    Attributes
    ----------
    strict : bool
        Raise at the first bad image; what is committed by then stays.
    pruned : Path, optional
        A folder: items below it are removed if their file is gone.
    metadata : Metadata, optional
        Written once all images are added.
    """

    strict: bool = False
    pruned: Path | None = None
    metadata: Metadata | None = None


class Adder:
    """Adds images to a collection, under the right to write to it.

    Parameters
    ----------
    known : Known
    writer : Writer
    incoming : Incoming
    strict : bool
        Raise at the first bad image.
    watcher : Watcher
    """

    def __init__(
        self, known: Known, writer: Writer, incoming: Incoming, strict: bool, watcher: Watcher
    ) -> None:
        self._writer = writer
        self._sorter = Sorter(known, keep_pictures=writer.keep_pictures)
        self._incoming = incoming
        self._strict = strict
        self._watcher = watcher
        self._counts: Counter[Outcome] = Counter()
        self._skipped: list[Skipped] = []
        self._started = time.monotonic()

    def run(self) -> tuple[Counter[Outcome], list[Skipped]]:
        """Add all images; give how many became what, and what was left out."""
        n_images = len(self._incoming)
        self._watcher.stage(f"adding {self._incoming.title}", n_images)
        with ThreadPoolExecutor(_WORKERS) as pool:
            share = pool.map if self._incoming.has_pictures else map  # others have nothing to read
            for start in range(0, n_images, CHUNK):
                chunk = range(start, min(start + CHUNK, n_images))
                self._add_chunk(list(share(self._look, chunk)))
        return self._counts, self._skipped

    def _look(self, position: int) -> "Candidate | Skipped":
        try:
            return self._incoming.candidate(position)
        except ImageError as error:
            if self._strict:
                raise
            return Skipped(error.name, error.reason)

    def _add_chunk(self, seen: "Sequence[Candidate | Skipped]") -> None:
        self._skipped += [each for each in seen if isinstance(each, Skipped)]
        candidates = [each for each in seen if not isinstance(each, Skipped)]
        found = self._sorter.sort_out(candidates)
        self._skip(found.clashing, "has the name of an image before it")
        self._counts["already"] += found.already
        self._counts.update(place.outcome for place, _ in found.known)
        for start in range(0, len(found.known), BATCH):
            self._writer.write(Batch(items=found.known[start : start + BATCH]))
        self._tell()
        self._encode(found.new)

    def _encode(self, new: Mapping[bytes, Sequence[Place]]) -> None:
        groups = list(new.values())  # of images with the same bytes: the first is encoded for all
        ids = np.array([group[0].candidate.position for group in groups], np.int64)
        if len(ids) == 0:
            return
        missing = np.ones(len(ids), bool)
        reasons: list[str] = []
        batch = Batch()
        for part in self._incoming.encode(ids, self._strict):
            missing[part.kept] = False
            reasons += part.reasons
            self._gather(batch, part, groups)
            self._tell(len(reasons))
            if batch.n_rows >= BATCH:
                self._writer.write(batch)
                batch = Batch()
        self._writer.write(batch)
        for i, reason in zip(np.flatnonzero(missing), reasons, strict=True):
            self._skip([place.candidate for place in groups[i]], reason)
        self._tell()

    def _gather(self, batch: Batch, part: Encoded, groups: Sequence[Sequence[Place]]) -> None:
        first_row = self._writer.n_rows + batch.n_rows
        batch.encoded.append(part)
        for row, i in enumerate(part.kept, first_row):
            batch.items += [(place, row) for place in groups[i]]
            self._counts.update(place.outcome for place in groups[i])

    def _skip(self, candidates: "Sequence[Candidate]", reason: str) -> None:
        names = [self._incoming.name(each.position) for each in candidates]
        self._skipped += [Skipped(name, reason) for name in names]

    def _tell(self, n_bad: int = 0) -> None:
        """Say how far it is; `n_bad` images are bad that `_skipped` does not name yet."""
        n_skipped = len(self._skipped) + n_bad
        done = self._counts.total() + n_skipped
        rate = done / max(time.monotonic() - self._started, 1e-3)
        note = f"{rate:.0f} images/s" + f", {n_skipped} skipped" * bool(n_skipped)
        self._watcher.advance(done, len(self._incoming), note)


def add_report(
    found: tuple[Counter[Outcome], list[Skipped]], pruned: int, seconds: float
) -> AddReport:
    """Put together what became of the images."""
    counts, skipped = found
    return AddReport(
        added=counts["added"],
        changed=counts["changed"],
        moved=counts["moved"],
        already=counts["already"],
        pruned=pruned,
        skipped=tuple(skipped),
        seconds=seconds,
    )
