"""Rows to learn from or to encode: checked in the words that scikit-learn's users look for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from hashlens.checks import check_matrix, refuse, words
from hashlens.hashers.pca import Reals, Rows

SAMPLE_ROWS = 100_000  # that principal directions are learnt from, where there are more


def check_samples(
    X: object, hasher: str, *, n_columns: int | None, min_rows: int, any_real: bool = False
) -> Reals:
    """Return X as a finite float matrix, or raise InputError.

    Parameters
    ----------
    X : array of real numbers, shape (n >= min_rows, n_columns)
    hasher : str
        Name of the class that asks, for messages.
    n_columns : int, optional
        Any number, 1 or more, where None.
    min_rows : int
    any_real : bool
        Leave float16 and integers as they are.

    Examples
    --------
    >>> check_samples([[1, 2]], "ITQ", n_columns=2, min_rows=1).dtype
    dtype('float64')
    """
    wanted = (
        f"a dense real matrix of shape (n_samples >= {min_rows}, "
        f"{'n_features >= 1' if n_columns is None else n_columns})"
    )
    if issparse(X):
        raise refuse("X", wanted, words(f"a sparse {type(X).__name__}"))
    try:
        matrix = np.asarray(X)
    except ValueError:
        raise refuse("X", wanted, words("rows of different lengths")) from None
    defect = _defect(matrix, hasher, n_columns, min_rows)
    if defect:
        raise refuse("X", wanted, words(defect))
    return check_matrix("X", matrix, n_columns=n_columns, min_rows=min_rows, any_real=any_real)


def drawn_rows(X: Reals, n_rows: int, seed: int) -> Rows:
    """Draw `n_rows` rows without replacement, in the order of `X`; `X` itself if it has no more.

    Examples
    --------
    >>> drawn_rows(np.arange(6.0).reshape(6, 1), 3, seed=0)[:].ravel()
    array([3., 4., 5.])
    """
    if len(X) <= n_rows:
        return X
    return _Drawn(X, np.sort(np.random.default_rng(seed).choice(len(X), n_rows, replace=False)))


class _Drawn:
    """Some rows of X, fetched when they are asked for: X may be larger than memory."""

    def __init__(self, X: Reals, rows: NDArray[np.int64]) -> None:
        self._X, self._rows = X, rows
        self.dtype, self.shape = X.dtype, (len(rows), X.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Reals:
        return self._X[self._rows[rows]]


def _defect(matrix: NDArray[Any], hasher: str, n_columns: int | None, min_rows: int) -> str:
    # scikit-learn's check_estimator looks for these words
    shape = matrix.shape
    if matrix.dtype.kind == "c":
        return f"{matrix.dtype}: Complex data not supported"
    if matrix.ndim != 2:
        return f"shape {shape}: Reshape your data, one row a sample"
    for count, what, least in (shape[0], "sample", min_rows), (shape[1], "feature", 1):
        if count < least:
            return f"{count} {what}(s) (shape={shape}) while a minimum of {least} is required"
    if n_columns is not None and shape[1] != n_columns:
        expecting = f"{hasher} is expecting {n_columns} features as input"
        return f"other columns: X has {shape[1]} features, but {expecting}"
    return ""
