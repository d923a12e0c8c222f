"""Whether answers are right: compared by distance with a brute-force scan, ties as they fall."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.codes import Codes, as_words
from hashlens.search.compiled import kernel, popcount

_ROWS = 1 << 18  # turned into words at once


@kernel
def _count(codes: NDArray[Any], queries: NDArray[Any], counts: NDArray[Any]) -> None:
    for query in range(len(queries)):
        for row in range(len(codes)):
            distance = 0
            for word in range(codes.shape[1]):
                distance += popcount(codes[row, word] ^ queries[query, word])
            counts[query, distance] += 1


def distance_counts(codes: Codes, queries: Codes, n_bits: int) -> NDArray[np.int64]:
    """Count codes at each distance of each query, one by one: int64 (n_queries, n_bits + 1).

    Examples
    --------
    >>> codes = np.array([[0], [1], [3]], np.uint8)
    >>> distance_counts(codes, codes[:1], 2)
    array([[1, 1, 1]])
    """
    counts = np.zeros((len(queries), n_bits + 1), np.int64)
    asked = as_words(queries)
    for start in range(0, len(codes), _ROWS):
        _count(as_words(codes[start : start + _ROWS]), asked, counts)
    return counts


def smallest_distances(counts: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Distances of the k nearest (of all, where there are fewer): int64 (n_queries, k).

    Examples
    --------
    >>> smallest_distances(np.array([[1, 0, 5]]), 3)
    array([[0, 2, 2]])
    """
    ranks = np.arange(min(k, int(counts[0].sum())))
    ends = counts.cumsum(axis=1)
    return np.stack([np.searchsorted(row, ranks, side="right") for row in ends])


def true_distances(codes: Codes, queries: Codes, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distance of each query to the codes named in its row; negative ids give nothing of use."""
    found = [
        np.bitwise_count(codes[row] ^ query).sum(axis=1, dtype=np.int64)
        for query, row in zip(queries, ids, strict=True)
    ]
    return np.stack(found)


def recall_of(distances: NDArray[np.int64], nearest: NDArray[np.int64]) -> float:
    """Share of the neighbours that are no further than the k-th nearest; ties are right.

    Examples
    --------
    >>> recall_of(np.array([[0, 2, 5]]), np.array([[0, 1, 2]])).__round__(2)
    0.67
    """
    return float((distances <= nearest[:, -1:]).mean())


def check_answers(
    name: str,
    answer: tuple[NDArray[Any], NDArray[Any]],
    codes: Codes,
    queries: Codes,
    nearest: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the true distances of an answer, or refuse it where it tells a wrong one.

    Parameters
    ----------
    name : str
        Whose answer.
    answer : distances and ids, (n_queries, k)
        A missing neighbour has a negative id.
    codes, queries : packed codes
    nearest : int64 (n_queries, k)
        Distances of the k nearest.

    Returns
    -------
    distances : int64 (n_queries, k)
        Missing ones are the largest int64.

    Raises
    ------
    InputError
        If a distance is not that of its code, or an id occurs twice.
    """
    told, ids = (np.asarray(part) for part in answer)
    if told.shape != nearest.shape or ids.shape != nearest.shape:
        raise refuse(f"the answer of {name}", f"of shape {nearest.shape}", told)
    places = ids.astype(np.int64)
    missing = (places < 0) | (places >= len(codes))
    found = true_distances(codes, queries, np.where(missing, 0, places))
    wrong = ~missing & (told.astype(np.float64) != found)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        wanted = f"{found[row, column]} for code {places[row, column]}, as a brute-force scan finds"
        raise refuse(f"the distance {name} tells", wanted, float(told[row, column]))
    ordered = np.sort(np.where(missing, -1 - np.arange(missing.shape[1]), places), axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise refuse(f"the answer of {name}", "of distinct codes", words("one twice"))
    return np.where(missing, np.iinfo(np.int64).max, found)


def check_exact(
    name: str, distances: NDArray[np.int64], nearest: NDArray[np.int64], case: object
) -> None:
    """Refuse an answer that is not that of a brute-force scan."""
    if not np.array_equal(np.sort(distances, axis=1), nearest):
        wanted = f"those of a brute-force scan ({case})"
        right = recall_of(distances, nearest)
        raise refuse(f"the answers of {name}", wanted, words(f"{100 * right:.2f} % of them"))
