"""Stage 1 of CNNH: codes whose inner products are the similarities, by coordinate descent."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hashlens.compiling import compiled
from hashlens.deep.label_groups import LabelGroups

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
Function = TypeVar("Function", bound=Callable[..., Any])

MAX_SWEEPS = 30
LEAST_FALL = 1e-5  # a sweep that lowers the objective by less is the last within [-1, 1]
SETTLED = 1e-7  # likewise for signs, where a few classes with one code matter
MAX_STARTS = 16
ENTRIES = 20_000  # few classes are solved from several starts: so many entries in all


class CodeDescent(NamedTuple):
    """Codes for groups of images, and how the objective fell.

    Attributes
    ----------
    codes : float32 (m, n_bits)
        Of -1 and +1.
    relaxed : list of float
        The objective within [-1, 1] for the longest length: at the start, and after each sweep.
    rounded : list of float
        The objective of the signs, likewise.
    """

    codes: NDArray[np.float32]
    relaxed: list[float]
    rounded: list[float]


def descend(groups: LabelGroups, lengths: tuple[int, ...], seed: int) -> CodeDescent:
    r"""Find one code a group so that inner products tell which groups are alike.

    .. math::
        \min_{H \in [-1, 1]^{m \times b}} \sum_{c, d} w_c w_d
        \bigl( \tfrac1b h_c^\top h_d - s_{cd} \bigr)^2

    where w are the groups' shares of the images, so that the sum is
    :math:`\lVert S - H H^\top / b \rVert_F^2 / n^2` of all n images. A sweep takes time of the
    order of m b (b + pairs alike to one group); nothing is m x m, unless all are alike.

    One entry is changed at a time, bit after bit in random order (the paper: all entries in random
    order), by the Newton step of its algorithm 1, clipped to [-1, 1]. As an image moves together
    with all others of its group, the objective is often concave in an entry, where that step would
    climb: it is taken only where it lowers the objective, and so is a jump to either end. After
    the signs are taken, the same descent goes on over the ends alone, because rounding costs much
    where groups are many and bits few.

    The first lengths[0] columns are solved for their own objective and kept; then the columns up
    to lengths[1] are solved with the first ones fixed; and so on. Of several random starts (one,
    where there are more than 10,000 entries) the lowest objective is kept, and of equal ones that
    with the largest smallest distance, on which the objective has no opinion.

    Parameters
    ----------
    groups : LabelGroups
    lengths : tuple of int
        Prefixes that are to be good codes themselves, ascending; the last is the whole code.
    seed : int

    Returns
    -------
    descent : CodeDescent

    References
    ----------
    R. Xia, Y. Pan, H. Lai, C. Liu, S. Yan, Supervised hashing for image retrieval via image
    representation learning, AAAI 2014, eq. 1-8 and algorithm 1.

    Examples
    --------
    >>> from hashlens.deep.label_groups import label_groups
    >>> codes = descend(label_groups(np.array([0, 1, 1]), 2), (6,), seed=0).codes
    >>> float(codes[0] @ codes[1])
    -6.0
    """
    rng = np.random.default_rng(seed)
    codes = np.empty((len(groups.weights), 0))
    found = CodeDescent(codes.astype(np.float32), [], [])
    for n_bits in lengths:
        n_starts = int(np.clip(ENTRIES // (len(codes) * n_bits), 1, MAX_STARTS))
        starts = [_extend(groups, codes, n_bits, rng) for _ in range(n_starts)]
        found = starts[0] if n_starts == 1 else min(starts, key=_rank)
        codes = found.codes.astype(np.float64)
    return found


def objective(groups: LabelGroups, codes: Floats) -> float:
    """Give the objective of `descend` for reals (m, b), from b x b products alone."""
    n_bits = codes.shape[1]
    weighted = codes * groups.weights[:, None]
    gram = codes.T @ weighted  # (b, b)
    total = weighted.sum(0)
    ones = np.ones(len(groups.alike), np.float32)
    alike = csr_array((ones, groups.alike, groups.offsets), shape=(len(codes), len(codes)))
    crossed = 2 * np.sum(weighted * (alike @ weighted)) - total @ total  # sum of w w s h.h
    squares = groups.weights.sum() ** 2  # of s, which is -1 or +1
    return float(np.sum(gram**2) / n_bits**2 - 2 * crossed / n_bits + squares)


def _extend(
    groups: LabelGroups, fixed: Floats, n_bits: int, rng: np.random.Generator
) -> CodeDescent:
    """Solve the columns after the fixed ones from one random start."""
    m, first = fixed.shape
    start = np.hstack([fixed, rng.uniform(-1, 1, (m, n_bits - first))])
    relaxed_codes, relaxed = _sweeps(groups, start, first, False, rng)
    signs = np.where(relaxed_codes >= 0, 1.0, -1.0)
    codes, rounded = _sweeps(groups, signs, first, True, rng)
    return CodeDescent(codes.astype(np.float32), relaxed, rounded)


def _sweeps(
    groups: LabelGroups, codes: Floats, first: int, ends_only: bool, rng: np.random.Generator
) -> tuple[Floats, list[float]]:
    """Go over all entries, bit after bit, until the objective has settled."""
    m, n_bits = codes.shape
    losses = [objective(groups, codes)]
    for _ in range(MAX_SWEEPS):
        for j in rng.permutation(np.arange(first, n_bits)):
            _descend_bit(codes, int(j), rng.permutation(m), ends_only, *groups[1:])
        losses.append(objective(groups, codes))
        if losses[-2] - losses[-1] < (SETTLED if ends_only else LEAST_FALL):
            break
    return codes, losses


def _rank(found: CodeDescent) -> tuple[float, float]:
    """Order starts: the lowest objective, then the largest of the smallest distances."""
    products = found.codes @ found.codes.T
    np.fill_diagonal(products, -np.inf)
    return round(found.rounded[-1], 9), float(products.max())


def _kernel(function: Function) -> Function:
    return compiled(function, error_model="numpy")


@_kernel
def _best_value(x: float, slope: float, curvature: float, w: float, ends_only: bool) -> Any:
    """Find the lowest of: staying, Newton's step (eq. 8), either end.

    The objective is w x^4 / 4 + a x^2 / 2 + e x and a constant, of this slope and curvature at x.
    """
    a = curvature - 3 * w * x * x
    e = slope - w * x * x * x - a * x
    best, lowest = x, (w * x * x / 4 + a / 2) * x * x + e * x - 1e-12
    step = x if ends_only or curvature <= 0 else min(1.0, max(-1.0, x - slope / curvature))
    for y in (step, -1.0, 1.0):
        value = (w * y * y / 4 + a / 2) * y * y + e * y
        if value < lowest:
            best, lowest = y, value
    return best


@_kernel
def _descend_bit(  # noqa: PLR0913 - Numba takes arrays one by one
    codes: Floats,
    j: int,
    order: Ints,
    ends_only: bool,
    weights: Floats,
    offsets: Ints,
    alike: Ints,
) -> None:
    """Change every entry of bit j once, in place.

    The objective's slope and curvature in x = h_cj, times b^2 / (4 w_c), are the paper's g' and
    g'' (eq. 7), weighted: sum_d w_d L_cd h_dj and sum_d w_d h_dj^2 + w_c (h_cj^2 + L_cc), where
    L = H H^T - b S.
    """
    m, n_bits = codes.shape
    column = np.empty(m)  # w_d h_dj
    gram = np.zeros(n_bits)  # sum_d w_d h_dj h_d
    total = 0.0
    for d in range(m):
        column[d] = weights[d] * codes[d, j]
        total += column[d]
        for k in range(n_bits):
            gram[k] += column[d] * codes[d, k]
    for c in order:
        x, w = codes[c, j], weights[c]
        similar = 0.0
        for slot in range(offsets[c], offsets[c + 1]):
            similar += column[alike[slot]]
        slope = n_bits * (total - 2 * similar)
        curvature = gram[j] + w * (x * x - n_bits)
        for k in range(n_bits):
            slope += codes[c, k] * gram[k]
            curvature += w * codes[c, k] * codes[c, k]
        best = _best_value(x, slope, curvature, w, ends_only)
        if best != x:
            change = w * (best - x)
            column[c] += change
            total += change
            for k in range(n_bits):
                gram[k] += change * codes[c, k]
            gram[j] += change * best
            codes[c, j] = best
