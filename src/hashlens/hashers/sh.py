"""SH: spectral hashing (Weiss, Torralba & Fergus 2008)."""

import heapq
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hashlens.hashers.base import Hasher, Tell
from hashlens.hashers.pca import Reals, principal_directions, project_rows, row_blocks


class SH(Hasher):
    r"""Hashing by the signs of the smoothest sinusoids along the principal directions.

    .. math:: h(x) = [\, \sin( \tfrac{\pi}{2} + \omega_{im} (v_i^\top (x - \mu) - a_i)) \ge 0 \,],
              \qquad \omega_{im} = \frac{m \pi}{b_i - a_i}

    These are the eigenfunctions of the Laplacian of a box with uniform density, the relaxed
    solution of :math:`\min \sum_{ij} \exp(-\|x_i - x_j\|^2 / \epsilon^2) \|y_i - y_j\|^2` over
    balanced and uncorrelated codes. :math:`v_i` is one of the first min(n_bits, n_features)
    principal directions, :math:`[a_i, b_i]` the range of the training rows along it, and the bits
    are the n_bits pairs (i, m), m >= 1, of smallest :math:`\omega_{im}`, whose eigenvalues
    :math:`1 - \exp(-\epsilon^2 \omega_{im}^2 / 2)` are the smallest; equals go to the direction of
    larger variance. Beyond the training range the sinusoid goes on.

    A direction along which the rows do not vary has no modes. If there is no other, all rows are
    equal and have all bits set.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features: a direction then has more modes.

    Attributes
    ----------
    mean_ : array of the training dtype, shape (n_features_in_,)
    weights_ : array of the training dtype, shape (n_features_in_, n_bits)
        The :math:`\omega_{im} v_i` as columns, the smallest :math:`\omega_{im}` first.
    phases_ : array of the training dtype, shape (n_bits,)
        :math:`\pi / 2 - \omega_{im} a_i`.
    directions_, modes_ : int64 arrays of shape (n_bits,)
        The i, from 0, and the m of each bit.
    n_features_in_ : int

    References
    ----------
    Y. Weiss, A. Torralba and R. Fergus, "Spectral hashing", NIPS 2008, section 2.2: the
    eigenfunctions of a uniform distribution, and the algorithm.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).uniform(size=(100, 2)) * [3, 1]
    >>> hasher = SH(n_bits=4).fit(X)
    >>> hasher.directions_.tolist(), hasher.modes_.tolist()
    ([0, 0, 1, 0], [1, 2, 1, 3])
    """

    mean_: Reals
    weights_: Reals
    phases_: Reals
    directions_: NDArray[np.int64]
    modes_: NDArray[np.int64]

    def __init__(self, n_bits: int = 64) -> None:
        self.n_bits = n_bits

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        self.mean_, V = principal_directions(X, min(self.n_bits, X.shape[1]))  # (d, p)
        low, high = _ranges(X, self.mean_, V)
        lengths = _lengths(low, high)
        self.directions_, self.modes_ = smoothest_modes(lengths, self.n_bits)
        omega = self.modes_ * np.pi / lengths[self.directions_]
        self.weights_ = (V[:, self.directions_] * omega).astype(X.dtype)
        self.phases_ = (np.pi / 2 - omega * low[self.directions_]).astype(X.dtype)

    def _project(self, X: Reals) -> Reals:
        values = project_rows(X, self.mean_, self.weights_)
        values += self.phases_.astype(X.dtype, copy=False)
        return np.sin(values, out=values)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {
            "mean_": (n_features,),
            "weights_": (n_features, self.n_bits),
            "phases_": (self.n_bits,),
            "directions_": (self.n_bits,),
            "modes_": (self.n_bits,),
        }

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2), cls(n_bits=16)]


def smoothest_modes(
    lengths: NDArray[np.float64], n_modes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the pairs (direction, mode >= 1) of smallest ``mode / lengths[direction]``, in order.

    Parameters
    ----------
    lengths : float64 array of shape (p,)
        Above 0 at least once. A direction of length 0 has no modes.
    n_modes : int >= 1

    Returns
    -------
    directions, modes : int64 arrays of shape (n_modes,)

    Examples
    --------
    >>> directions, modes = smoothest_modes(np.array([2.0, 5.0, 0.0]), 4)
    >>> directions.tolist(), modes.tolist()
    ([1, 1, 0, 1], [1, 2, 1, 3])
    """
    queue = [(1 / length, i, 1) for i, length in enumerate(lengths.tolist()) if length > 0]
    heapq.heapify(queue)
    chosen = np.empty((n_modes, 2), np.int64)
    for k in range(n_modes):
        _, i, mode = queue[0]
        chosen[k] = i, mode
        heapq.heapreplace(queue, ((mode + 1) / lengths[i], i, mode + 1))
    return chosen[:, 0].copy(), chosen[:, 1].copy()


def _ranges(X: Reals, mean: Reals, V: Reals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest training projection along each direction."""
    low, high = np.full(V.shape[1], np.inf), np.full(V.shape[1], -np.inf)
    for rows in row_blocks(X):
        projections = project_rows(X[rows], mean, V)
        np.minimum(low, projections.min(axis=0), out=low)
        np.maximum(high, projections.max(axis=0), out=high)
    return low, high


def _lengths(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths of the ranges; 0 for one that is rounding, and 1 for the first if all are."""
    # Centred projections have both signs, so that a range is as long as its farthest end. One
    # that is far shorter than the farthest end of all holds the rounding of a constant.
    farthest = max(-low.min(), high.max(), 0.0)
    lengths = np.where(high - low > 8 * np.finfo(np.float64).eps * farthest, high - low, 0.0)
    if not lengths.any():
        lengths[0] = 1.0
    return lengths
