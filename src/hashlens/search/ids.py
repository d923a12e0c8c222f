"""The ids a user gives to codes: distinct, kept in ascending order."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.neighbors import MISSING_ID


def check_ids(value: object, n_items: int) -> NDArray[np.int64]:
    """Return distinct ids >= 0, int64 (n_items,), or raise InputError.

    Examples
    --------
    >>> check_ids([7, 3], 2)
    array([7, 3])
    """
    ids = np.asarray(value)
    wanted = f"distinct ints >= 0 of shape ({n_items},)"
    if ids.dtype.kind not in "iu" or ids.shape != (n_items,):
        raise refuse("ids", wanted, ids)
    if n_items and (int(ids.min()) < 0 or int(ids.max()) > np.iinfo(np.int64).max):
        raise refuse("ids", wanted, words(f"ids from {ids.min()} to {ids.max()}"))
    if not (ids[1:] > ids[:-1]).all():
        ordered = np.sort(ids)
        if (ordered[1:] == ordered[:-1]).any():
            raise refuse("ids", wanted, words("an id twice"))
    return ids.astype(np.int64)


def ids_at(positions: NDArray[np.int64], ids: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Turn positions into ids; -1 (nothing found) stays -1.

    Examples
    --------
    >>> ids_at(np.array([1, -1]), np.array([3, 7]))
    array([ 7, -1])
    """
    if ids is None:
        return positions
    found = positions != MISSING_ID
    answer = np.full_like(positions, MISSING_ID)
    answer[found] = ids[positions[found]]
    return answer
