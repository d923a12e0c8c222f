"""Queries with the images that were found for them, right ones and wrong ones marked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.data import Dataset
from hashlens.pages import picture_of
from hashlens.reproduce.arrangement import DATABASE, QUERY, Arrangement
from hashlens.reproduce.sides import Side
from hashlens.search import HammingIndex


def gallery(
    arrangement: Arrangement, sides: tuple[Side, Side], n_bits: int, n_queries: int, n_hits: int
) -> list[dict[str, Any]]:
    """Find the nearest images of the first query of each class; of equal distances, the first.

    Parameters
    ----------
    arrangement : Arrangement
        Where the pictures are.
    sides : (Side, Side)
        Who asks, and who is searched, with codes of `n_bits`.
    n_bits, n_queries, n_hits : int

    Returns
    -------
    rows : list of dict
        ``query`` and ``label`` of each query; its ``hits``, each with ``picture``, ``label``,
        ``distance`` and whether it is ``right``.
    """
    asking, searched = arrangement.part(QUERY), arrangement.part(DATABASE)
    query, database = sides
    chosen = one_of_each_class(query.labels)[:n_queries]
    index = HammingIndex(database.codes, n_bits)
    leave_out = arrangement.protocol.exclude_self
    found = index.search(query.codes[chosen], min(n_hits + leave_out, len(index)))
    rows = []
    for number, distances, ids in zip(chosen, found.distances, found.ids, strict=True):
        hits = [
            {
                "picture": _picture(searched, int(database.rows[item])),
                "label": _label(searched, int(database.rows[item])),
                "distance": int(distance),
                "right": _alike(query.labels[number], database.labels[item]),
            }
            for distance, item in zip(distances, ids, strict=True)
            if not (leave_out and item == number)
        ]
        image = int(query.rows[number])
        label = _label(asking, image)
        rows.append({"query": _picture(asking, image), "label": label, "hits": hits[:n_hits]})
    return rows


def one_of_each_class(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Number of the first image of each class."""
    keys = labels if labels.ndim == 1 else labels.argmax(1)
    return np.unique(keys, return_index=True)[1].astype(np.int64)


def _picture(data: Dataset, number: int) -> str:
    return picture_of(data.images.read(number), "").address


def _alike(mine: Any, theirs: Any) -> bool:
    return bool(np.any(mine & theirs)) if np.ndim(mine) else bool(mine == theirs)


def _label(data: Dataset, item: int) -> str:
    label = np.asarray(data.labels)[item]
    if np.ndim(label):
        return ", ".join(data.classes[c] for c in np.flatnonzero(label))
    return data.classes[int(label)]
