"""PCA-RR: principal components under a random rotation (Gong & Lazebnik 2011)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, principal_directions
from hashlens.hashers.samples import SAMPLE_ROWS, drawn_rows


def haar_rotation(size: int, seed: int, n_columns: int | None = None) -> NDArray[np.float64]:
    """Draw an orthogonal matrix uniformly (Haar): QR of a Gaussian, with diag(R) made positive.

    Without the signs the factor Q of LAPACK is not uniform (Mezzadri, Notices AMS 54, 2007).

    Parameters
    ----------
    size : int >= 1
    seed : int >= 0
    n_columns : int, 1 to size, optional
        Draw only so many columns, orthonormal and as uniform; all of them where None.

    Returns
    -------
    rotation : float64 array of shape (size, n_columns or size)

    Examples
    --------
    >>> R = haar_rotation(3, seed=0)
    >>> bool(np.allclose(R.T @ R, np.eye(3)))
    True
    """
    gaussian = np.random.default_rng(seed).standard_normal((size, n_columns or size))
    orthogonal, triangular = np.linalg.qr(gaussian)
    rotation: NDArray[np.float64] = orthogonal * np.where(np.diag(triangular) < 0, -1.0, 1.0)
    return rotation


class PCARR(LinearHasher):
    r"""Hashing by the signs of randomly rotated principal components.

    .. math:: h(x) = [\, R^\top W^\top (x - \mu) \ge 0 \,], \qquad R \sim \mathrm{Haar}(O(B))

    W holds the leading B principal directions, as in :class:`PCAH`. The rotation spreads the
    variance evenly over the bits and keeps all distances between the projections.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default 64
    sample_rows : int >= 2, default 100,000
        Rows drawn for the fit (all of them, if there are no more), as by :class:`PCAH`.
    seed : int >= 0, default 0
        Of the rotation, and of the rows drawn.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        W R: orthonormal columns.
    n_features_in_ : int

    References
    ----------
    Y. Gong and S. Lazebnik, "Iterative quantization: A Procrustean approach to learning binary
    codes", CVPR 2011, sections 2.2 and 3.2 (PCA-RR).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> PCARR(n_bits=3).fit(X).transform(X).shape
    (100, 1)
    """

    any_real = True
    bits_within_features = True

    def __init__(self, n_bits: int = 64, *, sample_rows: int = SAMPLE_ROWS, seed: int = 0) -> None:
        self.n_bits = n_bits
        self.sample_rows = sample_rows
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("sample_rows", self.sample_rows, 2)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        self.mean_, directions = principal_directions(
            drawn_rows(X, self.sample_rows, self.seed), self.n_bits
        )
        self.weights_ = (directions @ haar_rotation(self.n_bits, self.seed)).astype(
            directions.dtype
        )

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2), cls(n_bits=12, seed=3)]
