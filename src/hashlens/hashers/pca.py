"""Principal directions of the training data: the step PCAH, PCA-RR and ITQ share."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import refuse

Reals = NDArray[np.floating[Any]]

BLOCK_ROWS = 8192
_NUMBERS_IN_CACHE = 2**19
SMALLEST_SHARE = 1e-10  # of the largest variance, below which a direction is rounding alone
_ROWS_FOR_ORIGIN = 1024
_FEW_COLUMNS = 1024


class Rows(Protocol):
    """What is read in blocks of rows: an array, or rows drawn from one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """Rows, columns."""

    def __len__(self) -> int:
        """Count the rows."""

    def __getitem__(self, rows: slice) -> Reals:
        """Give some of the rows."""


def row_blocks(X: Rows, n_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Yield slices of at most `n_rows` (8,192) rows that cover `X`: temporaries stay small.

    Examples
    --------
    >>> list(row_blocks(np.zeros((9000, 1))))
    [slice(0, 8192, None), slice(8192, 9000, None)]
    """
    for start in range(0, len(X), n_rows):
        yield slice(start, min(start + n_rows, len(X)))


def rows_in_cache(n_columns: int) -> int:
    """Say how many rows of so many numbers stay in a core's cache: 64 at least.

    Examples
    --------
    >>> rows_in_cache(512), rows_in_cache(100_000)
    (1024, 64)
    """
    return max(64, _NUMBERS_IN_CACHE // n_columns)


def project_rows(X: Rows, mean: Reals, weights: Reals) -> Reals:
    """Compute ``(X - mean) @ weights`` in the dtype of `X`, with one block of `X` centred at once.

    Parameters
    ----------
    X : array of real numbers, shape (n, d)
    mean : array of shape (d,)
    weights : array of shape (d, n_bits)

    Returns
    -------
    projections : array of `dtype_for(X)`, shape (n, n_bits)

    Examples
    --------
    >>> project_rows(np.array([[3.0, 1.0]]), np.array([1.0, 1.0]), np.eye(2))
    array([[2., 0.]])
    """
    weights = weights.astype(dtype_for(X), copy=False)
    projections = np.empty((len(X), weights.shape[1]), weights.dtype)
    for rows, centred in centred_blocks(X, mean, min(BLOCK_ROWS, rows_in_cache(X.shape[1]))):
        np.matmul(centred, weights, out=projections[rows])
    return projections


def centred_blocks(
    X: Rows, origin: Reals, n_rows: int = BLOCK_ROWS
) -> Iterator[tuple[slice, Reals]]:
    """Yield ``X - origin`` in blocks of `n_rows`, to be read: each is overwritten by the next.

    Where the origin is 0 and X is in the dtype that it is computed in, they are rows of X itself.

    Examples
    --------
    >>> [block.ravel().tolist() for _, block in centred_blocks(np.ones((2, 1)), np.array([0.5]))]
    [[0.5, 0.5]]
    """
    origin = origin.astype(dtype_for(X), copy=False)
    if X.dtype == origin.dtype and not origin.any():
        yield from ((rows, X[rows]) for rows in row_blocks(X, n_rows))
        return
    scratch = np.empty((min(len(X), n_rows), X.shape[1]), origin.dtype)
    for rows in row_blocks(X, n_rows):
        yield rows, np.subtract(X[rows], origin, out=scratch[: rows.stop - rows.start])


def dtype_for(X: Rows) -> np.dtype[np.floating[Any]]:
    """Say in what `X` is computed: float32 for float16 and small integers, else float64.

    Examples
    --------
    >>> dtype_for(np.zeros((2, 1), np.float16)).name, dtype_for(np.zeros((2, 1), np.int64)).name
    ('float32', 'float64')
    """
    return np.result_type(X.dtype, np.float32)


def mean_of(X: Reals) -> NDArray[np.float64]:
    """Mean of the rows: products with ones in the dtype of `X`, summed in float64.

    Examples
    --------
    >>> mean_of(np.array([[1.0, 0.0], [5.0, 0.0]]))
    array([3., 0.])
    """
    origin, sums = _near_mean(X), np.zeros(X.shape[1])
    for _, centred in centred_blocks(X, origin):
        sums += np.ones(len(centred), centred.dtype) @ centred
    mean: NDArray[np.float64] = origin + sums / len(X)
    return mean


def mean_and_covariance(X: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute both in one pass: products of blocks in the dtype of `X`, summed in float64.

    The rows are taken from a point near their mean, so that squares are about as small as they can
    be without a pass before: from the mean of 1,024 rows spread over `X`, or from 0 where that is
    within a deviation in each column.

    Parameters
    ----------
    X : array of real numbers, shape (n, d)

    Returns
    -------
    mean : float64 array of shape (d,)
    covariance : float64 array of shape (d, d)

    Examples
    --------
    >>> mean_and_covariance(np.array([[1.0], [5.0]]))
    (array([3.]), array([[4.]]))
    """
    origin, d = _near_mean(X), X.shape[1]
    sums, products = np.zeros(d), np.zeros((d, d))
    for _, centred in centred_blocks(X, origin):
        sums += np.ones(len(centred), centred.dtype) @ centred
        products += centred.T @ centred
    offset = sums / len(X)
    return origin + offset, products / len(X) - np.outer(offset, offset)


def _near_mean(X: Rows) -> Reals:
    """Mean of rows spread over X, or 0 where that is near: in the dtype that X is computed in."""
    spread = X[:: -(-len(X) // _ROWS_FOR_ORIGIN)].astype(np.float64)
    mean = spread.mean(axis=0)
    if (np.abs(mean) <= spread.std(axis=0)).all():
        mean[:] = 0
    near: Reals = mean.astype(dtype_for(X))
    return near


def principal_directions(X: Rows, n_directions: int) -> tuple[Reals, Reals]:
    """Find the mean of the rows and the leading eigenvectors of their covariance.

    Only the wanted eigenvectors are computed. Besides `X` the memory is one d x d matrix of
    float64, or, where rows are fewer than columns, two of n x d. The sign of an eigenvector is
    arbitrary; here its entry of largest magnitude is positive, so that the same data gives the
    same bits on every machine.

    Parameters
    ----------
    X : array of real numbers, shape (n, d)
    n_directions : int, 1 to d

    Returns
    -------
    mean : array of `dtype_for(X)`, shape (d,)
    directions : array of that dtype, shape (d, n_directions)
        Orthonormal columns, the largest variance first.

    Raises
    ------
    InputError
        If `n_directions` is above d: the names in the message are those of the estimators.

    Examples
    --------
    >>> mean, directions = principal_directions(np.array([[1.0, 0.0], [5.0, 0.0]]), 1)
    >>> mean, directions.ravel()
    (array([3., 0.]), array([1., 0.]))
    """
    d = X.shape[1]
    if n_directions > d:
        raise refuse("n_bits", f"at most n_features={d}", n_directions)
    found = _by_products_of_rows(X, n_directions) if len(X) < d else None
    mean, directions = found or _by_covariance(X, n_directions)
    return mean.astype(dtype_for(X)), fix_signs(directions).astype(dtype_for(X))


def _by_covariance(X: Rows, n_directions: int) -> tuple[Reals, Reals]:
    """Mean, and leading eigenvectors of the d x d covariance, the largest variance first."""
    d = X.shape[1]
    mean, covariance = mean_and_covariance(X)
    # NumPy's threads go on spinning for a while, and SciPy has its own: few columns need no more
    with threadpool_limits(1 if d <= _FEW_COLUMNS else None, user_api="blas"):
        _, ascending = eigh(covariance, subset_by_index=(d - n_directions, d - 1))
    return mean, ascending[:, ::-1]


def _by_products_of_rows(X: Rows, n_directions: int) -> tuple[Reals, Reals] | None:
    """The same from the n x n products of rows, which are fewer than d x d where n < d.

    If u is an eigenvector of ``A A^T``, then ``A^T u`` is one of ``A^T A``. None where so many
    directions have no variance to be found by.
    """
    n, rows = len(X), X[:]
    if n_directions >= n:  # n centred rows span n - 1 dimensions
        return None
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean
    variances, ascending = eigh(centred @ centred.T, subset_by_index=(n - n_directions, n - 1))
    if variances[0] <= SMALLEST_SHARE * variances[-1]:
        return None
    # They are orthogonal but for rounding, which is largest where the variance is smallest.
    return mean, np.linalg.qr(centred.T @ ascending[:, ::-1])[0]


def fix_signs(directions: Reals) -> Reals:
    """Turn each column so that its entry of largest magnitude is positive.

    The sign of an eigenvector is arbitrary; so the same data gives the same bits everywhere.

    Examples
    --------
    >>> fix_signs(np.array([[1.0, 1.0], [-3.0, 2.0]]))
    array([[-1.,  1.],
           [ 3.,  2.]])
    """
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(directions.shape[1])] < 0, -1.0, 1.0)
    turned: Reals = directions * signs
    return turned
