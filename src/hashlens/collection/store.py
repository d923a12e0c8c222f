"""What an engine of collections does: one keeps them in folders, another on Milvus."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.adding import AddOptions, AddReport
from hashlens.collection.incoming import Incoming
from hashlens.collection.items import Item
from hashlens.collection.metadata import Metadata
from hashlens.collection.records import Records
from hashlens.collection.stats import Stats
from hashlens.collection.updating import UpdateReport
from hashlens.model import Model
from hashlens.neighbors import Neighbors
from hashlens.watcher import Watcher


class Rows(NamedTuple):
    """What is stored of some images, for them to be searched by.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    vectors : float32 (n, d), of length 1; None where features are not stored
    """

    codes: Codes
    vectors: NDArray[np.float32] | None


class View(ABC):
    """The items that a search may find, as they are at one moment.

    Attributes
    ----------
    revision : int
        Number of the last commit.
    n_items : int
        Of the collection, be they found by a filter or not.
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    """

    revision: int
    n_items: int
    n_bits: int
    n_features: int

    @abstractmethod
    def nearest(self, codes: Codes, k: int) -> Neighbors:
        """Find the k nearest of the items that may be found: by distance, then id."""

    @abstractmethod
    def rows_of_items(self, ids: Sequence[int]) -> Rows:
        """Read what is stored of items; InputError if one is not there."""

    @abstractmethod
    def rows_of_contents(self, hashes: Sequence[bytes]) -> tuple[Rows, NDArray[np.int64]]:
        """Read what is stored of images, by the SHA-256 of their bytes.

        Returns
        -------
        rows : Rows
        places : int64 (len(hashes),)
            Where among the rows each is; -1 for bytes that no item has.
        """

    @abstractmethod
    def features(self, near: Neighbors) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """Read the feature vectors of items that were found.

        Returns
        -------
        vectors : float16 (n, d), rows of length 1
        places : int64, of the shape of the ids
            Where among the vectors each item's is; `MISSING_ID` where none was found.
        """

    @abstractmethod
    def codes_of(self, ids: NDArray[np.int64]) -> Codes:
        """Read the codes of items that were found."""

    @abstractmethod
    def items(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked; what is no item is left out."""

    @abstractmethod
    def is_whole(self) -> bool:
        """Tell whether all items that are stored were looked at, and not only those in reach."""


class Receiver(Protocol):
    """Writes items of another collection, under their ids; what is written is committed."""

    def put(self, records: Records, pictures: Sequence[tuple[bytes, bytes]]) -> None:
        """Write items, in place of what there is of these ids, and kept pictures by content."""

    def remove(self, ids: Sequence[int]) -> None:
        """Remove items."""

    def has_picture(self, content_hash: bytes) -> bool:
        """Tell whether a picture of this content is kept."""

    def reserve(self, next_id: int) -> None:
        """See to it that no new item gets an id below this one."""


class Reading:
    """A collection as a copy reads it, twice; here as it is at the time of each call.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: "Store") -> None:
        self._store = store

    @property
    def next_id(self) -> int:
        """As `Store.next_id`."""
        return self._store.next_id

    def ids(self) -> NDArray[np.int64]:
        """Ids of all items, ascending."""
        return self._store.select(None)

    def records(self) -> Iterator[Records]:
        """Read all there is of all items, by ascending id, in batches."""
        return self._store.records()

    def kept_picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; None if there is none of this content."""
        return self._store.kept_picture(content_hash)


class Store(ABC):
    """A collection in one engine. All methods may be called from several threads.

    Attributes
    ----------
    place : str
        Its path or URL, without a password, as it is shown.
    name : str
        The last part of it.
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    """

    place: str
    name: str
    n_bits: int
    n_features: int

    @property
    @abstractmethod
    def n_items(self) -> int:
        """How many items there are now."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """Number of the last commit."""

    @property
    @abstractmethod
    def next_id(self) -> int:
        """The least id that the next new item may get: above all that were ever given."""

    @property
    @abstractmethod
    def keeps_pictures(self) -> bool:
        """Whether images without a file of their own are kept."""

    @property
    @abstractmethod
    def card(self) -> dict[str, Any]:
        """What the model's ``model.json`` says."""

    @property
    @abstractmethod
    def saved_model(self) -> Path:
        """A folder on this machine with the files of the model, byte for byte."""

    @abstractmethod
    def load_model(self) -> Model:
        """Load the model; FormatError if a byte of it has changed."""

    @abstractmethod
    def view(self, where: str | None = None) -> AbstractContextManager[View]:
        """Look at the collection; at those items only for which an expression is true."""

    @abstractmethod
    def select(self, where: str | None, first: int = 0, n: int | None = None) -> NDArray[np.int64]:
        """Ids of the items for which an expression is true, ascending; n of them from `first` on.

        Raises
        ------
        InputError
            If `where` is no expression that this engine can answer.
        """

    @abstractmethod
    def look_up(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked; what is no item is left out."""

    @abstractmethod
    def with_content(self, content_hash: bytes) -> list[Item]:
        """Read the items whose bytes have this SHA-256, by ascending id."""

    @abstractmethod
    def picture(self, item_id: int) -> Path | bytes:
        """Find the picture of an item: its file, or the bytes that are kept."""

    @abstractmethod
    def kept_picture(self, content_hash: bytes) -> bytes | None:
        """Read a kept picture; None if there is none of this content."""

    @abstractmethod
    def stats(self) -> Stats:
        """Count what the collection holds."""

    @abstractmethod
    def sample_codes(self, n: int) -> Codes:
        """Codes of all items, or of n drawn among them where there are more."""

    @abstractmethod
    def add(self, incoming: Incoming, options: AddOptions, watcher: Watcher) -> AddReport:
        """Add images; BusyError if someone else is writing."""

    @abstractmethod
    def remove(self, ids: Sequence[int] | None, where: str | None) -> int:
        """Remove the items of these ids, or those for which `where` is true; all or none."""

    @abstractmethod
    def update(self, metadata: Metadata) -> UpdateReport:
        """Write labels and other values of items."""

    @abstractmethod
    def records(self, after: int = -1) -> Iterator[Records]:
        """Read all there is of the items whose id is greater, by ascending id, in batches."""

    @abstractmethod
    def receiving(self) -> AbstractContextManager[Receiver]:
        """Hold the right to write items of another collection; BusyError if someone else does."""

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Look at all items for as long as the block lasts, in one commit where that can be."""
        yield Reading(self)
