"""ITQ: iterative quantization (Gong & Lazebnik 2011)."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_int
from hashlens.hashers.base import Tell
from hashlens.hashers.linear import LinearHasher
from hashlens.hashers.pca import Reals, principal_directions, project_rows, row_blocks
from hashlens.hashers.pca_rr import haar_rotation
from hashlens.hashers.samples import drawn_rows

_BLOCK = 2**18  # numbers that stay in a processor's own cache


class ITQ(LinearHasher):
    r"""Hashing by principal components rotated so that quantising them loses the least.

    .. math:: \min_{C, R} \; \| C - V R \|_F^2, \qquad
              C \in \{-1, 1\}^{n \times B}, \quad R^\top R = I, \quad V = X W

    X holds the training rows minus their mean, W the leading B principal directions. From a
    random rotation, each round sets :math:`C = \mathrm{sgn}(V R)` with sgn(0) = +1, then with the
    decomposition :math:`C^\top V = S \Omega Z^\top` sets :math:`R = Z S^\top`. Neither step can
    raise the loss.

    Of more than `sample_rows` rows, so many are drawn to learn from: W and R have too few numbers
    for more rows to change the codes' quality beyond what another seed does. X may be mapped from
    a file, of any real dtype: it is read once, to see that it is finite. Memory beside it: the
    rows drawn, V, one block of rows, one d x d matrix.

    Parameters
    ----------
    n_bits : int, 1 to n_features, default 64
    n_iterations : int >= 1, default 50 (the paper's value)
    sample_rows : int >= 2, default 50,000
        Rows drawn for the fit (all of them, if there are no more).
    seed : int >= 0, default 0
        Of the first rotation, and of the rows drawn.

    Attributes
    ----------
    mean_ : array of shape (n_features_in_,)
    weights_ : array of shape (n_features_in_, n_bits)
        W R: orthonormal columns.
    loss_ : float64 array of shape (n_iterations,)
        The objective after the sgn step of each round, on the rows learnt from.
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
        n_iterations: int = 50,
        sample_rows: int = 50_000,
        seed: int = 0,
    ) -> None:
        self.n_bits = n_bits
        self.n_iterations = n_iterations
        self.sample_rows = sample_rows
        self.seed = seed

    def _check_params(self) -> None:
        super()._check_params()
        check_int("n_iterations", self.n_iterations, 1)
        check_int("sample_rows", self.sample_rows, 2)
        check_int("seed", self.seed, 0)

    def _fit(self, X: Reals, y: object, tell: Tell) -> None:  # noqa: ARG002 - unsupervised
        X = drawn_rows(X, self.sample_rows, self.seed)
        self.mean_, directions = principal_directions(X, self.n_bits)
        V = project_rows(X, self.mean_, directions)  # (n, B)
        R = haar_rotation(self.n_bits, self.seed)  # (B, B)
        R, self.loss_ = learn_rotation(V, R, self.n_iterations)
        self.weights_ = (directions @ R).astype(V.dtype)

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
    constant = len(V) * R.shape[1] + np.square(V, dtype=np.float64).sum()
    blocks = [_Block(V[rows]) for rows in row_blocks(V, max(64, _BLOCK // R.shape[1]))]
    n_threads = min(len(blocks), _blas_threads())
    loss, product = np.empty(n_iterations), np.zeros(R.shape)  # V^T C
    # The threads share the blocks, not each small product: to split these costs more than it
    # gains, and much more when the cores are busy. The sum is the same for any number of them.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_threads) as pool:
        share = pool.map if n_threads > 1 else map
        for i in range(n_iterations):
            turn = partial(_Block.turn, R=R.astype(V.dtype))
            change = np.zeros(R.shape)
            for part in share(turn, blocks):
                change += part
            product += change
            # ||C - VR||^2 = ||C||^2 + ||V||^2 - 2 tr(C^T V R)
            loss[i] = constant - 2 * (product * R).sum()
            if not change.any():
                loss[i:] = loss[i]  # all further rounds would find the same
                break
            left, _, right = np.linalg.svd(product, full_matrices=False)  # V^T C = Z Omega S^T
            R = left @ right  # Z S^T
    return R, loss


def _blas_threads() -> int:
    """Threads that the user gives to the linear algebra."""
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return min(found, default=1)


class _Block:
    """Some rows of V, with the signs they have in C."""

    def __init__(self, V: Reals) -> None:
        self._V = V
        self._signs: NDArray[np.bool_] | None = None

    def turn(self, R: Reals) -> Reals:
        """Set C = sgn(V R), and give the change of ``V^T C``.

        From one round to the next some hundredths of the signs change, later some thousandths:
        their rows are added, where a whole product would cost as much as V R again.
        """
        V, before = self._V, self._signs
        self._signs = now = V @ R >= 0
        one = V.dtype.type(1)
        if before is None:
            first: Reals = V.T @ np.where(now, one, -one)
            return first
        changed = np.flatnonzero(now != before)
        rows, columns = np.divmod(changed, R.shape[1])
        by = np.where(now.ravel()[changed], 2 * one, -2 * one)
        change: Reals = (csc_array((by, (columns, rows)), shape=(R.shape[1], len(V))) @ V).T
        return change
