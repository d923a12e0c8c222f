"""PCAH: signs of the principal components."""

from typing import Self

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, principal_directions
from hashlens.hashers.samples import SAMPLE_ROWS, drawn_rows


class PCAH(LinearHasher):
    r"""Hashing by the signs of the leading principal components.

    .. math:: h_k(x) = [\, w_k^\top (x - \mu) \ge 0 \,], \qquad
              \tfrac{1}{n} X^\top X w_k = \lambda_k w_k, \quad \lambda_1 \ge \lambda_2 \ge \dots

    X holds the training rows minus their mean :math:`\mu`. The sign of an eigenvector is chosen
    so that its entry of largest magnitude is positive.

    Of more than `sample_rows` rows, so many are drawn to learn from, always the same ones: on a
    million rows the directions of 100,000 keep all but some ten-thousandths of the variance that
    those of all rows keep. X may be mapped from a file, of any real dtype.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default 64
    sample_rows : int >= 2, default 100,000
        Rows drawn for the fit (all of them, if there are no more).

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        Orthonormal columns, the largest variance first.
    n_features_in_ : int

    References
    ----------
    Y. Gong and S. Lazebnik, "Iterative quantization: A Procrustean approach to learning binary
    codes", CVPR 2011, section 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> PCAH(n_bits=3).fit(X).transform(X).shape
    (100, 1)
    """

    bits_within_features = True
    any_real = True
    nested = True

    def __init__(self, n_bits: int = 64, *, sample_rows: int = SAMPLE_ROWS) -> None:
        self.n_bits = n_bits
        self.sample_rows = sample_rows

    def _check_params(self) -> None:
        super()._check_params()
        check_int("sample_rows", self.sample_rows, 2)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        self.mean_, self.weights_ = principal_directions(
            drawn_rows(X, self.sample_rows, seed=0), self.n_bits
        )

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=1), cls(n_bits=12)]
