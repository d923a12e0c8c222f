"""What a search of a collection returns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Hit(NamedTuple):
    """One item that was found.

    Attributes
    ----------
    id : int
    distance : int, in bits
    similarity : float, or None where the features are not stored, or not known of the query
        Cosine of the two feature vectors, -1 to 1.
    label : str or None
    path : str
    metadata : dict
    same_class : float, or None where the model knows no meaning of its distances
        Share of the items at that distance that are of the query's class, 0 to 1.
    """

    id: int
    distance: int
    similarity: float | None
    label: str | None
    path: str
    metadata: Mapping[str, Any]
    same_class: float | None = None


@dataclass(frozen=True, eq=False)
class Hits:
    """The items found for one query, best first; iterates over `Hit`.

    ``k`` is the number found, which is less than asked for where the collection, or the ball, has
    fewer.

    Attributes
    ----------
    ids : int64 (k,)
    distances : int32 (k,), Hamming, in bits
        Ascending, unless the hits are re-ranked.
    similarities : float32 (k,), or None where there are no features to compare
        Cosine of the feature vectors; descending if the hits are re-ranked.
    labels : array of str or None, (k,)
    paths : array of str, (k,)
        Absolute paths, or names of images that have no file.
    metadata : array of dict, (k,)
    codes : uint8 (k, ceil(n_bits / 8))
    content_hashes : array of str, (k,)
        SHA-256 of the bytes of each, as hex digits.
    revision : int
        Number of the commit that was searched.
    n_items : int
        Items of the collection in that commit.
    reranked : bool
        Ordered by the features, not by the distance alone.
    radius : int, or None where all distances were looked at
        Only items within so many bits were looked for.
    same_class : float64 (k,), or None where the model knows no meaning of its distances
        Share of the items at each hit's distance that are of the query's class, 0 to 1, as it was
        among the labelled images that the training kept out.
    partial : bool
        Not all items were looked at: a part of the engine is out of reach, and there may be
        nearer items. Never so for a collection in a folder.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]
    similarities: NDArray[np.float32] | None
    labels: NDArray[np.object_]
    paths: NDArray[np.object_]
    metadata: NDArray[np.object_]
    codes: NDArray[np.uint8]
    content_hashes: NDArray[np.object_]
    revision: int
    n_items: int
    reranked: bool
    radius: int | None = None
    same_class: NDArray[np.float64] | None = None
    partial: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Hit]:
        similarities = [None] * len(self) if self.similarities is None else self.similarities
        for i, similarity in enumerate(similarities):
            yield Hit(
                int(self.ids[i]),
                int(self.distances[i]),
                None if similarity is None else float(similarity),
                self.labels[i],
                self.paths[i],
                self.metadata[i],
                None if self.same_class is None else float(self.same_class[i]),
            )
