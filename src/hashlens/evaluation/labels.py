"""Which items are relevant to a query, from labels."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_labels, refuse, words
from hashlens.neighbors import Relevance, SameLabel


def relevance(query_labels: object, database_labels: object) -> Relevance:
    """Call an item relevant when it has the query's label, or shares one of its labels.

    Parameters
    ----------
    query_labels : int array (n_queries,), or 0/1 array (n_queries, n_classes)
    database_labels : int array (n_items,), or 0/1 array (n_items, n_classes)

    Returns
    -------
    relevance : callable
        ``relevance(start, stop)`` gives uint8 of shape (stop - start, n_items) for those queries.
        With 0/1 matrices, a query without any label has no relevant item.

    Raises
    ------
    InputError
        If one has single labels and the other has several, or the classes differ in number.

    Examples
    --------
    >>> relevance([3, 5], [5, 3, 3])(0, 2)
    array([[0, 1, 1],
           [1, 0, 0]], dtype=uint8)
    >>> relevance([[1, 1, 0]], [[0, 1, 1], [0, 0, 1]])(0, 1)
    array([[1, 0]], dtype=uint8)
    """
    queries = check_labels("query_labels", query_labels)
    items = check_labels("database_labels", database_labels)
    if queries.shape[1:] != items.shape[1:]:
        kinds = f"shapes {queries.shape} and {items.shape}"
        raise refuse("query_labels and database_labels", "of the same kind", words(kinds))
    return _shared_label(queries, items) if queries.ndim == 2 else _same_label(queries, items)


def _same_label(queries: NDArray[np.int64], items: NDArray[np.int64]) -> Relevance:
    classes, codes = np.unique(np.concatenate([queries, items]), return_inverse=True)
    # The smallest type: comparing bytes is eight times as fast as comparing int64.
    if len(classes) <= 256:
        small = codes.astype(np.uint8)
        return SameLabel(small[: len(queries)], small[len(queries) :])
    codes = codes.astype(np.min_scalar_type(len(classes)))
    wanted, found = codes[: len(queries)], codes[len(queries) :]
    return lambda start, stop: (wanted[start:stop, None] == found).view(np.uint8)


def _shared_label(queries: NDArray[np.bool_], items: NDArray[np.bool_]) -> Relevance:
    wanted, found = queries.astype(np.float32), items.astype(np.float32).T
    return lambda start, stop: (wanted[start:stop] @ found > 0).view(np.uint8)
