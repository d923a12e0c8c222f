"""The rotation of ITQ, for what is to be quantised: by principal components or by labels."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from hashlens.hashers.pca import Reals, row_blocks, rows_in_cache

N_ITERATIONS, MOMENTUM = 20, 1.0


def learn_rotation(
    V: Reals, R: NDArray[np.float64], n_iterations: int, momentum: float = 0.0
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
    momentum : float >= 0, default 0
        Part of the change of ``V^T C`` since the round before that is added to it, but in the last
        round. 0: the rounds of Gong & Lazebnik 2011, section 2.2.

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
    blocks = [_Block(V[rows]) for rows in row_blocks(V, rows_in_cache(R.shape[1]))]
    constant = len(V) * R.shape[1] + sum(block.square for block in blocks)
    n_threads = min(len(blocks), _blas_threads())
    loss, product = np.empty(n_iterations), np.zeros(R.shape)  # V^T C
    before = target = product.copy()
    # The threads share the blocks, not each small product: to split these costs more than it
    # gains, and much more when the cores are busy. The sum is the same for any number of them.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_threads) as pool:
        share = pool.map if n_threads > 1 else map
        for i in range(n_iterations):
            for change in share(partial(_Block.turn, R=R.astype(V.dtype)), blocks):
                product += change
            # ||C - VR||^2 = ||C||^2 + ||V||^2 - 2 tr(C^T V R)
            loss[i] = constant - 2 * (product * R).sum()
            if np.array_equal(product, target):
                loss[i:] = loss[i]  # R came from this product: all further rounds find the same
                break
            if i and loss[i] > loss[i - 1]:  # too far: the paper's step from the round before
                loss[i], target = loss[i - 1], before
            else:
                ahead = momentum * (product - before) if 0 < i < n_iterations - 1 else 0.0
                target, before = product + ahead, product.copy()
            left, _, right = np.linalg.svd(target, full_matrices=False)  # V^T C = Z Omega S^T
            R = left @ right  # Z S^T
    return R, loss


def _blas_threads() -> int:
    """Threads that the user gives to the linear algebra."""
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return min(found, default=1)


class _Block:
    """Some rows of V, with the signs they have in C; `square` is the sum of V's squares."""

    def __init__(self, V: Reals) -> None:
        self._V = V
        self.square = float(np.vdot(V, V))
        self._signs: NDArray[np.bool_] | None = None

    def turn(self, R: Reals) -> Reals:
        """Set C = sgn(V R), and give the change of ``V^T C``.

        From one round to the next some hundredths of the signs change: their rows are added, where
        a whole product would cost as much as V R again.
        """
        V, before = self._V, self._signs
        projections = V @ R
        self._signs = now = projections >= 0
        if before is None:
            projections += 0  # -0 is +0, and its sign 1
            first: Reals = V.T @ np.copysign(1, projections, out=projections)
            return first
        changed = np.flatnonzero(now != before).astype(np.int32)
        by = np.where(now.ravel()[changed], V.dtype.type(2), V.dtype.type(-2))
        rows, columns = np.divmod(changed, np.int32(R.shape[1]))
        ends = np.cumsum(np.bincount(rows + 1, minlength=len(V) + 1), dtype=np.int32)
        change: Reals = (csc_array((by, columns, ends), shape=(R.shape[1], len(V))) @ V).T
        return change
