"""KSH: supervised hashing with kernels (Liu et al. 2012)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_float, check_int
from hashlens.hashers.anchors import AnchorKernel
from hashlens.hashers.base import Hasher, Tell
from hashlens.hashers.ksh_ascent import ascend
from hashlens.hashers.labels import check_labels_differ
from hashlens.hashers.pca import Reals, fix_signs
from hashlens.hashers.similarity import LabelSimilarity

Floats = NDArray[np.float64]


class KSH(Hasher):
    r"""Hashing by kernels on anchors, so that codes agree as labels do.

    .. math:: \min_A \; \Bigl\| \frac{1}{B} \sum_{k=1}^B h_k h_k^\top - S \Bigr\|_F^2, \qquad
              h_k = \mathrm{sgn}(\bar K a_k)

    .. math:: \bar\kappa_j(x) = \exp\left( -\frac{\|x - x_j\|^2}{2 \sigma^2} \right) - \mu_j

    S is +1 where two labelled rows share a label and -1 elsewhere, :math:`\bar K` the centred
    kernel of the labelled rows with the anchors. Bits are learnt one after the other on the
    residue :math:`R_{k-1} = B S - \sum_{i<k} h_i h_i^\top`. The spectral start maximises
    :math:`a^\top \bar K^\top R \bar K a` where :math:`\|\bar K a\|^2 = l`, the number of
    labelled rows. From there Nesterov's accelerated gradient ascent maximises
    :math:`b^\top R \, b` with :math:`b = 2 / (1 + e^{-\bar K a}) - 1`. Of the two, the codes h with
    the larger :math:`h^\top R h` stay.

    S and R are never formed: a product costs O(l B + C) with one label a row. Rows of several
    labels are grouped by their distinct sets: 10,000 of them, or more where few share a label;
    beyond that the fit is refused. Time grows with l, and with the square of B once B is large.

    Differs from the paper in the coordinates of a: those in which the kernel columns have
    covariance I, up to `regularization`, which is added to the covariance as a part of its mean
    variance. Start and ascent work there. In the paper's coordinates the ascent is far from its
    end after 500 steps, here it takes some tens; without the addition few labelled rows would be
    learnt by heart, and fewer distinct rows than anchors could not be solved.

    Parameters
    ----------
    n_bits : int, 1 to 4096, default 64
        May exceed anchors, rows and classes: each bit is fitted to what those before left.
    n_anchors : int >= 1, default 300 (the paper's value)
        Anchors are training rows; they repeat where there are fewer rows.
    n_labelled : int >= 2, default 5000 (the paper: 1000 to 5000)
        Training rows to learn from, drawn at random; all where there are fewer. Some tens of
        rows for each class are wanted: raise it for hundreds of classes.
    n_iterations : int >= 0, default 500 (that of the authors' program)
        Most gradient steps for a bit. 0: the spectral start alone.
    regularization : float >= 1e-8, default 0.01 (the paper: none)
        Larger for fewer labelled rows an anchor.
    seed : int >= 0, default 0
        Of the anchors and the labelled rows.

    Attributes
    ----------
    anchors_ : array of shape (n_anchors, n_features_in_)
    width_ : float
        :math:`\sigma`: its square is the mean squared distance of training rows to anchors.
    kernel_mean_ : array of shape (n_anchors,)
        :math:`\mu_j`: the mean of the kernel over all training rows.
    weights_ : array of shape (n_anchors, n_bits)
        The :math:`a_k` as columns; of each the entry of largest magnitude is positive.
    loss_ : float64 array of shape (n_bits,)
        The objective over :math:`l^2` with the bits so far; with none it is 1.
    n_features_in_ : int

    References
    ----------
    W. Liu, J. Wang, R. Ji, Y.-G. Jiang and S.-F. Chang, "Supervised hashing with kernels", CVPR
    2012, "Hash functions with kernels" to "Greedy optimization" and algorithm 1. The width is
    that of the authors' program.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(90) % 3
    >>> X = rng.normal(size=(90, 4)) + 3 * rng.normal(size=(3, 4))[y]
    >>> hasher = KSH(n_bits=12, n_anchors=20).fit(X, y)
    >>> hasher.transform(X).shape, bool(hasher.loss_[-1] < 0.5)
    ((90, 2), True)
    """

    anchors_: Reals
    width_: float
    kernel_mean_: Reals
    weights_: Reals
    loss_: Floats

    labels = "required"

    def __init__(
        self,
        n_bits: int = 64,
        *,
        n_anchors: int = 300,
        n_labelled: int = 5000,
        n_iterations: int = 500,
        regularization: float = 0.01,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.n_anchors = n_anchors
        self.n_labelled = n_labelled
        self.n_iterations = n_iterations
        self.regularization = regularization
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_anchors", self.n_anchors, 1)
        check_int("n_labelled", self.n_labelled, 2)
        check_int("n_iterations", self.n_iterations, 0)
        check_float("regularization", self.regularization, 1e-8)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: csr_array | None, tell: Tell) -> None:
        Y = check_labels_differ(y)
        kernel = AnchorKernel.fit(X, self.n_anchors, self.seed)
        rng = np.random.default_rng([self.seed, 1])  # not the anchors' order again
        some = np.sort(rng.permutation(len(X))[: self.n_labelled])
        K = kernel.features(X[some]).astype(np.float64)  # (l, m)
        with threadpool_limits(1, user_api="blas"):  # bound by memory; the same on any machine
            whitening = _whitening(K, self.regularization)  # (m, m)
            residue = Residue(LabelSimilarity(Y[some]), self.n_bits)
            learnt = self._learn_bits(K @ whitening, residue, tell)  # (m, B)
            weights = fix_signs(whitening @ learnt)
        self.anchors_, self.width_, self.kernel_mean_ = kernel.anchors, kernel.width, kernel.mean
        self.weights_ = weights.astype(X.dtype)
        self.loss_ = residue.loss

    def _learn_bits(self, K: Floats, residue: "Residue", tell: Tell) -> Floats:
        """Learn one bit after the other on white kernel columns `K`, of shape (l, m)."""
        M = K.T @ residue.times(K)  # K^T R K, (m, m)
        learnt = np.empty((K.shape[1], self.n_bits))
        for k in range(self.n_bits):
            start = _spectral_start(M, K)
            ascended = ascend(K, residue.times, start, self.n_iterations)
            gains = [residue.gain(K @ a) for a in (start, ascended)]
            best = ascended if gains[1] > gains[0] else start
            learnt[:, k] = best
            v = K.T @ residue.subtract(K @ best)
            M -= np.outer(v, v)
            tell(k + 1, self.n_bits)
        return learnt

    def _project(self, X: Reals) -> Reals:
        kernel = AnchorKernel(self.anchors_, self.width_, self.kernel_mean_)
        return kernel.project(X, self.weights_)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {
            "anchors_": (self.n_anchors, n_features),
            "width_": (),
            "kernel_mean_": (self.n_anchors,),
            "weights_": (self.n_anchors, self.n_bits),
            "loss_": (self.n_bits,),
        }

    @classmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests."""
        return [cls(n_bits=2, n_anchors=10), cls(n_bits=12, n_anchors=40, n_labelled=100, seed=3)]


class Residue:
    """What the bits so far leave of ``B S``: multiplied, never formed.

    Parameters
    ----------
    similarity : LabelSimilarity
    n_bits : int >= 1
        How many bits there will be.

    Attributes
    ----------
    loss : float64 array of shape (n_bits,)
        ``||R||^2 / (B l)^2`` after each bit.
    """

    def __init__(self, similarity: LabelSimilarity, n_bits: int) -> None:
        self._similarity = similarity
        self._n_learnt = 0
        self._H = np.empty((len(similarity.sets), n_bits), order="F")  # codes, (l, B)
        self.loss = np.ones(n_bits)

    def times(self, V: Floats) -> Floats:
        """Compute ``R @ V`` for V of shape (l,) or (l, k)."""
        H = self._H[:, : self._n_learnt]
        product: Floats = self._H.shape[1] * self._similarity.times(V) - H @ (H.T @ V)
        return product

    def gain(self, values: Floats) -> float:
        """Compute ``h^T R h`` for the signs h of `values`."""
        h = _signs(values)
        return float(h @ self.times(h))

    def subtract(self, values: Floats) -> Floats:
        """Take ``h h^T`` from R, for the signs h of `values`, and return h."""
        h, k = _signs(values), self._n_learnt
        # ||R - h h^T||^2 = ||R||^2 - 2 h^T R h + l^2
        change = (len(h) ** 2 - 2 * self.gain(values)) / self._H.size**2
        self.loss[k] = (self.loss[k - 1] if k else 1.0) + change
        self._H[:, k] = h
        self._n_learnt += 1
        return h


def _signs(z: Floats) -> Floats:
    return np.where(z >= 0, 1.0, -1.0)


def _whitening(K: Floats, regularization: float) -> Floats:
    """Give T such that the columns of K T have length sqrt(l), less what `regularization` takes."""
    variances, axes = eigh(K.T @ K / len(K))
    variances = np.maximum(variances, 0)
    whitening: Floats = axes / np.sqrt(variances + regularization * (variances.mean() or 1.0))
    return whitening


def _spectral_start(M: Floats, K: Floats) -> Floats:
    """Give the leading eigenvector of ``K^T R K``, so long that ``||K a||^2`` is l."""
    size = len(M)
    _, vectors = eigh(M, subset_by_index=(size - 1, size - 1))
    a: Floats = vectors[:, 0]
    norm = np.linalg.norm(K @ a)
    return a * np.sqrt(len(K)) / norm if norm > 0 else a
