"""Anchors: training rows whose Gaussian kernel makes the features of kernel hash functions."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from hashlens.hashers.pca import Reals, row_blocks


def choose_anchors(X: Reals, n_anchors: int, seed: int) -> Reals:
    """Draw rows of `X` without replacement; once all are drawn, the same ones in the same order.

    So the shape does not depend on the number of rows: with fewer rows than `n_anchors` some
    are repeated, and what is learnt on their kernel must bear equal columns.

    Parameters
    ----------
    X : array of shape (n, d)
    n_anchors : int >= 1
    seed : int >= 0

    Returns
    -------
    anchors : array of X's dtype, shape (n_anchors, d)

    Examples
    --------
    >>> choose_anchors(np.array([[1.0], [2.0]]), 5, seed=0).ravel()
    array([1., 2., 1., 2., 1.])
    """
    order = np.random.default_rng(seed).permutation(len(X))
    return X[np.resize(order, n_anchors)]


@dataclass(frozen=True)
class AnchorKernel:
    r"""A Gaussian kernel against anchors, each of its columns centred by its training mean.

    .. math:: \bar\kappa_j(x) = \exp\left( -\frac{\|x - a_j\|^2}{2 \sigma^2} \right) - \mu_j

    Parameters
    ----------
    anchors : array of shape (n_anchors, d)
        The rows :math:`a_j`.
    width : float > 0
        :math:`\sigma`.
    mean : array of shape (n_anchors,)
        :math:`\mu_j`: the training mean of the kernel, or zeros for the kernel itself.

    Examples
    --------
    >>> kernel = AnchorKernel(np.array([[0.0], [1.0]]), 1.0, np.zeros(2))
    >>> kernel.features(np.array([[0.0]])).round(3)
    array([[1.   , 0.607]])
    """

    anchors: Reals
    width: float
    mean: Reals

    @classmethod
    def fit(cls, X: Reals, n_anchors: int, seed: int) -> Self:
        r"""Draw the anchors, and set the width and the means from the same rows.

        :math:`\sigma^2` is the mean of the squared distances between all rows and all anchors.

        Parameters
        ----------
        X : array of float32 or float64, shape (n, d)
        n_anchors : int >= 1
        seed : int >= 0

        Returns
        -------
        kernel : AnchorKernel
        """
        anchors = choose_anchors(X, n_anchors, seed)
        origin = anchors.mean(axis=0, dtype=np.float64).astype(X.dtype)
        spread = np.square(anchors - origin, dtype=np.float64).sum() / n_anchors
        for rows in row_blocks(X):
            spread += np.square(X[rows] - origin, dtype=np.float64).sum() / len(X)
        # The mean over all pairs needs no pair: seen from the anchors' mean, mixed terms vanish.
        plain = cls(anchors, float(np.sqrt(spread)) or 1.0, np.zeros(n_anchors, X.dtype))
        sums = np.zeros(n_anchors)
        for rows in row_blocks(X):
            sums += plain.features(X[rows]).sum(axis=0, dtype=np.float64)
        return cls(anchors, plain.width, (sums / len(X)).astype(X.dtype))

    def features(self, X: Reals) -> Reals:
        """Compute the centred kernel, block by block of rows.

        Parameters
        ----------
        X : array of float32 or float64, shape (n, d)

        Returns
        -------
        features : array of X's dtype, shape (n, n_anchors)
        """
        anchors, mean = (array.astype(X.dtype, copy=False) for array in (self.anchors, self.mean))
        origin = anchors.mean(axis=0)  # near the data, so that the squares below stay small
        anchors = anchors - origin
        squares = np.square(anchors).sum(axis=1)
        scale = X.dtype.type(-0.5 / self.width**2)
        features = np.empty((len(X), len(anchors)), X.dtype)
        for rows in row_blocks(X):
            moved, block = X[rows] - origin, features[rows]
            np.matmul(moved, -2 * anchors.T, out=block)
            block += squares
            block += np.square(moved).sum(axis=1)[:, None]
            np.maximum(block, 0, out=block)  # a distance of 0 may have been rounded below it
            block *= scale
            np.exp(block, out=block)
            block -= mean
        return features

    def project(self, X: Reals, weights: Reals) -> Reals:
        """Compute ``features(X) @ weights`` with the features of one block of rows at a time.

        Parameters
        ----------
        X : array of float32 or float64, shape (n, d)
        weights : array of shape (n_anchors, n_bits)

        Returns
        -------
        projections : array of X's dtype, shape (n, n_bits)
        """
        weights = weights.astype(X.dtype, copy=False)
        projections = np.empty((len(X), weights.shape[1]), X.dtype)
        for rows in row_blocks(X):
            np.matmul(self.features(X[rows]), weights, out=projections[rows])
        return projections
