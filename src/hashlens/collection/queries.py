"""Queries to codes and features: what the collection knows is not encoded again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Code, Codes, code_size
from hashlens.collection.records import check_item_id, row_of_content
from hashlens.collection.snapshot import Snapshot, unit_rows
from hashlens.data import Images, as_images
from hashlens.data.content import content_hash
from hashlens.model import Model

_ENCODED_AT_ONCE = 64
NO_ITEM = -1


@dataclass(frozen=True, eq=False)
class Queries:
    """Queries as codes and features, ready to be searched by.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    vectors : float32 (n, d), or None where the collection stores no features
        A row of NaN where a query is a code, of which the features are not known.
    items : int64 (n,), or None where no query is an item
        The item that a query names by its id; -1 for none.

    Examples
    --------
    >>> queries = Queries(np.array([[7], [1]], np.uint8), np.array([[1.0], [np.nan]], np.float32))
    >>> len(queries), queries.with_features
    (2, array([ True, False]))
    """

    codes: Codes
    vectors: NDArray[np.float32] | None
    items: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def with_features(self) -> NDArray[np.bool_]:
        """Which queries have features: bool (n,)."""
        if self.vectors is None:
            return np.zeros(len(self), bool)
        return np.array(~np.isnan(self.vectors).any(axis=1), bool)


def encode_queries(
    queries: Sequence[object], snapshot: Snapshot, db: Connection, model: Callable[[], Model]
) -> Queries:
    """Find the code, and the features where they are stored, of each query.

    Parameters
    ----------
    queries : sequence of int, path, bytes, uint8 array (h, w, c), or Code
        An int is the id of an item. An image whose bytes are those of an item takes its code: so
        an item finds itself at distance 0, whatever batch it was encoded in.
    snapshot : Snapshot
    db : Connection
        In the same commit as the snapshot.
    model : callable
        Gives the model; asked only if there is something to encode.

    Returns
    -------
    queries : Queries

    Raises
    ------
    ImageError
        If an image cannot be read.
    InputError
        If a query is none of these, no item has the id, or a code is of another length.
    """
    found = _Found(queries, snapshot, db)
    found.encode(model)
    return Queries(found.codes, found.vectors, found.items)


class _Found:
    """What is known of each query, and the images that are to be encoded."""

    def __init__(self, queries: Sequence[object], snapshot: Snapshot, db: Connection) -> None:
        n = len(queries)
        self._snapshot, self._db = snapshot, db
        self._images: dict[int, Images] = {}
        self.codes = np.zeros((n, code_size(snapshot.n_bits)), np.uint8)
        self.items = np.full(n, NO_ITEM, np.int64)
        self.vectors: NDArray[np.float32] | None = None
        if snapshot.features is not None:
            self.vectors = np.full((n, snapshot.features.shape[1]), np.nan, np.float32)
        for i, query in enumerate(queries):
            self._look(i, query)

    def _look(self, i: int, query: object) -> None:
        if isinstance(query, Code):
            if query.n_bits != self._snapshot.n_bits:
                wanted = f"of {self._snapshot.n_bits} bits, as those of the collection"
                raise refuse("code", wanted, query.n_bits)
            self.codes[i] = query.row
        elif isinstance(query, int | np.integer):
            self._take(i, self._snapshot.row_of(check_item_id(query)))
            self.items[i] = query
        else:
            image = _one_image(query)
            row = row_of_content(self._db, content_hash(image, 0))
            if row is None:
                self._images[i] = image
            else:
                self._take(i, row)

    def _take(self, i: int, row: int) -> None:
        self.codes[i] = self._snapshot.codes[row]
        if self.vectors is not None and self._snapshot.features is not None:
            self.vectors[i] = self._snapshot.features[row]

    def encode(self, model: Callable[[], Model]) -> None:
        places = list(self._images)
        for start in range(0, len(places), _ENCODED_AT_ONCE):
            part = places[start : start + _ENCODED_AT_ONCE]
            preprocessing = model().preprocessing
            pixels = np.stack([self._images[i].prepared(0, preprocessing) for i in part])
            embedding = model().embed_pixels(pixels)
            self.codes[part] = embedding.codes
            if self.vectors is not None:
                self.vectors[part] = unit_rows(embedding.features)


def _one_image(query: object) -> Images:
    images = as_images(query)
    if len(images) != 1:
        raise refuse("query", "one image; give several to search_many", len(images))
    return images
