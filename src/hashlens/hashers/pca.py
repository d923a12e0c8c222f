"""Principal directions of the training data: the step PCAH, PCA-RR and ITQ share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from hashlens.checks import refuse

Reals = NDArray[np.floating[Any]]

BLOCK_ROWS = 8192
SMALLEST_SHARE = 1e-10  # of the largest variance, below which a direction is rounding alone


def row_blocks(X: Reals, n_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Yield slices of at most `n_rows` (8,192) rows that cover `X`: temporaries stay small.

    Examples
    --------
    >>> list(row_blocks(np.zeros((9000, 1))))
    [slice(0, 8192, None), slice(8192, 9000, None)]
    """
    for start in range(0, len(X), n_rows):
        yield slice(start, min(start + n_rows, len(X)))


def project_rows(X: Reals, mean: Reals, weights: Reals) -> Reals:
    """Compute ``(X - mean) @ weights`` in the dtype of `X`, with one block of `X` centred at once.

    Parameters
    ----------
    X : array of float32 or float64, shape (n, d)
    mean : array of shape (d,)
    weights : array of shape (d, n_bits)

    Returns
    -------
    projections : array of X's dtype, shape (n, n_bits)

    Examples
    --------
    >>> project_rows(np.array([[3.0, 1.0]]), np.array([1.0, 1.0]), np.eye(2))
    array([[2., 0.]])
    """
    mean, weights = mean.astype(X.dtype, copy=False), weights.astype(X.dtype, copy=False)
    projections = np.empty((len(X), weights.shape[1]), X.dtype)
    for rows in row_blocks(X):
        np.matmul(X[rows] - mean, weights, out=projections[rows])
    return projections


def principal_directions(X: Reals, n_directions: int) -> tuple[Reals, Reals]:
    """Find the mean of the rows and the leading eigenvectors of their covariance.

    Only the wanted eigenvectors are computed. Besides `X` the memory is one d x d matrix of
    float64, or, where rows are fewer than columns, two of n x d. The sign of an eigenvector is
    arbitrary; here its entry of largest magnitude is positive, so that the same data gives the
    same bits on every machine.

    Parameters
    ----------
    X : array of float32 or float64, shape (n, d)
    n_directions : int, 1 to d

    Returns
    -------
    mean : array of X's dtype, shape (d,)
    directions : array of X's dtype, shape (d, n_directions)
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
    mean = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
    directions = _by_products_of_rows(X, mean, n_directions) if len(X) < d else None
    if directions is None:
        directions = _by_covariance(X, mean, n_directions)
    return mean, fix_signs(directions).astype(X.dtype)


def _by_covariance(X: Reals, mean: Reals, n_directions: int) -> Reals:
    """Leading eigenvectors of the d x d covariance, the largest variance first."""
    d = X.shape[1]
    covariance = np.zeros((d, d))
    for rows in row_blocks(X):
        centred = X[rows] - mean
        covariance += centred.T @ centred  # summed in float64, multiplied in X's dtype
    _, ascending = eigh(covariance / len(X), subset_by_index=(d - n_directions, d - 1))
    found: Reals = ascending[:, ::-1]
    return found


def _by_products_of_rows(X: Reals, mean: Reals, n_directions: int) -> Reals | None:
    """The same from the n x n products of rows, which are fewer than d x d where n < d.

    If u is an eigenvector of ``A A^T``, then ``A^T u`` is one of ``A^T A``. None where so many
    directions have no variance to be found by.
    """
    n = len(X)
    if n_directions >= n:  # n centred rows span n - 1 dimensions
        return None
    centred = X.astype(np.float64) - mean
    variances, ascending = eigh(centred @ centred.T, subset_by_index=(n - n_directions, n - 1))
    if variances[0] <= SMALLEST_SHARE * variances[-1]:
        return None
    # They are orthogonal but for rounding, which is largest where the variance is smallest.
    found: Reals = np.linalg.qr(centred.T @ ascending[:, ::-1])[0]
    return found


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
