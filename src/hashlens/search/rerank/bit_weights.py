"""Weights of bits, learnt from training images: how much it says that two codes differ in one."""

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_labels, check_matrix, refuse, words
from hashlens.codes import check_codes, unpack

Weights = NDArray[np.float32]


def projection_weights(projections: object) -> Weights:
    r"""Weigh each bit by how far apart its two sides lie, without labels.

    .. math:: w_j = \mathrm{E}[p_j \mid p_j \ge 0] - \mathrm{E}[p_j \mid p_j < 0]

    the gap between the means of a projection on the two sides of its threshold. For two rows
    drawn at random, its square is by how much the mean squared difference of the projections is
    larger where the bits differ than where they agree. A bit that is the same in all rows has
    weight 0.

    Parameters
    ----------
    projections : float array of shape (n >= 1, n_bits)
        Of training images, shifted by the thresholds: a bit is ``value >= 0``.

    Returns
    -------
    weights : float32 array of shape (n_bits,)

    Raises
    ------
    InputError
        If the projections are no finite real matrix.

    Examples
    --------
    >>> projection_weights([[1.0, 0.2], [-3.0, -0.2], [1.0, 0.4]])
    array([4. , 0.5], dtype=float32)
    """
    reals = check_matrix("projections", projections)
    on = reals >= 0
    n_on = on.sum(axis=0)
    above = np.where(on, reals, 0).sum(axis=0, dtype=np.float64)
    below = np.where(on, 0, reals).sum(axis=0, dtype=np.float64)
    gap = above / np.maximum(n_on, 1) - below / np.maximum(len(reals) - n_on, 1)
    return np.where((n_on > 0) & (n_on < len(reals)), gap, 0).astype(np.float32)


def label_weights(codes: object, labels: object, n_bits: int) -> Weights:
    r"""Weigh each bit by how well it keeps images of one class together and others apart.

    .. math:: w_j = \max\Bigl(0, \; \log \frac{o_j}{1 - o_j} - \log \frac{s_j}{1 - s_j} \Bigr)

    where :math:`s_j` is the share of pairs of one class that differ in the bit, and :math:`o_j`
    that of pairs of two classes.

    If bits were independent given whether two images share their class, the sum of these weights
    over the differing bits would order pairs by the odds that they do. The shares are those of
    all pairs of training images, from the counts of set bits of each class, with half a pair
    added to each count.

    Parameters
    ----------
    codes : uint8 array of shape (n, ceil(n_bits / 8))
        Packed codes of training images.
    labels : int array of shape (n,)
        Of at least two classes, one with two images.
    n_bits : int, 1 to 4096

    Returns
    -------
    weights : float32 array of shape (n_bits,), >= 0

    Raises
    ------
    InputError
        If the codes or the labels are not as above.

    Examples
    --------
    >>> codes = np.array([[0b00], [0b10], [0b01], [0b11]], np.uint8)
    >>> weights = label_weights(codes, [3, 3, 5, 5], 2)
    >>> bool(weights[0] > 2), float(weights[1])
    (True, 0.0)
    """
    packed = check_codes("codes", codes, n_bits)
    classes = check_labels("labels", labels, len(packed))
    if classes.ndim != 1:
        raise refuse("labels", "one int an image", classes)
    _, of_class, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    if len(sizes) < 2 or sizes.max() < 2:
        got = words(f"{len(sizes)} classes of at most {sizes.max(initial=0)}")
        raise refuse("labels", "of at least two classes, one with two images", got)
    bits = unpack(packed, n_bits)
    on = np.zeros((len(sizes), n_bits), np.int64)
    np.add.at(on, of_class, bits)
    same_differ = (on * (sizes[:, None] - on)).sum(axis=0)
    all_differ = on.sum(axis=0) * (len(bits) - on.sum(axis=0))
    n_same = int((sizes * (sizes - 1) // 2).sum())
    n_other = len(bits) * (len(bits) - 1) // 2 - n_same
    odds = _log_odds(all_differ - same_differ, n_other) - _log_odds(same_differ, n_same)
    return np.maximum(odds, 0).astype(np.float32)


def _log_odds(differ: NDArray[np.int64], n_pairs: int) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = np.log((differ + 0.5) / (n_pairs - differ + 0.5))
    return odds
