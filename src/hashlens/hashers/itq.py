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
_BLOCK = 2**18  # numbers that stay in the processor's cache: twice as fast as 8,192 rows


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
        R, self.loss_ = learn_rotation(V, R, self.n_iterations)
        self.weights_ = (directions @ R).astype(X.dtype)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {**super()._shapes(n_features), "loss_": (self.n_iterations,)}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_iterations=5), cls(n_bits=12, seed=3)]


def learn_rotation(
    V: Reals, R: NDArray[np.float64], n_iterations: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise ``||C - V R||^2`` over sign matrices C and R with orthonormal rows, in turns.

    With more bits than columns of `V` the rows of R stay orthonormal in the longer space (a tight
    frame): the same as rotating `V` with columns of zeros at its end.

    Parameters
    ----------
    V : array of float32 or float64, shape (n, m)
    R : array of shape (m, n_bits >= m)
        Where to start.
    n_iterations : int >= 1

    Returns
    -------
    R : float64 array of shape (m, n_bits)
    loss : float64 array of shape (n_iterations,)
        The objective after the sgn step of each round; it never rises.

    Examples
    --------
    >>> R, loss = learn_rotation(np.array([[1.0], [-1.0]]), np.array([[0.6, 0.8]]), 2)
    >>> R.round(3), loss.round(3)
    (array([[0.707, 0.707]]), array([0.4  , 0.343]))
    """
    n_bits = R.shape[1]
    constant = len(V) * n_bits + np.square(V, dtype=np.float64).sum()
    loss = np.empty(n_iterations)
    # Products this small gain nothing from threads, and lose much when the cores are busy.
    with threadpool_limits(1 if n_bits <= _FEW_BITS else None, user_api="blas"):
        for i in range(n_iterations):
            product = _sign_products(V, R)
            # ||C - VR||^2 = ||C||^2 + ||V||^2 - 2 tr(C^T V R)
            loss[i] = constant - 2 * (product * R).sum()
            left, _, right = np.linalg.svd(product, full_matrices=False)  # V^T C = Z Omega S^T
            R = left @ right  # Z S^T
    return R, loss


def _sign_products(V: Reals, R: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give ``V^T C`` for C = sgn(V R), block by block of rows."""
    product = np.zeros_like(R)
    rotation = R.astype(V.dtype)
    for rows in row_blocks(V, max(64, _BLOCK // R.shape[1])):
        rotated = V[rows] @ rotation
        rotated += 0  # turns -0 into +0: sgn(0) = +1
        product += V[rows].T @ np.copysign(1, rotated, out=rotated)
    return product
