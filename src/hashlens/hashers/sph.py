"""SpH: spherical hashing (Heo, Lee, He, Chang & Yoon 2012)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.compiling import compiled
from hashlens.hashers.base import Hasher, Tell
from hashlens.hashers.pca import Reals, row_blocks

Floats = NDArray[np.float64]

_MEAN_TOLERANCE = 0.10
_STD_TOLERANCE = 0.15
_LARGEST = 1000.0


class SpH(Hasher):
    r"""Hashing by spheres: a bit says whether a row is inside.

    .. math:: h_k(x) = [\, \| x - p_k \| \le t_k \,]

    Each sphere is to hold half of the rows, and each two spheres a quarter in common. From pivots
    :math:`p_k` at random rows, each round sets :math:`t_k` to the median distance from
    :math:`p_k`, counts the rows :math:`o_{ij}` common to spheres i and j, and moves every pivot by

    .. math:: \frac{1}{B} \sum_j \frac{1}{2} \, \frac{o_{ij} - m/4}{m/4} \, (p_i - p_j),

    away from those it shares too much with and towards the others, where m is the number of rows.
    The rounds end once :math:`|o_{ij} - m/4|` is at most 10 % of m/4 in the mean over the pairs
    and the standard deviation of :math:`o_{ij}` at most 15 %. The paper says nothing of data on
    which that never comes, such as few dimensions under many bits: here the rounds also end at a
    cap, or with a radius of 1,000 times the rows' root mean square deviation from their mean, and
    the round of smallest mean is kept.

    With more bits than distinct rows, the surplus pivots are drawn on the segments between two
    random rows. If all rows are equal, all their bits are set.

    The paper ranks codes by :func:`hashlens.codes.spherical_hamming`; searches by the Hamming
    distance, as here, work too.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features.
    max_iterations : int >= 0, default 100
        The cap.
    sample_rows : int >= 2, default 10,000
        Rows drawn for the fit (m, if there are as many): enough to know a quarter to 2 % of it.
    seed : int >= 0, default 0

    Attributes
    ----------
    pivots_ : array of the training dtype, shape (n_bits, n_features_in_)
    radii_ : array of the training dtype, shape (n_bits,)
        The :math:`t_k`, in the unit of the features.
    n_iterations_ : int
        Rounds done.
    overlap_mean_, overlap_std_ : float
        The two figures of the stop, as shares of m/4; 0 for one bit.
    n_features_in_ : int

    References
    ----------
    J.-P. Heo, Y. Lee, J. He, S.-F. Chang and S.-E. Yoon, "Spherical hashing", CVPR 2012,
    section 3, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> SpH(n_bits=12).fit(X).transform(X).shape
    (100, 2)
    """

    pivots_: Reals
    radii_: Reals
    n_iterations_: int
    overlap_mean_: float
    overlap_std_: float

    def __init__(
        self,
        n_bits: int = 64,
        *,
        max_iterations: int = 100,
        sample_rows: int = 10_000,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.max_iterations = max_iterations
        self.sample_rows = sample_rows
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("max_iterations", self.max_iterations, 0)
        check_int("sample_rows", self.sample_rows, 2)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        rng = np.random.default_rng(self.seed)
        sample = X[rng.choice(len(X), min(self.sample_rows, len(X)), replace=False)]
        largest = _LARGEST * float(np.sqrt(sample.var(axis=0, dtype=np.float64).sum()))
        best = spheres = _Spheres.around(_first_pivots(sample, self.n_bits, rng), sample)
        done, total = 0, self.max_iterations + 1
        while done < self.max_iterations and not best.balanced and spheres.radii.max() < largest:
            spheres = _Spheres.around(spheres.moved_pivots(), sample)
            best = min(best, spheres, key=lambda found: found.mean)
            done += 1
            tell(done, total)
        tell(total, total)
        self.pivots_, self.radii_ = best.pivots, best.radii
        self.n_iterations_ = done
        self.overlap_mean_, self.overlap_std_ = best.mean, best.std

    def _project(self, X: Reals) -> Reals:
        pivots, radii = self.pivots_.astype(X.dtype), self.radii_.astype(X.dtype)
        values = np.empty((len(X), self.n_bits), X.dtype)
        for rows in row_blocks(X):
            np.subtract(radii, distances(X[rows], pivots), out=values[rows])
        return values

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        figures = dict.fromkeys(("n_iterations_", "overlap_mean_", "overlap_std_"), ())
        return {"pivots_": (self.n_bits, n_features), "radii_": (self.n_bits,), **figures}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=12), cls(n_bits=16, sample_rows=100, seed=3)]


@dataclass(frozen=True, eq=False)
class _Spheres:
    """The spheres around given pivots that hold half of the sample each."""

    pivots: Reals  # (B, d)
    radii: Reals  # (B,)
    excess: Floats  # (B, B): (o_ij - m/4) / (m/4)
    mean: float
    std: float

    @classmethod
    def around(cls, pivots: Reals, sample: Reals) -> Self:
        apart = np.ascontiguousarray(distances(sample, pivots).T)  # (B, m)
        radii = np.median(apart, axis=1).astype(sample.dtype)
        inside = (apart <= radii[:, None]).astype(np.float32)  # sums of up to 2^24 are exact
        excess = (inside @ inside.T).astype(np.float64) / (len(sample) / 4) - 1
        of_pairs = excess[np.triu_indices(len(pivots), 1)]
        if not of_pairs.size:
            return cls(pivots, radii, excess, 0.0, 0.0)
        return cls(pivots, radii, excess, float(np.abs(of_pairs).mean()), float(of_pairs.std()))

    @property
    def balanced(self) -> bool:
        return self.mean <= _MEAN_TOLERANCE and self.std <= _STD_TOLERANCE

    def moved_pivots(self) -> Reals:
        pivots = self.pivots.astype(np.float64)
        # sum_j e_ij (p_i - p_j) = (sum_j e_ij) p_i - sum_j e_ij p_j, where j = i cancels
        forces = self.excess.sum(axis=1)[:, None] * pivots - self.excess @ pivots
        moved: Reals = (pivots + forces / (2 * len(pivots))).astype(self.pivots.dtype)
        return moved


def _first_pivots(sample: Reals, n_pivots: int, rng: np.random.Generator) -> Reals:
    """Draw distinct rows; once they are used up, points between two of them."""
    distinct = np.unique(sample, axis=0)  # equal pivots would stay equal
    rows = distinct[rng.permutation(len(distinct))[:n_pivots]]
    start = rng.integers(len(distinct), size=n_pivots - len(rows))
    step = rng.integers(1, max(2, len(distinct)), size=len(start))  # to another row, if there is
    one, other = distinct[start], distinct[(start + step) % len(distinct)]
    between = one + rng.random((len(one), 1)) * (other - one)
    return np.concatenate([rows, between]).astype(sample.dtype)


def distances(X: Reals, pivots: Reals) -> Reals:
    """Euclidean distance of every row to every pivot, in the dtype of both, from differences.

    Not from products: a row is at 0 from itself, and no distance depends on the other rows.

    Parameters
    ----------
    X : array of shape (n, d)
    pivots : array of the same dtype, shape (m, d)

    Returns
    -------
    distances : array of that dtype, shape (n, m)

    Examples
    --------
    >>> distances(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([[5.],
           [4.]])
    """
    found = np.empty((len(X), len(pivots)), X.dtype)
    _fill_distances(np.array(X, order="C"), np.array(pivots, order="C"), found)
    return found


def _distance_loops(X: Reals, pivots: Reals, found: Reals) -> None:
    for i in range(X.shape[0]):
        for k in range(pivots.shape[0]):
            squared = X.dtype.type(0)
            for j in range(X.shape[1]):
                gap = X[i, j] - pivots[k, j]
                squared += gap * gap
            found[i, k] = np.sqrt(squared)


_fill_distances = compiled(_distance_loops, fastmath={"reassoc", "contract"})
