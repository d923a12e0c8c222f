"""The loss of a pair of codes, its upper bound for one W, and the bound's gradient."""

import numpy as np
from numpy.typing import NDArray

from hashlens.hashers.pca import Reals


def pair_losses(n_bits: int, rho: int, dissimilar_weight: float) -> NDArray[np.float64]:
    """Tabulate the loss by s (0: dissimilar, 1: similar) and by distance: (2, n_bits + 1)."""
    m = np.arange(n_bits + 1)
    dissimilar = dissimilar_weight * np.maximum(rho - m + 1, 0)
    return np.stack([dissimilar, np.maximum(m - rho + 1, 0)])


def augmented_codes(u: Reals, v: Reals, losses: Reals) -> tuple[Reals, Reals, Reals]:
    """Find for each pair the codes g, h that maximise ``losses[|g - h|_H] + g @ u + h @ v``.

    A bit contributes at best |u + v| where g and h agree in it, and |u - v| where they differ.
    With the bits sorted by the difference of the two, the best m bits to differ are the first m,
    for every m at once by a cumulative sum: O(B log B).

    Parameters
    ----------
    u, v : arrays of shape (n_pairs, B)
        Scores W x of the two rows of each pair.
    losses : array of shape (n_pairs, B + 1)
        The loss of each pair at the distances 0 to B.

    Returns
    -------
    g, h : arrays of u's dtype, shape (n_pairs, B), of -1 and 1
    value : array of shape (n_pairs,)
        The maximum.
    """
    agree, differ = np.abs(u + v), np.abs(u - v)
    gains = differ - agree
    order = np.argsort(-gains, axis=1)
    totals = np.zeros_like(losses)
    np.cumsum(np.take_along_axis(gains, order, axis=1), axis=1, out=totals[:, 1:])
    totals += losses
    m = totals.argmax(axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(u.shape[1])[None], axis=1)
    differing = ranks < m[:, None]
    g = _signs(np.where(differing, u - v, u + v))
    h = np.where(differing, -g, g)
    return g, h, totals.max(axis=1) + agree.sum(axis=1)


def bound_gradient(
    W: Reals, first: Reals, second: Reals, losses: Reals
) -> tuple[Reals, float, float]:
    """Sum over pairs the bound's gradient by W, (B, d), the bound, and the loss it bounds."""
    u, v = first @ W.T, second @ W.T
    g, h, value = augmented_codes(u, v, losses)
    b, c = _signs(u), _signs(v)  # the codes as they are
    gradient: Reals = (g - b).T @ first + (h - c).T @ second
    bound = value - np.abs(u).sum(axis=1) - np.abs(v).sum(axis=1)
    loss = np.take_along_axis(losses, (b != c).sum(axis=1)[:, None], axis=1)
    return gradient, float(bound.sum(dtype=np.float64)), float(loss.sum(dtype=np.float64))


def _signs(values: Reals) -> Reals:
    one = values.dtype.type(1)
    return np.where(values >= 0, one, -one)
