"""The engine that keeps a collection on a Milvus server."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.adding import Adder, AddOptions, AddReport, add_report
from hashlens.collection.expression import read_expression
from hashlens.collection.incoming import Incoming
from hashlens.collection.items import Item, no_item
from hashlens.collection.metadata import Metadata
from hashlens.collection.milvus import layout
from hashlens.collection.milvus.changing import prune, remove, update_rows
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.counting import count, sample_codes
from hashlens.collection.milvus.filters import translate
from hashlens.collection.milvus.health import check_whole
from hashlens.collection.milvus.holding import Holdable
from hashlens.collection.milvus.known import MilvusKnown
from hashlens.collection.milvus.layout import Facts, StoredFile
from hashlens.collection.milvus.making import make_whole
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.model_cache import ModelCache
from hashlens.collection.milvus.reading import (
    ITEM_FIELDS,
    as_item,
    read_records,
    rows_by_id,
    rows_where,
    stream,
)
from hashlens.collection.milvus.receiving import MilvusReceiver
from hashlens.collection.milvus.target import writing_to
from hashlens.collection.milvus.url import read_url
from hashlens.collection.milvus.view import MilvusView, select_ids
from hashlens.collection.milvus.writing import MilvusWriter
from hashlens.collection.new import NewCollection
from hashlens.collection.records import Records
from hashlens.collection.sorting import is_gone
from hashlens.collection.stats import Stats
from hashlens.collection.store import Receiver, Store, View
from hashlens.collection.updating import UpdateReport
from hashlens.errors import ImageError, InputError
from hashlens.model import Model
from hashlens.model_store import read_card
from hashlens.watcher import Watcher


class MilvusStore(Store):
    """A collection on a server, by the connection to it.

    Parameters
    ----------
    connection : Connection
    facts : Facts
    """

    def __init__(self, connection: Connection, facts: Facts) -> None:
        self._connection = connection
        self._facts = facts
        self._meta = Meta(connection)
        self._models = ModelCache(facts, self._file)
        self.place, self.name = connection.place, connection.items
        self.n_bits, self.n_features = facts.n_bits, facts.n_features

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the collection that a URL names.

        Raises
        ------
        InputError
            If it is no such URL, or there is no collection.
        UnreachableError
            If the server does not answer.
        """
        connection = Connection(read_url(url))
        return cls(connection, layout.open_facts(connection))

    @staticmethod
    def exists(url: str) -> bool:
        """Tell whether there is a collection, or something that is in the way of one."""
        return layout.is_taken(Connection(read_url(url)))

    @staticmethod
    def check_free(url: str) -> None:
        """Raise InputError unless a collection may be made."""
        layout.check_free(Connection(read_url(url)))

    @staticmethod
    def make(url: str, new: NewCollection) -> None:
        """Make an empty collection, whole or not at all; see `make_store`.

        Raises
        ------
        InputError
            If there is one.
        BusyError
            If someone else is making it.
        """
        make_whole(Connection(read_url(url)), new)

    @property
    def n_items(self) -> int:
        """How many items there are now."""
        return self._connection.count(self._connection.items)

    @property
    def revision(self) -> int:
        """Number of the last commit."""
        return self._meta.revision()

    @property
    def next_id(self) -> int:
        """The least id that the next new item may get."""
        return self._meta.numbers("next_id")[0]

    @property
    def keeps_pictures(self) -> bool:
        """Whether images without a file of their own are kept."""
        return self._facts.keep_pictures

    @property
    def card(self) -> dict[str, Any]:
        """What the model's ``model.json`` says."""
        return read_card(self._models.with_card())

    @property
    def saved_model(self) -> Path:
        """A folder of this machine with the files of the model."""
        return self._models.with_model()

    def load_model(self) -> Model:
        """Load the model, from this machine if it was loaded here before."""
        return Model.load(self.saved_model)

    def _file(self, name: str, said: StoredFile) -> bytes:
        return self._meta.file(name, *said)

    def _condition(self, where: str | None) -> str:
        if where is None:
            return ""
        keys = self._meta.known_keys()
        try:
            return translate(read_expression(where), keys, self._is_any)
        except InputError:
            check_whole(self._connection)  # a name may be unknown because it is out of reach
            raise

    def _is_any(self, where: str) -> bool:
        """Tell whether an expression of Milvus is true of any item."""
        connection = self._connection
        return connection.count(connection.items, where, consistency=connection.consistency) > 0

    @contextmanager
    def view(self, where: str | None = None) -> Iterator[View]:
        """Look at the items as they are; at those only for which an expression is true."""
        yield MilvusView(self._connection, self._facts, self._condition(where))

    def select(self, where: str | None, first: int = 0, n: int | None = None) -> NDArray[np.int64]:
        """Ids of the items for which an expression is true, ascending; n of them from `first`."""
        found = select_ids(self._connection, self._condition(where), first, n)
        check_whole(self._connection)
        return found

    def look_up(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked; what is no item is left out."""
        wanted = [int(item_id) for item_id in ids]
        known = (item_id for item_id in wanted if abs(item_id) < 2**63)
        rows = rows_by_id(self._connection, self._connection.items, known, ITEM_FIELDS)
        if len(rows) < len(set(wanted)):
            check_whole(self._connection)
        return [as_item(rows[item_id]) for item_id in wanted if item_id in rows]

    def with_content(self, content_hash: bytes) -> list[Item]:
        """Read the items whose bytes have this SHA-256, by ascending id."""
        items = self._connection.items
        rows = rows_where(
            self._connection, items, "content_hash", [content_hash.hex()], ITEM_FIELDS
        )
        return sorted(map(as_item, rows), key=lambda item: item.id)

    def picture(self, item_id: int) -> Path | bytes:
        """Find the picture of an item: its file, or the bytes that are kept."""
        fields = ("path", "has_file", "content_hash")
        row = rows_by_id(self._connection, self._connection.items, [item_id], fields).get(item_id)
        if row is None:
            check_whole(self._connection)
            raise no_item(item_id)
        if row["has_file"] and not is_gone(row["path"]):
            return Path(row["path"])
        kept = self.kept_picture(bytes.fromhex(row["content_hash"]))
        if kept is not None:
            return kept
        why = "is gone" if row["has_file"] else "has no file, and no copy of it is kept"
        raise ImageError(row["path"], why)

    def kept_picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; None if there is none of this content."""
        return self._meta.picture(content_hash)

    def stats(self) -> Stats:
        """Count what the collection holds."""
        return count(self._connection, self._facts)

    def sample_codes(self, n: int) -> Codes:
        """Codes of all items, or of n drawn among them where there are more."""
        return sample_codes(self._connection, self._facts, n)

    def add(self, incoming: Incoming, options: AddOptions, watcher: Watcher) -> AddReport:
        """Add images; BusyError if someone else is writing.

        What Milvus cannot hold, such as a path that is no valid Unicode, is skipped.
        """
        started = time.monotonic()
        with writing_to(self._connection, self._facts) as target:
            known = MilvusKnown(target)
            held = Holdable(incoming)
            writer = MilvusWriter(target, known, held)
            found = Adder(known, writer, held, options.strict, watcher).run()
            pruned = 0 if options.pruned is None else prune(target, options.pruned)
            if options.metadata is not None:
                update_rows(target, options.metadata)
        return add_report(found, pruned, time.monotonic() - started)

    def remove(self, ids: Sequence[int] | None, where: str | None) -> int:
        """Remove the items of these ids, or those for which `where` is true; all or none."""
        with writing_to(self._connection, self._facts) as target:
            if ids is None:  # all of them, also where reads are bounded
                rows = stream(
                    self._connection, self._connection.items, ["id"], self._condition(where)
                )
                ids = [int(row["id"]) for some in rows for row in some]
                check_whole(self._connection)
            return remove(target, ids)

    def update(self, metadata: Metadata) -> UpdateReport:
        """Write labels and other values of items."""
        with writing_to(self._connection, self._facts) as target:
            return update_rows(target, metadata)

    def records(self, after: int = -1) -> Iterator[Records]:
        """Read all there is of the items whose id is greater, as it is at the time."""
        return read_records(self._connection, self._facts, after)

    @contextmanager
    def receiving(self) -> Iterator[Receiver]:
        """Hold the right to write items of another collection."""
        with writing_to(self._connection, self._facts) as target:
            yield MilvusReceiver(target)
            target.count_anew()
