"""ITQ: iterative quantization (Gong & Lazebnik 2011)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, principal_directions, project_rows, row_blocks
from hashlens.hashers.pca_rr import haar_rotation

_FEW_BITS = 256


class ITQ(LinearHasher):
    r"""Hashing by principal components rotated so that quantising them loses the least.

    .. math:: \min_{C, R} \; \| C - V R \|_F^2, \qquad
              C \in \{-1, 1\}^{n \times B}, \quad R^\top R = I, \quad V = X W

    X holds the training rows minus their mean, W the leading B principal directions. From a
    random rotation, each round sets :math:`C = \mathrm{sgn}(V R)` with sgn(0) = +1, then with the
    decomposition :math:`C^\top V = S \Omega Z^\top` sets :math:`R = Z S^\top`. Neither step can
    raise the loss. Memory beside X: V, one block of rows, one d x d matrix.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default 64
    n_iterations : int >= 1, default 50 (the paper's value)
    seed : int >= 0, default 0
        Of the first rotation.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        W R: orthonormal columns.
    loss_ : float64 array of shape (n_iterations,)
        The objective after the sgn step of each round.
    n_features_in_ : int

    References
    ----------
    Y. Gong and S. Lazebnik, "Iterative quantization: A Procrustean approach to learning binary
    codes", CVPR 2011, section 2.2, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> hasher = ITQ(n_bits=3).fit(X)
    >>> hasher.transform(X).shape, bool(hasher.loss_[-1] < hasher.loss_[0])
    ((100, 1), True)
    """

    bits_within_features = True

    loss_: NDArray[np.float64]

    def __init__(self, n_bits: int = 64, *, n_iterations: int = 50, seed: int = 0) -> None:
        self.n_bits = n_bits
        self.n_iterations = n_iterations
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_iterations", self.n_iterations, 1)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        self.mean_, directions = principal_directions(X, self.n_bits)
        V = project_rows(X, self.mean_, directions)  # (n, B)
        R = haar_rotation(self.n_bits, self.seed)  # (B, B)
        constant = V.size + np.square(V, dtype=np.float64).sum()
        self.loss_ = np.empty(self.n_iterations)
        # Products this small gain nothing from threads, and lose much when the cores are busy.
        with threadpool_limits(1 if self.n_bits <= _FEW_BITS else None, user_api="blas"):
            for i in range(self.n_iterations):
                product, agreement = _quantise(V, R)
                # ||C - VR||^2 = ||C||^2 + ||V||^2 - 2 tr(C^T V R), and C holds the signs of VR
                self.loss_[i] = constant - 2 * agreement
                left, _, right = np.linalg.svd(product)  # V^T C = Z Omega S^T
                R = left @ right  # Z S^T
        self.weights_ = (directions @ R).astype(X.dtype)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {**super()._shapes(n_features), "loss_": (self.n_iterations,)}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_iterations=5), cls(n_bits=12, seed=3)]


def _quantise(V: Reals, R: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Give ``V^T C`` for C = sgn(V R), and the sum of ``|V R|``, block by block of rows."""
    product, agreement = np.zeros_like(R), 0.0
    rotation = R.astype(V.dtype)
    for rows in row_blocks(V):
        rotated = V[rows] @ rotation
        C = np.where(rotated >= 0, V.dtype.type(1), V.dtype.type(-1))
        product += V[rows].T @ C
        agreement += float(np.abs(rotated).sum(dtype=np.float64))
    return product, agreement
