"""LSH: signs of random projections (Charikar 2002)."""

from typing import Self

import numpy as np

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, dtype_for, mean_of


class LSH(LinearHasher):
    r"""Locality sensitive hashing by random hyperplanes.

    .. math:: h_k(x) = [\, w_k^\top (x - \mu) \ge 0 \,], \qquad w_k \sim N(0, I)

    Two rows agree in a bit with probability :math:`1 - \theta / \pi`, where :math:`\theta` is
    their angle as seen from the training mean :math:`\mu`. The paper does not centre: without it
    features that are all positive, as images' are, lie in one cone and most bits are constant.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features.
    seed : int >= 0, default 0

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        The :math:`w_k` as columns.
    n_features_in_ : int

    References
    ----------
    M. Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> LSH(n_bits=12).fit(X).transform(X).shape
    (100, 2)
    """

    any_real = True
    nested = True

    def __init__(self, n_bits: int = 64, *, seed: int = 0) -> None:
        self.n_bits = n_bits
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        rng = np.random.default_rng(self.seed)
        self.mean_ = mean_of(X).astype(dtype_for(X))
        self.weights_ = rng.standard_normal((self.n_bits, X.shape[1])).T.astype(dtype_for(X))

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=12), cls(n_bits=16, seed=3)]
