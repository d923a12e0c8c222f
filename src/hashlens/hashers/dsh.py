"""DSH: density sensitive hashing (Jin, Li, Lin & Cai 2014)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import entr

from hashlens.checks import check_float, check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, mean_of, row_blocks

Floats = NDArray[np.float64]


class DSH(LinearHasher):
    r"""Hashing by the median planes of neighbouring groups, those that split the data most evenly.

    .. math:: h_{ij}(x) = \left[\, (\mu_i - \mu_j)^\top
              \left(x - \frac{\mu_i + \mu_j}{2}\right) \ge 0 \,\right]

    k-means finds groups with centres :math:`\mu_i`. Two groups are adjacent if one is among the r
    nearest of the other, and each adjacent pair gives the plane half-way between its centres. The
    n_bits planes of highest entropy :math:`-P_0 \log P_0 - P_1 \log P_1` are kept, where
    :math:`P_0` and :math:`P_1` are the shares of the rows in groups whose centres lie on either
    side (the paper's shortcut for the rows themselves).

    The projection is half the difference of the squared distances to the two centres. Where the
    adjacent pairs are fewer than n_bits, r grows until they are enough. With few distinct rows
    even all pairs may be fewer: the surplus bits then repeat the planes from the first on, and are
    all set if all rows are equal.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features.
    groups_per_bit : float >= 1, default 1.5 (the paper's value)
        Groups of the k-means, before those that come out empty are left out.
    n_adjacent : int >= 1, default 3 (the paper's value)
        The r.
    n_iterations : int >= 1, default 3 (the paper's value)
        Rounds of the k-means.
    seed : int >= 0, default 0
        Of the rows that are the first centres.

    Attributes
    ----------
    mean_ : array of the training dtype, shape (n_features_in_,)
    weights_ : array of the training dtype, shape (n_features_in_, n_bits)
        The :math:`\mu_i - \mu_j` as columns.
    thresholds_ : array of the training dtype, shape (n_bits,)
        The projections of the points half-way, to be subtracted.
    entropy_ : float64 array of shape (n_bits,)
        Of each plane, in nats, falling until planes are repeated.
    n_features_in_ : int

    References
    ----------
    Z. Jin, C. Li, Y. Lin and D. Cai, "Density sensitive hashing", IEEE Transactions on Cybernetics
    44(8), 2014, section III.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> DSH(n_bits=12).fit(X).transform(X).shape
    (100, 2)
    """

    thresholds_: Reals
    entropy_: Floats

    def __init__(
        self,
        n_bits: int = 64,
        *,
        groups_per_bit: float = 1.5,
        n_adjacent: int = 3,
        n_iterations: int = 3,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.groups_per_bit = groups_per_bit
        self.n_adjacent = n_adjacent
        self.n_iterations = n_iterations
        self.seed = seed

    def linear_form(self) -> tuple[Reals, Reals]:
        """Give the hasher as ``project(X) == X @ weights + offset``, for a linear layer."""
        weights, offset = super().linear_form()
        return weights, offset - self.thresholds_

    def _check_params(self) -> None:
        super()._check_params()
        check_float("groups_per_bit", self.groups_per_bit, 1)
        check_int("n_adjacent", self.n_adjacent, 1)
        check_int("n_iterations", self.n_iterations, 1)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        self.mean_ = mean_of(X).astype(X.dtype)
        n_groups = max(2, int(self.groups_per_bit * self.n_bits + 0.5))
        first = _distinct_rows(X, n_groups, self.seed) - self.mean_
        centres, sizes = _groups(X, self.mean_, first, self.n_iterations, tell)
        pairs = _enough_pairs(centres, self.n_adjacent, self.n_bits)
        normals, thresholds = _median_planes(centres, pairs)
        entropy = _entropy(centres, sizes / len(X), normals, thresholds)
        kept = np.resize(np.argsort(-entropy, kind="stable")[: self.n_bits], self.n_bits)
        self.weights_ = normals[kept].T.astype(X.dtype)
        self.thresholds_ = thresholds[kept].astype(X.dtype)
        self.entropy_ = entropy[kept]

    def _project(self, X: Reals) -> Reals:
        values = super()._project(X)
        values -= self.thresholds_.astype(X.dtype, copy=False)
        return values

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        surplus = {"thresholds_": (self.n_bits,), "entropy_": (self.n_bits,)}
        return {**super()._shapes(n_features), **surplus}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=12), cls(n_bits=16, groups_per_bit=2, n_adjacent=1, seed=3)]


def _distinct_rows(X: Reals, n_rows: int, seed: int) -> Reals:
    """Draw rows of X that differ from each other, fewer if four times as many hold no more."""
    drawn = X[np.random.default_rng(seed).permutation(len(X))[: 4 * n_rows]]
    _, first = np.unique(drawn, axis=0, return_index=True)
    return drawn[np.sort(first)[:n_rows]]


def _groups(
    X: Reals, mean: Reals, centres: Reals, n_iterations: int, tell: Tell
) -> tuple[Floats, Floats]:
    """Run k-means on the centred rows: the centres (k, d) of the groups and their sizes (k,)."""
    for i in range(n_iterations):
        sums, sizes = np.zeros(centres.shape), np.zeros(len(centres))
        lengths = np.square(centres).sum(axis=1) / 2
        for rows in row_blocks(X):
            block = X[rows] - mean
            group = (block @ centres.T - lengths).argmax(axis=1)  # the nearest centre
            entries = (np.ones(len(group), X.dtype), (group, np.arange(len(group))))
            sums += csr_array(entries, shape=(len(centres), len(group))) @ block
            sizes += np.bincount(group, minlength=len(centres))
        filled = sizes > 0  # a group without rows is given up
        means, sizes = sums[filled] / sizes[filled, None], sizes[filled]
        centres = means.astype(X.dtype)
        tell(i + 1, n_iterations)
    return means, sizes


def _enough_pairs(centres: Floats, n_adjacent: int, n_wanted: int) -> NDArray[np.int64]:
    """Pairs i < j of adjacent groups, shape (p, 2), as `n_adjacent` grows until p >= n_wanted."""
    lengths = np.square(centres).sum(axis=1)
    distances = lengths - 2 * centres @ centres.T  # less the length of the row's own centre
    np.fill_diagonal(distances, np.inf)
    for r in range(n_adjacent, max(n_adjacent + 1, len(centres))):
        pairs = _adjacent_pairs(distances, min(r, len(centres) - 1))
        if len(pairs) >= n_wanted:
            break
    return pairs


def _adjacent_pairs(distances: Floats, r: int) -> NDArray[np.int64]:
    if r == 0:  # one group alone: the plane between it and itself has everything on one side
        return np.zeros((1, 2), np.int64)
    nearest = np.argpartition(distances, r - 1, axis=1)[:, :r]  # (k, r)
    pairs = np.stack([np.repeat(np.arange(len(nearest)), r), nearest.ravel()], axis=1)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _median_planes(centres: Floats, pairs: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Normals (p, d) and thresholds (p,) of the planes half-way between the pairs."""
    one, other = centres[pairs[:, 0]], centres[pairs[:, 1]]
    normals = one - other
    return normals, (normals * (one + other)).sum(axis=1) / 2


def _entropy(centres: Floats, shares: Floats, normals: Floats, thresholds: Floats) -> Floats:
    """Entropy of each plane's two sides, each group counted whole by its centre."""
    entropy = np.empty(len(normals))
    for planes in row_blocks(normals):
        above = centres @ normals[planes].T - thresholds[planes] >= 0  # (k, planes)
        share = np.clip(shares @ above, 0, 1)
        entropy[planes] = entr(share) + entr(1 - share)
    return entropy
