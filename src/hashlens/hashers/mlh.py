"""MLH: minimal loss hashing (Norouzi & Fleet 2011)."""

from typing import Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_float, check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.mlh_bound import bound_gradient, pair_losses
from hashlens.hashers.mlh_pairs import LabelPairs
from hashlens.hashers.pca import Reals, mean_of, row_blocks

_BATCH, _MOMENTUM = 100, 0.9  # the paper's values


class MLH(LinearHasher):
    r"""Hashing that keeps pairs of one class within a radius, and other pairs outside of it.

    .. math:: \ell(m, s) = \begin{cases} \max(m - \rho + 1, 0) & s = 1 \\
              \lambda \max(\rho - m + 1, 0) & s = 0 \end{cases}, \qquad
              b(x) = \mathrm{sgn}(W (x - \mu))

    m is the Hamming distance of the codes of a pair, and s says whether the two share a label.
    What is minimised over W is an upper bound on the sum of the losses, as for structural SVMs
    with latent variables:

    .. math:: \max_{g, h \in \{-1, 1\}^B} \bigl[ \epsilon \, \ell(\| g - h \|_H, s)
              + g^\top W x + h^\top W x' \bigr] - b(x)^\top W x - b(x')^\top W x'

    The maximum is exact: once the number of differing bits is given, those that lose the least by
    differing do, so one sort of the B bits finds it. Training is by stochastic gradients on
    mini-batches of 100 pairs with momentum 0.9 from the W of :class:`LSH`; each row of W is
    scaled to length 1 after every update.

    Rows minus their mean are scaled to length 1 to learn from, and there is no bias beside the
    mean, as in the authors' program. Also as there, the learning rate falls to 0 in a line. Half
    of the pairs share a label, for with many classes chance alone gives few. Where all rows are
    of one class nothing holds them apart, and all codes may become the same.

    The paper chooses rho, lambda and epsilon by validation for each data set; the defaults were
    chosen once, on held-out training images of MNIST (pixels) and CIFAR-10 (GIST).

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features.
    rho : int, 1 to n_bits, optional
        Similar pairs cost nothing below this distance, the others nothing above it. In the paper
        it grows in proportion to the code length; where None it is n_bits / 4, rounded, and at
        least 1.
    dissimilar_weight : float, 0 to 1e6, default 1
        The paper's lambda.
    loss_scale : float, 1e-6 to 1e6, default 0.02
        The paper's epsilon. With lambda = 1, a bit whose two scores exceed half of it, of at most
        1 each, is left as it is.
    learning_rate : float, 1e-6 to 1e6, default 0.3
        Of the first update.
    n_epochs : int >= 1, default 20
        The paper: up to 2,000.
    n_pairs : int >= 1, default 100000 (the paper's value)
        Pairs of an epoch, drawn anew for each.
    seed : int >= 0, default 0
        Of the first W, and of the pairs.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        W transposed: columns of length 1.
    loss_ : float64 array of shape (n_epochs,)
        The mean loss of the pairs of each epoch, each measured before the update it takes part in.
    bound_ : float64 array of shape (n_epochs,)
        The mean of their bounds over epsilon: never below ``loss_``.
    n_features_in_ : int

    References
    ----------
    M. Norouzi and D. J. Fleet, "Minimal loss hashing for compact binary codes", ICML 2011: the
    loss in section 2, its bound in section 3, loss-adjusted inference and learning in section 4.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> y = X[:, 0] > 0
    >>> hasher = MLH(n_bits=12, n_epochs=3, n_pairs=2000).fit(X, y)
    >>> hasher.transform(X).shape, bool(hasher.loss_[-1] < hasher.loss_[0])
    ((100, 2), True)
    """

    labels = "required"

    loss_: NDArray[np.float64]
    bound_: NDArray[np.float64]

    def __init__(  # noqa: PLR0913 - the paper's hyper-parameters
        self,
        n_bits: int = 64,
        *,
        rho: int | None = None,
        dissimilar_weight: float = 1.0,
        loss_scale: float = 0.02,
        learning_rate: float = 0.3,
        n_epochs: int = 20,
        n_pairs: int = 100_000,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.rho = rho
        self.dissimilar_weight = dissimilar_weight
        self.loss_scale = loss_scale
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.n_pairs = n_pairs
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        if self.rho is not None:
            check_int("rho", self.rho, 1, self.n_bits)
        check_float("dissimilar_weight", self.dissimilar_weight, 0, 1e6)
        for name in "loss_scale", "learning_rate":
            check_float(name, getattr(self, name), 1e-6, 1e6)
        for name in "n_epochs", "n_pairs":
            check_int(name, getattr(self, name), 1)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: csr_array | None, tell: Tell) -> None:
        pairs = LabelPairs(cast(csr_array, y))  # required: fit has seen that they are given
        self.mean_ = mean_of(X).astype(X.dtype)
        # The products are small, and their last digits must not depend on the number of threads.
        with threadpool_limits(1, user_api="blas"):
            self.weights_ = self._descend(X, pairs, tell).T.copy()

    def _descend(self, X: Reals, pairs: LabelPairs, tell: Tell) -> Reals:
        """Minimise the bound by stochastic gradients; give W, (B, d)."""
        rng = np.random.default_rng(self.seed)
        W = _unit_rows(rng.standard_normal((self.n_bits, X.shape[1])).astype(X.dtype))
        velocity = np.zeros_like(W)
        rho = max(1, round(self.n_bits / 4)) if self.rho is None else self.rho
        losses = (self.loss_scale * pair_losses(self.n_bits, rho, self.dissimilar_weight)).astype(
            X.dtype
        )
        scale = _inverse_lengths(X, self.mean_)
        self.loss_, self.bound_ = np.zeros(self.n_epochs), np.zeros(self.n_epochs)
        starts = range(0, self.n_pairs, _BATCH)
        n_updates, done = self.n_epochs * len(starts), 0
        for epoch in range(self.n_epochs):
            drawn, similar = pairs.draw(self.n_pairs, rng)
            for start in starts:
                part = slice(start, start + _BATCH)
                first, second = (
                    (X[rows] - self.mean_) * scale[rows, None] for rows in drawn[:, part]
                )
                gradient, bound, loss = bound_gradient(W, first, second, losses[similar[part]])
                rate = self.learning_rate * (1 - done / n_updates) / len(first)
                velocity = _MOMENTUM * velocity - X.dtype.type(rate) * gradient
                W = _unit_rows(W + velocity)
                self.bound_[epoch] += bound
                self.loss_[epoch] += loss
                done += 1
            tell(epoch + 1, self.n_epochs)
        for record in self.bound_, self.loss_:
            record /= self.loss_scale * self.n_pairs
        return W

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        epochs = (self.n_epochs,)
        return {**super()._shapes(n_features), "loss_": epochs, "bound_": epochs}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [
            cls(n_bits=2, n_epochs=2, n_pairs=1000),
            cls(n_bits=16, rho=3, n_epochs=2, n_pairs=2000, seed=3),
        ]


def _unit_rows(W: Reals) -> Reals:
    lengths = np.linalg.norm(W, axis=1, keepdims=True)
    return W / np.where(lengths > 0, lengths, 1)


def _inverse_lengths(X: Reals, mean: Reals) -> Reals:
    """1 / ||x - mean|| of each row, 0 where a row is the mean."""
    lengths = np.empty(len(X), X.dtype)
    for rows in row_blocks(X):
        lengths[rows] = np.linalg.norm(X[rows] - mean, axis=1)
    return np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
