"""Which rows share a label: a matrix of rows x rows that is multiplied and never formed."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hashlens.checks import refuse, words

Floats = NDArray[np.float64]

MOST_PAIRS = 10**8  # stored pairs of label sets: 1.2 GB


class LabelSimilarity:
    r"""The matrix S of +1 where two rows share a label and -1 where they do not.

    .. math:: S = 2 P D P^\top - \mathbf 1 \mathbf 1^\top

    P tells which of the G distinct sets of labels a row has, D (sparse, G x G) which sets share a
    label. With one label a row the sets are the classes and D is the identity, so that a product
    costs O(n + G); with several it costs O(n) and one step for each pair of sets that share. A row
    without labels shares none, not even with itself.

    Parameters
    ----------
    Y : sparse 0/1 array of shape (n, n_classes)

    Raises
    ------
    InputError
        If there are more than 10,000 distinct sets, and more than 10^8 pairs that may share.

    Examples
    --------
    >>> S = LabelSimilarity(csr_array(np.array([[1, 0], [0, 1], [1, 1]])))
    >>> S.times(np.eye(3))
    array([[ 1., -1.,  1.],
           [-1.,  1.,  1.],
           [ 1.,  1.,  1.]])
    """

    def __init__(self, Y: csr_array) -> None:
        first, self.sets = _distinct_rows(Y)
        sets = Y[first].astype(np.float64)
        most = min(len(first) ** 2, int(np.square(sets.sum(axis=0)).sum()))
        if most > MOST_PAIRS:
            got = f"{len(first)} sets with up to {most} such pairs: fit on fewer rows"
            wanted = f"labels with at most {MOST_PAIRS} pairs of distinct sets that share one"
            raise refuse("y", wanted, words(got))
        n = Y.shape[0]
        entries = (np.ones(n), (np.arange(n), self.sets))
        self._member = csr_array(entries, shape=(n, len(first)))  # P
        self._share = csr_array(sets @ sets.T)  # D, once its entries are 1
        self._share.data[:] = 1

    def times(self, V: Floats) -> Floats:
        """Compute ``S @ V`` for V of shape (n,) or (n, k)."""
        sums = np.asarray(self._member.T @ V)  # (G,) or (G, k)
        product: Floats = (2 * (self._share @ sums) - sums.sum(axis=0))[self.sets]
        return product


def _distinct_rows(Y: csr_array) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Give where each distinct row is first met, and of each row which of those it equals."""
    Y = Y.sorted_indices()
    numbers: dict[bytes, int] = {}
    of_row = [
        numbers.setdefault(Y.indices[start:stop].tobytes(), len(numbers))
        for start, stop in pairwise(Y.indptr)
    ]
    _, first = np.unique(of_row, return_index=True)
    return first, np.array(of_row)
