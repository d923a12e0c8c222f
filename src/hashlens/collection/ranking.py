"""Hierarchical search: codes choose the candidates, features put them in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.queries import Queries
from hashlens.collection.store import View
from hashlens.neighbors import MISSING_ID, Neighbors
from hashlens.search import small
from hashlens.search.rerank.exact import cosine_distances

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Ask:
    """What is wanted of a search.

    Attributes
    ----------
    k : int
        Most items to find.
    radius : int, optional
        Only items within this distance, in bits.
    rerank : bool
        Order the nearest ``max(10 k, 100)`` items by their features, where a query has any.
    leave_out : bool
        Leave out the items that queries name.
    """

    k: int
    radius: int | None
    rerank: bool
    leave_out: bool = False

    @property
    def n_candidates(self) -> int:
        """How many items the codes choose."""
        return max(10 * self.k, 100) if self.rerank else self.k


class Ranked(NamedTuple):
    """Ids, distances and similarities of the items found for one query, best first."""

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]
    similarities: Floats | None
    reranked: bool

    def only(self, which: NDArray[np.bool_]) -> "Ranked":
        """Give some of them, in their order: those for which `which`, bool (n,), is true."""
        similar = None if self.similarities is None else self.similarities[which]
        return Ranked(self.ids[which], self.distances[which], similar, self.reranked)


def rank(view: View, queries: Queries, ask: Ask) -> Iterator[Ranked]:
    """Find the items nearest to each query.

    Yields
    ------
    ranked : Ranked
        One for each query; by distance, then id. If re-ranked: by similarity, then distance,
        then id.

    References
    ----------
    Hierarchical deep search: K. Lin et al., "Deep learning of binary hash codes for fast image
    retrieval", CVPR workshops 2015, section 3.2.
    """
    items = _left_out(queries, ask)[:, None]
    near = _first(_nearest(view, queries, ask, items), ask.n_candidates)
    similar = _similarities(view, queries, near)
    for i, known in enumerate(queries.with_features):
        there = near.found[i]
        found = similar[i, there] if known else None
        yield _ordered(near.ids[i, there], near.distances[i, there], found, ask)


def rank_together(view: View, queries: Queries, ask: Ask) -> Ranked:
    """Find the items nearest to any of the queries.

    An item is at the smallest of its distances to them, and as similar as to the one that it is
    most similar to. The order is that of `rank`.
    """
    items = np.tile(_left_out(queries, ask), (len(queries), 1))
    near = _nearest(view, queries, ask, items)
    found = near.found
    order = np.lexsort((near.distances[found], near.ids[found]))
    ids, first = np.unique(near.ids[found][order], return_index=True)
    distances = near.distances[found][order][first]
    nearest = np.lexsort((ids, distances))[: ask.n_candidates]
    ids, distances = ids[nearest], distances[nearest]
    known = queries.with_features
    if not known.any():
        return _ordered(ids, distances, None, ask)
    each = Neighbors(*(np.tile(row, (len(queries), 1)) for row in (distances, ids)))
    return _ordered(ids, distances, _similarities(view, queries, each)[known].max(axis=0), ask)


def _left_out(queries: Queries, ask: Ask) -> NDArray[np.int64]:
    if queries.items is None or not ask.leave_out:
        return np.full(len(queries), MISSING_ID)
    return queries.items


def _nearest(view: View, queries: Queries, ask: Ask, left_out: NDArray[np.int64]) -> Neighbors:
    """The nearest items by code; those that are left out, or too far, are missing."""
    to_spare = left_out.shape[1] if ask.leave_out else 0
    near = view.nearest(queries.codes, max(1, min(ask.n_candidates + to_spare, view.n_items)))
    missing = (near.ids[:, :, None] == left_out[:, None, :]).any(axis=2)
    if ask.radius is not None:
        missing |= near.distances > ask.radius
    return Neighbors(near.distances, np.where(missing, MISSING_ID, near.ids))


def _first(near: Neighbors, n: int) -> Neighbors:
    """Only the first n of each query that are not missing."""
    kept = near.found & (near.found.cumsum(axis=1) <= n)
    return Neighbors(near.distances, np.where(kept, near.ids, MISSING_ID))


def _similarities(view: View, queries: Queries, near: Neighbors) -> Floats:
    """Cosines of the features: float32, of the shape of the ids; of no meaning where one lacks."""
    similar = np.zeros(near.ids.shape, np.float32)
    known = queries.with_features
    if known.any() and queries.vectors is not None:
        some = Neighbors(near.distances[known], near.ids[known])
        vectors, places = view.features(some)
        if len(vectors):
            similar[known] = 1 - _cosine_distances(some, queries.vectors[known], vectors, places)
    return similar


def _cosine_distances(
    near: Neighbors, asked: Floats, vectors: NDArray[np.float16], places: NDArray[np.int64]
) -> Floats:
    """By NumPy where that is little work, and the same to the last bit; or by the kernels."""
    if small.suffices(places.size * vectors.shape[1]):
        distances = cosine_distances(asked, vectors, places)
        if distances is not None:
            return distances
    from hashlens.search.rerank import feature_distances

    return feature_distances(near, asked, vectors, metric="cosine", positions=places)


def _ordered(
    ids: NDArray[np.int64], distances: NDArray[np.int32], similarities: Floats | None, ask: Ask
) -> Ranked:
    """The first k, by distance; or by features, if that is wanted and they are known."""
    if similarities is None:
        return Ranked(ids[: ask.k], distances[: ask.k], None, False)
    order: NDArray[np.intp] | slice = slice(ask.k)
    if ask.rerank:
        order = np.lexsort((ids, distances, -similarities))[: ask.k]
    return Ranked(ids[order], distances[order], similarities[order], ask.rerank)
