"""Queries to codes and features: what the collection knows is not encoded again."""

from collections.abc import Callable, Sequence
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Codes, code_size
from hashlens.collection.catalogue import row_of_content
from hashlens.collection.snapshot import Snapshot, unit_rows
from hashlens.collection.sources import content_hash
from hashlens.data import Images, as_images
from hashlens.model import Model

Encoded = tuple[Codes, NDArray[np.float32] | None]

_ENCODED_AT_ONCE = 64


def encode_queries(
    queries: Sequence[object], snapshot: Snapshot, db: Connection, model: Callable[[], Model]
) -> Encoded:
    """Find the code, and the features where they are stored, of each query.

    Parameters
    ----------
    queries : sequence of int, path, bytes or uint8 array (h, w, c)
        An int is the id of an item. An image whose bytes are those of an item takes its code: so
        an item finds itself at distance 0, whatever batch it was encoded in.
    snapshot : Snapshot
    db : Connection
        In the same commit as the snapshot.
    model : callable
        Gives the model; asked only if there is something to encode.

    Returns
    -------
    codes : uint8 (n_queries, ceil(n_bits / 8))
    vectors : float32 (n_queries, d), rows of length 1, or None

    Raises
    ------
    ImageError
        If an image cannot be read.
    InputError
        If a query is none of these, or no item has the id.
    """
    rows = np.full(len(queries), -1, np.int64)
    images: dict[int, Images] = {}
    for i, query in enumerate(queries):
        if isinstance(query, int | np.integer):
            rows[i] = snapshot.row_of(int(query) if not isinstance(query, bool) else query)
            continue
        image = _one_image(query)
        row = row_of_content(db, content_hash(image, 0))
        if row is None:
            images[i] = image
        else:
            rows[i] = row
    return _gathered(rows, images, snapshot, model)


def _one_image(query: object) -> Images:
    images = as_images(query)
    if len(images) != 1:
        raise refuse("query", "one image; give several to search_many", len(images))
    return images


def _gathered(
    rows: NDArray[np.int64],
    images: dict[int, Images],
    snapshot: Snapshot,
    model: Callable[[], Model],
) -> Encoded:
    codes = np.empty((len(rows), code_size(snapshot.n_bits)), np.uint8)
    stored = rows >= 0
    codes[stored] = snapshot.codes[rows[stored]]
    vectors = None
    if snapshot.features is not None:
        vectors = np.empty((len(rows), snapshot.features.shape[1]), np.float32)
        vectors[stored] = snapshot.features[rows[stored]]
    places = list(images)
    for start in range(0, len(places), _ENCODED_AT_ONCE):
        part = places[start : start + _ENCODED_AT_ONCE]
        preprocessing = model().preprocessing
        pixels = np.stack([preprocessing.apply(images[i].read(0)) for i in part])
        embedding = model().embed_pixels(pixels)
        codes[part] = embedding.codes
        if vectors is not None:
            vectors[part] = unit_rows(embedding.features)
    return codes, vectors
