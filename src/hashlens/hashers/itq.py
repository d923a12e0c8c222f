"""ITQ: iterative quantization (Gong & Lazebnik 2011)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_float, check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, principal_directions, project_rows
from hashlens.hashers.pca_rr import haar_rotation
from hashlens.hashers.rotation import MOMENTUM, N_ITERATIONS, learn_rotation
from hashlens.hashers.samples import drawn_rows


class ITQ(LinearHasher):
    r"""Hashing by principal components rotated so that quantising them loses the least.

    .. math:: \min_{C, R} \; \| C - V R \|_F^2, \qquad
              C \in \{-1, 1\}^{n \times B}, \quad R^\top R = I, \quad V = X W

    X holds the training rows minus their mean, W the leading B principal directions. From a
    random rotation, each round sets :math:`C = \mathrm{sgn}(V R)` with sgn(0) = +1, then with the
    decomposition :math:`C^\top V = S \Omega Z^\top` sets :math:`R = Z S^\top`. Neither step can
    raise the loss.

    Beyond the paper, a round goes on the way it came: :math:`C^\top V` is moved by `momentum` times
    its change since the round before. After 20 rounds the loss is then about that of 50 of the
    paper's, or lower. Where such a step raises the loss it is taken back, and the paper's is taken.

    Of more than `sample_rows` rows, so many are drawn to learn from: W and R have too few numbers
    for more rows to change the codes' quality beyond what another seed does. X may be mapped from
    a file, of any real dtype: it is read once, to see that it is finite. Memory beside it: the
    rows drawn, V, one block of rows, one d x d matrix.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default 64
    n_iterations : int >= 1, default 20 (the paper's value is 50)
    momentum : float, 0 to 1, default 1
        0: the paper's rounds.
    sample_rows : int >= 2, default 32,768
        Rows drawn for the fit (all of them, if there are no more).
    seed : int >= 0, default 0
        Of the first rotation, and of the rows drawn.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        W R: orthonormal columns.
    loss_ : float64 array of shape (n_iterations,)
        The objective after the sgn step of each round, on the rows learnt from; it never rises.
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

    any_real = True
    bits_within_features = True

    loss_: NDArray[np.float64]

    def __init__(
        self,
        n_bits: int = 64,
        *,
        n_iterations: int = N_ITERATIONS,
        momentum: float = MOMENTUM,
        sample_rows: int = 2**15,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.n_iterations = n_iterations
        self.momentum = momentum
        self.sample_rows = sample_rows
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_iterations", self.n_iterations, 1)
        check_float("momentum", self.momentum, 0, 1)
        check_int("sample_rows", self.sample_rows, 2)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        drawn = drawn_rows(X, self.sample_rows, self.seed)[:]  # to be gone through twice
        self.mean_, directions = principal_directions(drawn, self.n_bits)
        V = project_rows(drawn, self.mean_, directions)  # (n, B)
        R = haar_rotation(self.n_bits, self.seed)  # (B, B)
        R, self.loss_ = learn_rotation(V, R, self.n_iterations, self.momentum)
        self.weights_ = (directions @ R).astype(V.dtype)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {**super()._shapes(n_features), "loss_": (self.n_iterations,)}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_iterations=5), cls(n_bits=12, seed=3)]
