"""Hierarchical search: codes choose the candidates, features put them in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.snapshot import Snapshot


@dataclass(frozen=True)
class Ask:
    """What is wanted of a search.

    Attributes
    ----------
    k : int
        Most items to find.
    radius : int, optional
        Only items within this distance, in bits.
    rerank : bool
        Order the nearest ``max(10 k, 100)`` items by their features.
    without : int
        An item that is left out; -1 for none.
    """

    k: int
    radius: int | None
    rerank: bool
    without: int = -1

    @property
    def n_candidates(self) -> int:
        """How many items the codes choose."""
        return max(10 * self.k, 100) if self.rerank else self.k


class Ranked(NamedTuple):
    """Ids, distances and similarities of the items found for one query, best first."""

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]
    similarities: NDArray[np.float32] | None


def rank(
    snapshot: Snapshot, codes: Codes, vectors: NDArray[np.float32] | None, asks: Sequence[Ask]
) -> Iterator[Ranked]:
    """Find the items nearest to each query.

    Parameters
    ----------
    snapshot : Snapshot
    codes : uint8 (n_queries, ceil(n_bits / 8))
    vectors : float32 (n_queries, d), rows of length 1, or None if features are not stored
    asks : sequence of Ask, one a query
        They differ in `without` alone.

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
    for i, (found, bits) in enumerate(_candidates(snapshot, codes, asks[0])):
        ask = asks[i]
        keep = np.flatnonzero(found != ask.without)[: ask.n_candidates]
        ids, distances = found[keep], bits[keep]
        similarities = None
        if vectors is not None:
            stored = snapshot.vectors(snapshot.rows_of(ids))
            similarities = None if stored is None else np.clip(stored @ vectors[i], -1, 1)
        order: NDArray[np.intp] | slice = slice(ask.k)
        if ask.rerank and similarities is not None:
            order = np.lexsort((ids, distances, -similarities))[: ask.k]
        yield Ranked(
            ids[order], distances[order], None if similarities is None else similarities[order]
        )


def _candidates(
    snapshot: Snapshot, codes: Codes, ask: Ask
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """The nearest items by code, nearest first, with one to spare for the one left out."""
    most = ask.n_candidates + 1
    if ask.radius is not None:
        balls = snapshot.index.radius_search(codes, ask.radius)
        for i in range(len(codes)):
            ball = slice(int(balls.offsets[i]), int(balls.offsets[i + 1]))
            yield balls.ids[ball][:most], balls.distances[ball][:most]
        return
    found = snapshot.index.search(codes, most)
    for ids, distances, there in zip(found.ids, found.distances, found.found, strict=True):
        yield ids[there], distances[there]
