"""The engine that keeps a collection in a folder."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.adding import Adder, AddOptions, AddReport, add_report
from hashlens.collection.folder.batch import BatchWriter
from hashlens.collection.folder.catalogue import Catalogue, Meta, in_last_generation, read_meta
from hashlens.collection.folder.checking import check_collection
from hashlens.collection.folder.counting import count
from hashlens.collection.folder.filters import Masks, select_ids
from hashlens.collection.folder.items import picture_of_item, read_items
from hashlens.collection.folder.known import FolderKnown
from hashlens.collection.folder.pictures import (
    PictureFile,
    PictureRow,
    keeps_pictures,
    kept_picture,
)
from hashlens.collection.folder.records import count_items, ids_of_content, read_next_id
from hashlens.collection.folder.removing import prune, remove
from hashlens.collection.folder.snapshot import Snapshot, take_snapshot
from hashlens.collection.folder.target import writing_to
from hashlens.collection.folder.transfer import FolderReading, FolderReceiver, read_records
from hashlens.collection.folder.updating import update_rows
from hashlens.collection.folder.view import FolderView
from hashlens.collection.folder.writing import MODEL_FOLDER
from hashlens.collection.incoming import Incoming
from hashlens.collection.items import Item
from hashlens.collection.metadata import Metadata
from hashlens.collection.records import Records
from hashlens.collection.stats import Stats
from hashlens.collection.store import Reading, Receiver, Store, View
from hashlens.collection.updating import UpdateReport
from hashlens.model import Model
from hashlens.model_store import read_card
from hashlens.watcher import Watcher


class FolderStore(Store):
    """A collection's folder, and the last commit that was looked at.

    Parameters
    ----------
    folder : Path
        That of a collection that exists.

    Raises
    ------
    InputError
        If there is none.
    FormatError
        If a file is missing, damaged, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place, self.name = str(folder), folder.absolute().name
        self.catalogue = Catalogue(folder)
        meta = check_collection(folder)
        self.n_bits, self.n_features = meta.n_bits, meta.n_features
        self._latest: Snapshot | None = None
        self._looking = Lock()
        self._masks = Masks()

    @property
    def n_items(self) -> int:
        """How many items there are now."""
        with self.catalogue.reading() as db:
            return count_items(db)

    @property
    def revision(self) -> int:
        """Number of the last commit."""
        with self.catalogue.reading() as db:
            return read_meta(db, self.catalogue.path).revision

    @property
    def next_id(self) -> int:
        """The least id that the next new item may get."""
        with self.catalogue.reading() as db:
            return read_next_id(db)

    @property
    def keeps_pictures(self) -> bool:
        """Whether images without a file of their own are kept."""
        with self.catalogue.reading() as db:
            return keeps_pictures(db)

    @property
    def card(self) -> dict[str, Any]:
        """What the model's ``model.json`` says."""
        return read_card(self.saved_model)

    @property
    def saved_model(self) -> Path:
        """The folder of the model inside."""
        return self.folder / MODEL_FOLDER

    def load_model(self) -> Model:
        """Load the model; FormatError if a byte of it has changed."""
        return Model.load(self.saved_model)

    @contextmanager
    def seen(self) -> Iterator[tuple[Connection, Snapshot]]:
        """Give the catalogue and the snapshot of one commit, the last."""
        with self.catalogue.reading() as db:
            # Locked from its first look on: no thread puts an older commit in place of a newer.
            with self._looking:
                seen = in_last_generation(db, self.catalogue.path, partial(self._forward, db))
            yield db, seen

    def _forward(self, db: Connection, meta: Meta) -> Snapshot:
        latest = self._latest
        if latest is None or latest.revision != meta.revision:
            latest = take_snapshot(self.folder, db, meta, latest)
            self._latest = latest
        return latest

    @contextmanager
    def view(self, where: str | None = None) -> Iterator[View]:
        """Look at the last commit; at those items only for which an expression is true."""
        with self.seen() as (db, snapshot):
            mask = None if where is None else self._masks.mask(db, snapshot, where)
            yield FolderView(db, snapshot, mask)

    def select(self, where: str | None, first: int = 0, n: int | None = None) -> NDArray[np.int64]:
        """Ids of the items for which an expression is true, ascending; n of them from `first`."""
        stop = None if n is None else first + n
        if where is None:
            with self.seen() as (_, snapshot):
                return snapshot.ids[first:stop]
        with self.catalogue.reading() as db:
            return select_ids(db, where)[first:stop]

    def look_up(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked; what is no item is left out."""
        with self.catalogue.reading() as db:
            return list(read_items(db, ids))

    def with_content(self, content_hash: bytes) -> list[Item]:
        """Read the items whose bytes have this SHA-256, by ascending id."""
        with self.catalogue.reading() as db:
            return list(read_items(db, ids_of_content(db, content_hash)))

    def picture(self, item_id: int) -> Path | bytes:
        """Find the picture of an item: its file, or the bytes that are kept."""
        with self.catalogue.reading() as db:
            find = partial(picture_of_item, self.folder, db, item_id)
            return in_last_generation(db, self.catalogue.path, find)

    def kept_picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; None if there is none of this content."""
        with self.catalogue.reading() as db:
            row = kept_picture(db, content_hash)
            if row is None:
                return None
            read = partial(self._read_picture, row)
            return in_last_generation(db, self.catalogue.path, read)

    def _read_picture(self, row: PictureRow, meta: Meta) -> bytes:
        return PictureFile(self.folder, meta.generation).read(row)

    def stats(self) -> Stats:
        """Count what the collection holds."""
        with self.catalogue.reading() as db:
            return count(db, self.folder, read_meta(db, self.catalogue.path))

    def sample_codes(self, n: int) -> Codes:
        """Codes of all items, or of n drawn among them where there are more."""
        with self.seen() as (_, snapshot):
            rows = snapshot.rows
            if len(rows) > n:
                drawn = np.random.default_rng(0).choice(len(rows), n, replace=False)
                rows = rows[np.sort(drawn)]
            return snapshot.codes[rows]

    def add(self, incoming: Incoming, options: AddOptions, watcher: Watcher) -> AddReport:
        """Add images; BusyError if another process is writing."""
        started = time.monotonic()
        with writing_to(self.folder) as target:
            writer = BatchWriter(target, incoming)
            adder = Adder(FolderKnown(target.db), writer, incoming, options.strict, watcher)
            found = adder.run()
            pruned = 0 if options.pruned is None else prune(target.db, options.pruned)
            if options.metadata is not None:
                update_rows(target.db, options.metadata)
        return add_report(found, pruned, time.monotonic() - started)

    def remove(self, ids: Sequence[int] | None, where: str | None) -> int:
        """Remove the items of these ids, or those for which `where` is true; all or none."""
        with writing_to(self.folder) as target:
            chosen = select_ids(target.db, where).tolist() if ids is None else ids
            return remove(target.db, chosen)

    def update(self, metadata: Metadata) -> UpdateReport:
        """Write labels and other values of items, all in one commit."""
        with writing_to(self.folder) as target:
            return update_rows(target.db, metadata)

    def records(self, after: int = -1) -> Iterator[Records]:
        """Read all there is of the items whose id is greater, in one commit."""
        with self.seen() as (db, snapshot):
            yield from read_records(db, snapshot, after)

    @contextmanager
    def receiving(self) -> Iterator[Receiver]:
        """Hold the right to write items of another collection."""
        with writing_to(self.folder) as target:
            yield FolderReceiver(target)

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Look at all items in one commit, the last, for as long as the block lasts."""
        with self.seen() as (db, snapshot):
            yield FolderReading(self, db, snapshot)
