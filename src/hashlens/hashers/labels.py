"""Labels as the hashers that learn from them see them: a sparse matrix, never n x n."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hashlens.checks import refuse, words

WANTED = "one label a row (ints or strings), or a 0/1 matrix of shape (n, n_classes)"


def label_matrix(y: object, n_rows: int) -> csr_array:
    """Turn labels into a matrix whose entry (i, c) is 1 where row i is of class c.

    Products with the n x n similarity of the rows become products with this matrix: two rows of
    one label each are alike exactly where ``(Y @ Y.T)[i, j]`` is 1.

    Parameters
    ----------
    y : ints, bools or strings of shape (n_rows,), or a 0/1 matrix of shape (n_rows, n_classes)
    n_rows : int

    Returns
    -------
    Y : sparse float32 array of shape (n_rows, n_classes)
        Classes in ascending order of their labels; with several labels a row, as they came.

    Raises
    ------
    InputError
        If `y` is none of these, or has another number of rows.

    Examples
    --------
    >>> label_matrix([7, 3, 7], 3).toarray()
    array([[0., 1.],
           [1., 0.],
           [0., 1.]], dtype=float32)
    """
    labels = np.asarray(y)
    if labels.ndim == 0 or labels.dtype.kind not in "iubfUSO":
        raise refuse("y", WANTED, labels)
    if len(labels) != n_rows:
        raise refuse("y", f"labels of {n_rows} rows", labels)
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        raise refuse("y", WANTED, words("numbers that are not whole, or NaN"))
    if labels.ndim == 1:
        return _of_classes(labels)
    if labels.ndim != 2 or not np.isin(labels, (0, 1)).all():
        raise refuse("y", WANTED, labels)
    return csr_array(labels.astype(np.float32))


def _of_classes(labels: NDArray[Any]) -> csr_array:
    classes, column = np.unique(labels, return_inverse=True)
    n = len(labels)
    entries = (np.ones(n, np.float32), (np.arange(n), column))
    return csr_array(entries, shape=(n, len(classes)))


def check_labels_differ(Y: csr_array | None) -> csr_array:
    """Return `Y` if some label is on some of the rows and not on all, or raise InputError.

    Examples
    --------
    >>> check_labels_differ(label_matrix([7, 7], 2))
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: y must be labels that differ between rows. Got the same for all.
    """
    if Y is not None:
        counts = Y.sum(axis=0)
        if ((counts > 0) & (counts < Y.shape[0])).any():
            return Y
    raise refuse("y", "labels that differ between rows", words("the same for all"))
