"""ITQ-CCA: canonical correlations with the labels, rotated by ITQ (Gong & Lazebnik 2011)."""

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from hashlens.checks import check_float, check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.labels import check_labels_differ
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import (
    Reals,
    centred_blocks,
    fix_signs,
    mean_and_covariance,
    mean_of,
    project_rows,
)
from hashlens.hashers.pca_rr import haar_rotation
from hashlens.hashers.rotation import MOMENTUM, N_ITERATIONS, learn_rotation

Floats = NDArray[np.float64]

_CHANCE = 1e-4  # rounding makes correlations up to this, and chance does below 10^8 rows
_COLUMNS = 128  # right-hand sides solved for at once: bounds the memory where classes are many
_CLOSE = 1e-10  # relative residual of these solutions
_MOST_STEPS = 1000


class ITQCCA(LinearHasher):
    r"""Hashing by the directions that correlate most with the labels, rotated as in ITQ.

    .. math:: \Sigma_{xy} (\Sigma_{yy} + \rho_y I)^{-1} \Sigma_{yx} w_k
              = \lambda_k^2 (\Sigma_{xx} + \rho_x I) w_k

    .. math:: \min_{C, R} \; \| C - V R \|_F^2, \qquad C \in \{-1, 1\}^{n \times B}, \quad
              R R^\top = I, \quad V = X \, [\lambda_1 w_1, \lambda_2 w_2, \dots]

    The covariances are those of the rows X and of their 0/1 label columns, both minus their means.
    A direction counts by its correlation :math:`\lambda_k`, as in the paper.

    **Bits beyond the labels.** C classes, one a row, have rank C - 1, so that at most
    m = min(C - 1, d) correlations differ from 0 (min(C, d) with several labels a row). The paper
    scales every further direction by its correlation, and we by exactly 0 where rounding leaves
    a little: V keeps m columns, and R, of shape (m, B), spreads them over B >= m bits as a tight
    frame. All bits are hyperplanes of the same m-dimensional space, fitted together: more of them
    measure angles in it more finely, and tell nothing else. Were the surplus directions kept at
    full length their bits would be noise, and mAP would fall as bits are added.

    **Regularisation.** The paper adds 1e-4 to the diagonal of unscaled matrices; here it is
    relative to the mean of the diagonal, so that codes do not change with the unit of the
    features nor with the number of rows.

    No dense n x C or C x C matrix is made: products with the labels are sparse, and the equation
    is solved in its d x d form, its inverse by conjugate gradients (a few steps where rows have
    one label each). Memory beside X: V, two d x d matrices and one C x d matrix of float64.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        Below m the leading directions are used.
    n_iterations : int >= 1, default 20 (the paper's value is 50)
        Rounds of ITQ.
    momentum : float, 0 to 1, default 1
        Of those rounds, as in :class:`ITQ`. 0: the paper's rounds.
    regularization : float >= 1e-10, default 1e-4 (the paper's value)
        :math:`\rho_x` and :math:`\rho_y` as parts of the mean variance of a feature and of a
        label column.
    seed : int >= 0, default 0
        Of the first rotation.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
    correlations_ : float64 array of shape (n_bits,)
        The largest :math:`\lambda_k`, 0 beyond m: its non-zero entries count the directions that
        carry information.
    loss_ : float64 array of shape (n_iterations,)
        ITQ's objective after the sgn step of each round; it never rises.
    n_features_in_ : int

    References
    ----------
    Y. Gong and S. Lazebnik, "Iterative quantization: A Procrustean approach to learning binary
    codes", CVPR 2011, section 4, equation 4.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(90) % 3
    >>> X = rng.normal(size=(90, 4)) + 3 * rng.normal(size=(3, 4))[y]
    >>> hasher = ITQCCA(n_bits=16).fit(X, y)
    >>> hasher.transform(X).shape, int((hasher.correlations_ > 0).sum())
    ((90, 2), 2)
    """

    correlations_: Floats
    loss_: Floats

    labels = "required"

    def __init__(
        self,
        n_bits: int = 64,
        *,
        n_iterations: int = N_ITERATIONS,
        momentum: float = MOMENTUM,
        regularization: float = 1e-4,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.n_iterations = n_iterations
        self.momentum = momentum
        self.regularization = regularization
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_iterations", self.n_iterations, 1)
        check_float("momentum", self.momentum, 0, 1)
        check_float("regularization", self.regularization, 1e-10)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: csr_array | None, tell: Tell) -> None:  # noqa: ARG002 - quick
        Y = check_labels_differ(y)
        self.mean_ = mean_of(X).astype(X.dtype)
        W, correlations = canonical_directions(X, Y, self.n_bits, self.regularization)
        V = project_rows(X, self.mean_, W * correlations)  # (n, m)
        m = len(correlations)
        R = haar_rotation(self.n_bits, self.seed, m).T  # (m, B), orthonormal rows
        R, self.loss_ = learn_rotation(V, R, self.n_iterations, self.momentum)
        self.weights_ = (W * correlations @ R).astype(X.dtype)
        self.correlations_ = np.pad(correlations, (0, self.n_bits - m))

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        learnt = {"correlations_": (self.n_bits,), "loss_": (self.n_iterations,)}
        return {**super()._shapes(n_features), **learnt}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_iterations=5), cls(n_bits=12, seed=3)]


def canonical_directions(
    X: Reals, Y: csr_array, n_directions: int, regularization: float
) -> tuple[Floats, Floats]:
    """Find the directions of the rows that correlate most with the labels.

    Parameters
    ----------
    X : array of float32 or float64, shape (n, d)
    Y : sparse 0/1 array of shape (n, C)
    n_directions : int >= 1
        At most so many are given: fewer where the labels have no more to tell, but always one.
    regularization : float >= 1e-10

    Returns
    -------
    directions : float64 array of shape (d, m)
        Of variance 1 on the rows; the entry of largest magnitude is positive.
    correlations : float64 array of shape (m,)
        Largest first, within [0, 1].

    Examples
    --------
    >>> Y = csr_array(np.eye(2)[[0, 0, 1, 1]])
    >>> X = np.array([[0.0, 5.0], [0.0, -5.0], [1.0, -5.0], [1.0, 5.0]])
    >>> directions, correlations = canonical_directions(X, Y, 2, 1e-6)
    >>> directions.round(3).ravel(), correlations.round(3)
    (array([2., 0.]), array([1.]))
    """
    d, n_classes = X.shape[1], Y.shape[1]
    covariance, cross = _moments(X, Y)  # (d, d), (C, d)
    explained = _explained(cross, Y, regularization)
    covariance[np.diag_indices(d)] += _share(np.diag(covariance), regularization)
    rank = min(d, n_classes - 1 if _one_each(Y) else n_classes)
    m = min(n_directions, rank)
    squares, directions = eigh(explained, covariance, subset_by_index=(d - m, d - 1))
    correlations = np.sqrt(np.clip(squares[::-1], 0, 1))
    m = max(1, np.count_nonzero(correlations > _CHANCE))
    return fix_signs(directions[:, ::-1][:, :m]).astype(np.float64), correlations[:m]


def _moments(X: Reals, Y: csr_array) -> tuple[Floats, Floats]:
    """Give the covariance of the rows, and that of the labels with them, of shape (C, d)."""
    mean, covariance = mean_and_covariance(X)
    cross = np.zeros((Y.shape[1], X.shape[1]))
    for rows, centred in centred_blocks(X, mean):
        cross += Y[rows].T @ centred
    return covariance, cross / len(X)


def _explained(cross: Floats, Y: csr_array, regularization: float) -> Floats:
    """Give the (d, d) matrix on the left of the equation, a few columns at a time."""
    n, d = Y.shape[0], cross.shape[1]
    means = Y.sum(axis=0, dtype=np.float64) / n  # (C,)
    gram = (Y.T @ Y).astype(np.float64) / n  # (C, C), sparse: diagonal for one label a row
    rho = _share(means - means**2, regularization)

    def times(A: Floats) -> Floats:  # the covariance of the labels, regularised, times A
        product: Floats = gram @ A - np.outer(means, means @ A) + rho * A
        return product

    explained = np.empty((d, d))
    for start in range(0, d, _COLUMNS):
        some = slice(start, start + _COLUMNS)
        explained[:, some] = cross.T @ _solve(times, cross[:, some], means + rho)
    return explained


def _solve(times: Callable[[Floats], Floats], target: Floats, scale: Floats) -> Floats:
    """Solve ``times(A) == target`` column by column: conjugate gradients scaled by a diagonal."""
    A, residual = np.zeros_like(target), target.copy()
    direction = scaled = residual / scale[:, None]
    size = first = (residual * scaled).sum(axis=0)
    for _ in range(_MOST_STEPS):
        if (size <= _CLOSE**2 * first).all():
            break
        image = times(direction)
        step = _ratio(size, (direction * image).sum(axis=0))
        A += step * direction
        residual -= step * image
        scaled = residual / scale[:, None]
        size, previous = (residual * scaled).sum(axis=0), size
        direction = scaled + _ratio(size, previous) * direction
    return A


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide; 0 where a column has nothing left to solve."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _share(variances: Floats, part: float) -> float:
    """Give a part of the mean variance, or of 1 where nothing varies."""
    return part * (float(variances.mean()) or 1.0)


def _one_each(Y: csr_array) -> bool:
    return bool((Y.sum(axis=1) == 1).all())
