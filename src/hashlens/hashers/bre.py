"""BRE: binary reconstructive embeddings (Kulis & Darrell 2009)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.bre_kernels import Floats, Ints, Pairs, sweep
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, mean_of, row_blocks


class BRE(LinearHasher):
    r"""Hashing so that Hamming distances reconstruct the distances of the rows, or of the labels.

    .. math:: h_k(x) = \Bigl[ \sum_{q=1}^{s} W_{kq} \, \kappa(x_{kq}, x) \ge 0 \Bigr], \qquad
              \min_W \sum_{(i, j)} \Bigl( d_{ij}
              - \tfrac{1}{B} \sum_{k=1}^{B} [\, h_k(x_i) \ne h_k(x_j) \,] \Bigr)^2

    Each bit has s anchors :math:`x_{kq}` of its own, drawn from the training rows. An iteration
    takes one random weight of each bit and gives it its exact best value, all others held: as a
    function of one weight the objective is constant between the break points at which a row
    flips, and all of them are tried in one pass. It never rises.

    Rows minus their mean are scaled to unit length, and the kernel is linear, as in the paper's
    experiments: the anchors of a bit then fold into one direction, and a row's own length does not
    change its signs, so that the learnt hasher is one linear map. There is no bias beside the
    mean.

    Without labels :math:`d_{ij} = \tfrac14 \| x_i - x_j \|^2`. The paper's is twice that: up to 2
    for centred rows, where the other side ends at 1 and random bits give half the scale; the
    authors' program rescales too, by the largest distance it sees. With labels (the paper's
    supervised form) d is 0 where two rows share one and 1 where not.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed the number of features and of rows: anchors are drawn anew for each bit.
    n_train : int >= 2, default 1000 (the paper's value)
        Rows drawn from those given to ``fit`` to learn the weights from; all of them where there
        are fewer. The mean is that of all rows. Time and memory grow in proportion.
    n_anchors : int >= 1, default 50 (the paper's value)
        Anchors of a bit, at most the rows drawn.
    n_partners : int >= 1, default 50 (the paper's 5 % of 1,000)
        Each row drawn is paired with so many others at random, with replacement; a pair that
        comes twice counts once.
    n_iterations : int >= 1, default 100
        The authors' program goes on until an iteration gains nothing; beyond 100 little is
        gained.
    seed : int >= 0, default 0
        Of the rows, the pairs, the anchors, the first weights (normal) and the order.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        Sums of the weighted anchors.
    loss_ : float64 array of shape (n_iterations + 1,)
        The objective over the number of pairs: at the start, and after each iteration.
    n_features_in_ : int

    References
    ----------
    B. Kulis and T. Darrell, "Learning to hash with binary reconstructive embeddings", NIPS 2009,
    equation 1, and the coordinate descent that follows it.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> hasher = BRE(n_bits=12, n_iterations=5).fit(X)
    >>> hasher.transform(X).shape, bool(hasher.loss_[-1] < hasher.loss_[0])
    ((100, 2), True)
    """

    labels = "optional"

    loss_: NDArray[np.float64]

    def __init__(
        self,
        n_bits: int = 64,
        *,
        n_train: int = 1000,
        n_anchors: int = 50,
        n_partners: int = 50,
        n_iterations: int = 100,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.n_train = n_train
        self.n_anchors = n_anchors
        self.n_partners = n_partners
        self.n_iterations = n_iterations
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_train", self.n_train, 2)
        for name in "n_anchors", "n_partners", "n_iterations":
            check_int(name, getattr(self, name), 1)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: csr_array | None, tell: Tell) -> None:
        rng = np.random.default_rng(self.seed)
        self.mean_ = mean_of(X).astype(X.dtype)
        n = min(self.n_train, len(X))
        rows = np.sort(rng.choice(len(X), n, replace=False))
        Z = _unit_rows(X[rows].astype(np.float64) - self.mean_)  # (n, d)
        pairs = random_pairs(n, self.n_partners, rng)
        wanted = _distances(Z, pairs) if y is None else _differences(y[rows], pairs)
        # The products are small, and their last digits must not depend on the number of threads.
        with threadpool_limits(1, user_api="blas"):
            self.weights_ = self._descend(Z, pairs, wanted, rng, tell).T.astype(X.dtype)

    def _descend(
        self, Z: Floats, pairs: Ints, wanted: Floats, rng: np.random.Generator, tell: Tell
    ) -> Floats:
        """Minimise the objective over W; give the directions of the bits, (B, d)."""
        B, n, s = self.n_bits, len(Z), min(self.n_anchors, len(Z))
        anchors = np.stack([rng.choice(n, s, replace=False) for _ in range(B)])  # (B, s)
        W = rng.standard_normal((B, s))
        scores = _fold(W, anchors, Z) @ Z.T  # (B, n): their signs are the bits
        rowwise, wanted = by_row(pairs, wanted, n)
        residuals = B * wanted
        for bits in scores >= 0:
            residuals -= np.repeat(bits, np.diff(rowwise.offsets)) != bits[rowwise.partners]
        self.loss_ = np.empty(self.n_iterations + 1)
        self.loss_[0] = np.square(residuals / B).mean()
        every = np.arange(B)
        for i in range(self.n_iterations):
            chosen = rng.integers(s, size=B)
            columns = Z[anchors[every, chosen]] @ Z.T  # (B, n): kappa(x_kq, x_i)
            weights = W[every, chosen]
            sweep(rowwise, residuals, columns, scores, weights)
            W[every, chosen] = weights
            self.loss_[i + 1] = np.square(residuals / B).mean()
            tell(i + 1, self.n_iterations)
        return _fold(W, anchors, Z)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {**super()._shapes(n_features), "loss_": (self.n_iterations + 1,)}

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_iterations=10), cls(n_bits=16, n_train=100, n_iterations=10)]


def random_pairs(n: int, n_partners: int, rng: np.random.Generator) -> Ints:
    """Pair each of n >= 2 rows with others, drawn with replacement: distinct (i, j), i < j."""
    i = np.repeat(np.arange(n), n_partners)
    j = rng.integers(n - 1, size=len(i))
    j += j >= i  # never the row itself
    return np.unique(np.stack([np.minimum(i, j), np.maximum(i, j)], axis=1), axis=0)


def by_row(pairs: Ints, values: Floats, n: int) -> tuple[Pairs, Floats]:
    """Lay out pairs (i, j) of n rows, and a value of each, row by row."""
    rows, partners = np.concatenate([pairs, pairs[:, ::-1]]).T
    order = np.argsort(rows, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    return Pairs(offsets, partners[order]), np.concatenate([values, values])[order]


def _unit_rows(X: Floats) -> Floats:
    """Scale each row to length 1; rows of zeros stay as they are."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def _distances(Z: Floats, pairs: Ints) -> Floats:
    """Half the squared distance of the two rows of each pair, over its largest value, 2."""
    distances = np.empty(len(pairs))
    for part in row_blocks(distances):
        i, j = pairs[part].T
        distances[part] = 0.25 * np.square(Z[i] - Z[j]).sum(axis=1)
    return distances


def _differences(Y: csr_array, pairs: Ints) -> Floats:
    """0 where the two rows of a pair share a label, 1 where not."""
    i, j = pairs.T
    shared = Y[i].multiply(Y[j]).sum(axis=1)
    return np.where(shared > 0, 0.0, 1.0)


def _fold(W: Floats, anchors: Ints, Z: Floats) -> Floats:
    """Sum the weighted anchors of each bit: (B, d)."""
    B, s = W.shape
    weighted = csr_array((W.ravel(), anchors.ravel(), s * np.arange(B + 1)), shape=(B, len(Z)))
    folded: Floats = weighted @ Z
    return folded
