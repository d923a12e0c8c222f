"""Finer orders from the codes themselves: bits that weigh more, or that the query is sure of."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_matrix, refuse, words
from hashlens.codes import binarize, check_codes
from hashlens.neighbors import Neighbors
from hashlens.search.rerank.kernels import weighted_distances
from hashlens.search.rerank.order import check_candidates, nearest_first
from hashlens.search.segment import read_only


def by_projections(
    neighbors: Neighbors,
    projections: object,
    codes: object,
    *,
    shells: str = "within",
    positions: object = None,
) -> Neighbors:
    r"""Order the candidates of a code search by how far the query is from their side of each bit.

    .. math:: d(q, c) = \sum_{j :\, \mathrm{sgn}(q_j) \ne c_j} |q_j|

    The query keeps its real projections :math:`q`, the items are the codes :math:`c` they were
    before: nothing more is stored. A bit that the query's projection only just decided counts
    little. It ranks as :math:`-q^\top c` does, and is the paper's lower bound of the distance
    between the projections with absolute in place of squared differences: squared ones let the
    bits that the query is surest of outweigh all others.

    Parameters
    ----------
    neighbors : Neighbors
        The m nearest by code of each query, (n_queries, m).
    projections : float array of shape (n_queries, n_bits)
        Of the queries, shifted by the thresholds: a bit is ``value >= 0``.
    codes : uint8 array of shape (n, ceil(n_bits / 8))
        Packed codes of the items.
    shells : {"within", "over"}
        By Hamming distance first, and by this one among the candidates of one Hamming distance;
        or by this one alone. See :func:`hashlens.search.rerank.nearest_first`.
    positions : int array of shape (n_queries, m), optional
        The row of each candidate in `codes`; its id where None.

    Returns
    -------
    neighbors : Neighbors
        All m, float32 distances, by distance, then id.

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    A. Gordo, F. Perronnin, "Asymmetric distances for binary embeddings", CVPR 2011 (and with
    Y. Gong and S. Lazebnik, TPAMI 36(1), 2014): the lower-bound based distance.

    Examples
    --------
    >>> codes = np.array([[0b01], [0b10]], np.uint8)
    >>> by_code = Neighbors(np.array([[1, 1]], np.int32), np.array([[0, 1]]))
    >>> by_projections(by_code, [[0.1, 0.9]], codes, shells="over")
    Neighbors(distances=array([[0.1, 0.9]], dtype=float32), ids=array([[1, 0]]))
    """
    reals = check_matrix("projections", projections, min_rows=0)
    weights = np.abs(reals)
    return by_weights(
        neighbors, binarize(reals), codes, weights, shells=shells, positions=positions
    )


def by_weights(
    neighbors: Neighbors,
    queries: object,
    codes: object,
    weights: object,
    *,
    shells: str = "within",
    positions: object = None,
) -> Neighbors:
    r"""Order the candidates of a code search by a Hamming distance whose bits have weights.

    .. math:: d(q, c) = \sum_{j :\, q_j \ne c_j} w_j

    Parameters
    ----------
    neighbors : Neighbors
        The m nearest by code of each query, (n_queries, m).
    queries, codes : uint8 arrays of shape (n_queries, ceil(n_bits / 8)) and (n, ...)
        Packed codes.
    weights : float array of shape (n_bits,), or (n_queries, n_bits)
        Of each bit, >= 0: see :mod:`hashlens.search.rerank.bit_weights`. A row a query may be its
        absolute projections times learnt weights.
    shells, positions
        As for :func:`by_projections`.

    Returns
    -------
    neighbors : Neighbors
        All m, float32 distances, by distance, then id.

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    L. Zhang, Y. Zhang, J. Tang, K. Lu, Q. Tian, "Binary code ranking with weighted Hamming
    distance", CVPR 2013: the distance; the weights here are others.

    Examples
    --------
    >>> codes = np.array([[0b01], [0b10]], np.uint8)
    >>> by_code = Neighbors(np.array([[1, 1]], np.int32), np.array([[0, 1]]))
    >>> by_weights(by_code, np.zeros((1, 1), np.uint8), codes, [2.0, 0.5]).ids
    array([[1, 0]])
    """
    given = np.asarray(weights)
    rows = _checked_weights(given)
    packed = np.ascontiguousarray(check_codes("codes", codes, rows.shape[1]))
    asked = np.ascontiguousarray(check_codes("queries", queries, rows.shape[1]))
    if given.ndim == 2 and len(rows) != len(asked):
        raise refuse("weights", f"(n_bits,), or of the {len(asked)} queries", given)
    wanted = check_candidates(neighbors, len(asked), len(packed), positions)
    padded = np.zeros((len(rows), 8 * packed.shape[1]), np.float32)
    padded[:, : rows.shape[1]] = rows
    distances = np.empty(wanted.shape, np.float32)
    weighted_distances(read_only(packed), read_only(asked), padded, wanted, distances)
    return nearest_first(neighbors, distances, shells=shells)


def _checked_weights(given: NDArray[np.generic]) -> NDArray[np.floating]:
    rows = check_matrix("weights", given[None] if given.ndim == 1 else given, min_rows=0)
    if (rows < 0).any():
        raise refuse("weights", ">= 0", words("a weight below 0"))
    return rows
