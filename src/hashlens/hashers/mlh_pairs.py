"""Pairs of rows to learn from: half of them share a label."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Ints = NDArray[np.int64]

_DRAWS = 10  # times that a pair meant to be dissimilar is drawn, until it is


class LabelPairs:
    """Draws pairs of distinct rows, half of which share a label, and tells which do.

    A similar pair is two rows of one class, the class drawn by its number of rows; classes of one
    row, and rows without a label, come in dissimilar pairs only. Where labels leave no other pair
    (one class; no class of two rows), all are similar or all are dissimilar: what is told is
    always true.

    Parameters
    ----------
    labels : sparse array of shape (n >= 2, n_classes)
        1 where row i is of class c.
    """

    def __init__(self, labels: csr_array) -> None:
        self.labels = labels
        by_class = labels.tocsc()
        sizes = np.diff(by_class.indptr)
        wide = np.repeat(sizes > 1, sizes)
        self._rows = by_class.indices.astype(np.int64)  # the rows of class 0, of class 1, ...
        self._places = np.flatnonzero(wide)  # in _rows: those with a companion
        self._starts = np.repeat(by_class.indptr[:-1], sizes).astype(np.int64)
        self._sizes = np.repeat(sizes, sizes).astype(np.int64)

    def draw(self, n_pairs: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Draw pairs in random order: rows (2, n_pairs), and 1 where they are similar."""
        n_similar = n_pairs // 2 if len(self._places) else 0
        pairs = np.hstack([self._similar(n_similar, rng), self._other(n_pairs - n_similar, rng)])
        pairs = pairs[:, rng.permutation(n_pairs)]
        return pairs, self.alike(pairs).astype(np.int64)

    def alike(self, pairs: Ints) -> NDArray[np.bool_]:
        """Tell of each pair whether its two rows share a label."""
        shared = self.labels[pairs[0]].multiply(self.labels[pairs[1]]).sum(axis=1)
        return np.asarray(shared > 0)

    def _similar(self, n_pairs: int, rng: np.random.Generator) -> Ints:
        if not n_pairs:
            return np.empty((2, 0), np.int64)
        place = self._places[rng.integers(len(self._places), size=n_pairs)]
        start = self._starts[place]
        other = start + rng.integers(self._sizes[place] - 1)
        other += other >= place  # never the row itself
        return self._rows[np.stack([place, other])]

    def _other(self, n_pairs: int, rng: np.random.Generator) -> Ints:
        n = self.labels.shape[0]
        pairs = rng.integers(n, size=(2, n_pairs))
        again = np.arange(n_pairs)
        for _ in range(_DRAWS):
            second = rng.integers(n - 1, size=len(again))
            pairs[1, again] = second + (second >= pairs[0, again])
            again = again[self.alike(pairs[:, again])]
            if not len(again):
                break
        return pairs
