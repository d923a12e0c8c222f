"""What a search of a collection returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Hit(NamedTuple):
    """One item that was found.

    Attributes
    ----------
    id : int
    distance : int, in bits
    similarity : float, or None where the collection stores no features
        Cosine of the two feature vectors, -1 to 1.
    label : str or None
    path : str
    """

    id: int
    distance: int
    similarity: float | None
    label: str | None
    path: str


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
    similarities : float32 (k,), or None where the collection stores no features
        Cosine of the feature vectors; descending if the hits are re-ranked.
    labels : array of str or None, (k,)
    paths : array of str, (k,)
        Absolute paths, or names of images that have no file.
    reranked : bool
        Ordered by the features, not by the distance alone.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]
    similarities: NDArray[np.float32] | None
    labels: NDArray[np.object_]
    paths: NDArray[np.object_]
    reranked: bool

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
            )
