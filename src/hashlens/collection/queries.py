"""Queries to codes and features: what the collection knows is not encoded again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Code, Codes, code_size
from hashlens.collection.items import check_item_id
from hashlens.collection.store import Rows, View
from hashlens.vectors import unit_rows

if TYPE_CHECKING:
    from hashlens.data import Images
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


def encode_queries(queries: Sequence[object], view: View, model: "Callable[[], Model]") -> Queries:
    """Find the code, and the features where they are stored, of each query.

    Parameters
    ----------
    queries : sequence of int, path, bytes, uint8 array (h, w, c), or Code
        An int is the id of an item. An image whose bytes are those of an item takes its code: so
        an item finds itself at distance 0, whatever batch it was encoded in.
    view : View
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
    found = _Found(queries, view)
    found.look_up(view)
    found.encode(model)
    return Queries(found.codes, found.vectors, found.items)


class _Found:
    """What is known of each query, and the images that are to be encoded."""

    def __init__(self, queries: Sequence[object], view: View) -> None:
        n = len(queries)
        self._n_bits = view.n_bits
        self._images: dict[int, Images] = {}
        self.codes = np.zeros((n, code_size(view.n_bits)), np.uint8)
        self.items = np.full(n, NO_ITEM, np.int64)
        self.vectors: NDArray[np.float32] | None = None
        if view.n_features:
            self.vectors = np.full((n, view.n_features), np.nan, np.float32)
        for i, query in enumerate(queries):
            self._take(i, query)

    def _take(self, i: int, query: object) -> None:
        if isinstance(query, Code):
            if query.n_bits != self._n_bits:
                wanted = f"of {self._n_bits} bits, as those of the collection"
                raise refuse("code", wanted, query.n_bits)
            self.codes[i] = query.row
        elif isinstance(query, int | np.integer):
            self.items[i] = check_item_id(query)
        else:
            self._images[i] = _one_image(query)

    def look_up(self, view: View) -> None:
        """Take what the collection knows."""
        by_id = np.flatnonzero(self.items != NO_ITEM)
        if len(by_id):
            self._put(by_id, view.rows_of_items(self.items[by_id].tolist()))
        if self._images:
            from hashlens.data.content import content_hash

            hashes = [content_hash(image, 0) for image in self._images.values()]
            rows, places = view.rows_of_contents(hashes)
            known = np.array(list(self._images))[places >= 0]
            self._put(known, _at(rows, places[places >= 0]))
            for i in known.tolist():
                del self._images[i]

    def _put(self, places: NDArray[np.int64], rows: Rows) -> None:
        self.codes[places] = rows.codes
        if self.vectors is not None and rows.vectors is not None:
            self.vectors[places] = rows.vectors

    def encode(self, model: "Callable[[], Model]") -> None:
        """Encode the images that nothing is known of."""
        places = list(self._images)
        for start in range(0, len(places), _ENCODED_AT_ONCE):
            part = places[start : start + _ENCODED_AT_ONCE]
            preprocessing = model().preprocessing
            pixels = np.stack([self._images[i].prepared(0, preprocessing) for i in part])
            embedding = model().embed_pixels(pixels)
            self.codes[part] = embedding.codes
            if self.vectors is not None:
                self.vectors[part] = unit_rows(embedding.features)


def _at(rows: Rows, places: NDArray[np.int64]) -> Rows:
    return Rows(rows.codes[places], None if rows.vectors is None else rows.vectors[places])


def _one_image(query: object) -> "Images":
    from hashlens.data import as_images

    images = as_images(query)
    if len(images) != 1:
        raise refuse("query", "one image; give several to search_many", len(images))
    return images
