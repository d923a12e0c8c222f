"""SKLSH: binary codes of a shift-invariant kernel (Raginsky & Lazebnik 2009)."""

from typing import Self

import numpy as np

from hashlens.checks import check_int
from hashlens.hashers.base import Hasher, Tell
from hashlens.hashers.pca import Reals, mean_of, project_rows, row_blocks

_SAMPLE_ROWS = 500
_CLOSE = 0.05  # of the distance of random rows: a square is then known to one part in 10^4


class SKLSH(Hasher):
    r"""Locality sensitive hashing for the Gaussian kernel.

    .. math:: h_k(x) = [\, \cos(w_k^\top (x - \mu) + b_k) + t_k \ge 0 \,], \qquad
              w_k \sim N(0, \gamma I), \; b_k \sim U[0, 2 \pi], \; t_k \sim U[-1, 1]

    The kernel is :math:`K(x - y) = \exp(-\gamma \| x - y \|^2 / 2)`. The share of bits in which
    two rows differ is expected to be :math:`\frac{8}{\pi^2} \sum_{m \ge 1}
    \frac{1 - K(m x - m y)}{4 m^2 - 1}`: it grows with their distance up to :math:`4 / \pi^2`.

    As in the paper's experiments the kernel's width :math:`1 / \sqrt\gamma` is the mean distance
    of a row to its 50th neighbour, here estimated from 500 rows drawn with the seed, each against
    all others. Where copies of rows make it zero, it is the root mean square distance of two of
    the 500, and 1 where these are all equal. Subtracting the training mean :math:`\mu` changes
    nothing but the rounding: the phase :math:`b_k` is uniform.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features.
    n_neighbors : int >= 1, default 50 (the paper's value)
        The last neighbour if there are fewer rows. The row itself is not counted.
    seed : int >= 0, default 0

    Attributes
    ----------
    mean_ : array of the training dtype, shape (n_features_in_,)
    weights_ : array of the training dtype, shape (n_features_in_, n_bits)
        The :math:`w_k` as columns.
    phases_, thresholds_ : arrays of the training dtype, shape (n_bits,)
        The :math:`b_k` and the :math:`t_k`.
    width_ : float > 0
        :math:`1 / \sqrt\gamma`, in the unit of the features.
    n_features_in_ : int

    References
    ----------
    M. Raginsky and S. Lazebnik, "Locality-sensitive binary codes from shift-invariant kernels",
    NIPS 2009, section 2, equations 1 to 3, and the experiments for the kernel's width.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> SKLSH(n_bits=12).fit(X).transform(X).shape
    (100, 2)
    """

    nested = True

    mean_: Reals
    weights_: Reals
    phases_: Reals
    thresholds_: Reals
    width_: float

    def __init__(self, n_bits: int = 64, *, n_neighbors: int = 50, seed: int = 0) -> None:
        self.n_bits = n_bits
        self.n_neighbors = n_neighbors
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_neighbors", self.n_neighbors, 1)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        # one stream for each kind of number: the first bits do not depend on how many there are
        rows, normals, uniforms = np.random.default_rng(self.seed).spawn(3)
        self.mean_ = mean_of(X).astype(X.dtype)
        sample = rows.choice(len(X), min(_SAMPLE_ROWS, len(X)), replace=False)
        self.width_ = _kernel_width(X, X[sample], self.mean_, self.n_neighbors, tell)
        weights = normals.standard_normal((self.n_bits, X.shape[1])).T / self.width_
        phase, threshold = uniforms.random((self.n_bits, 2)).T
        self.weights_ = weights.astype(X.dtype)
        self.phases_ = (2 * np.pi * phase).astype(X.dtype)
        self.thresholds_ = (2 * threshold - 1).astype(X.dtype)

    def _project(self, X: Reals) -> Reals:
        values = project_rows(X, self.mean_, self.weights_)
        values += self.phases_.astype(X.dtype, copy=False)
        np.cos(values, out=values)
        values += self.thresholds_.astype(X.dtype, copy=False)
        return values

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {
            "mean_": (n_features,),
            "weights_": (n_features, self.n_bits),
            "phases_": (self.n_bits,),
            "thresholds_": (self.n_bits,),
            "width_": (),
        }

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=12), cls(n_bits=16, n_neighbors=5, seed=3)]


def _kernel_width(X: Reals, sample: Reals, mean: Reals, n_neighbors: int, tell: Tell) -> float:
    """Mean distance of the sample's rows to their `n_neighbors`-th neighbour in X."""
    queries = sample - mean
    if (queries == queries[0]).all():
        return 1.0
    spread = float(np.sqrt(2 * queries.var(axis=0, dtype=np.float64).sum()))  # of two random rows
    k = min(n_neighbors, len(X) - 1)
    width = _mean_root(_nearest_squared(X, queries, mean, k, tell))
    if width < _CLOSE * spread and X.dtype != np.float64:  # too close for float32's squares
        width = _mean_root(_nearest_squared(X, queries.astype(np.float64), mean, k, tell))
    # below this, the differences of the squares are rounding: the neighbours are copies
    return width if width > 1e-7 * spread else spread


def _mean_root(squared: Reals) -> float:
    return float(np.sqrt(np.maximum(squared, 0)).mean(dtype=np.float64))


def _nearest_squared(X: Reals, queries: Reals, mean: Reals, k: int, tell: Tell) -> Reals:
    """Squared distance of each query, a row of X itself, to its k-th neighbour, block by block.

    All is computed in the dtype of `queries`.
    """
    # the nearest of all is the row itself
    nearest = np.full((len(queries), k + 1), np.inf, queries.dtype)
    lengths = np.square(queries).sum(axis=1)[:, None]
    for rows in row_blocks(X):
        points = (X[rows] - mean).astype(queries.dtype, copy=False)
        squared = (-2 * queries) @ points.T
        squared += np.square(points).sum(axis=1)
        nearest = np.partition(np.hstack([nearest, squared]), k, axis=1)[:, : k + 1]
        tell(rows.stop, len(X))
    found: Reals = nearest[:, k] + lengths[:, 0]
    return found
