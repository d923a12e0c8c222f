"""Groups of images with the same labels, and which groups are alike."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

MAX_LABEL_SETS = 5_000


class LabelGroups(NamedTuple):
    """Images of one class, or of one set of labels, taken together.

    Attributes
    ----------
    label_sets : bool (m, n_classes), or None
        The set of labels of each group; None where group c is class c.
    weights : float64 (m,)
        Share of the images in each group.
    offsets : int64 (m + 1,)
    alike : int (n_alike,)
        The groups alike to group c are ``alike[offsets[c] : offsets[c + 1]]``, itself among them.
    """

    label_sets: NDArray[np.bool_] | None
    weights: NDArray[np.float64]
    offsets: NDArray[np.int64]
    alike: NDArray[np.integer[Any]]


def label_groups(labels: NDArray[Any], n_classes: int) -> LabelGroups:
    """Group images by their labels. Two groups are alike where they share a label.

    Of more than 5,000 sets of labels the most frequent ones are kept (a matrix of 5,000 x 5,000,
    were they all alike, is 200 MB). A group without any label is alike to itself alone.

    Parameters
    ----------
    labels : int64 (n,), or bool (n, n_classes)
    n_classes : int

    Returns
    -------
    groups : LabelGroups

    Examples
    --------
    >>> groups = label_groups(np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 1]], bool), 3)
    >>> groups.label_sets.astype(int).tolist(), groups.weights.tolist()
    ([[0, 0, 1], [1, 0, 0], [1, 1, 0]], [0.25, 0.25, 0.5])
    >>> groups.offsets.tolist(), groups.alike.tolist()
    ([0, 1, 3, 5], [0, 1, 2, 1, 2])
    """
    if labels.ndim == 1:
        weights = np.bincount(labels, minlength=n_classes) / len(labels)
        return LabelGroups(None, weights, np.arange(n_classes + 1), np.arange(n_classes))
    sets, counts = np.unique(labels.astype(bool), axis=0, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_LABEL_SETS])
    sets, counts = sets[kept], counts[kept]
    incidence = csr_array(sets.astype(np.int32))
    shared = (incidence @ incidence.T + eye_array(len(sets), dtype=np.int32)).tocsr()
    shared.sort_indices()
    offsets = shared.indptr.astype(np.int64)
    return LabelGroups(sets, counts / counts.sum(), offsets, shared.indices)
