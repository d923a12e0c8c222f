"""Hash centres: for every class a fixed code, far from the codes of the other classes."""

import math

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.codes import pack
from hashlens.deep.hadamard import hadamard
from hashlens.search import HammingIndex

Signs = NDArray[np.int8]  # -1 and +1

SWEEPS = 4  # times that all columns are chosen anew, given the others
MAX_SWEPT_BITS = 512  # longer codes gain nothing that could be measured


def build_centres(n_classes: int, lengths: tuple[int, ...], seed: int) -> Signs:
    r"""Build a centre for every class, so that every prefix wanted is a set of good centres.

    Classes come in pairs with opposite centres, so every bit is +1 for half of the classes and a
    pair of centres has all bits between them. The pairs are rows of a Hadamard matrix where one
    exists with as many columns as bits and n_classes <= 2 n_bits: then any other two centres
    differ in exactly half of the bits. With several lengths, each stretch between two of them is
    such a matrix. Otherwise the pairs are the words of a binary linear code: bit j of word u is
    the parity of u AND g_j, and the columns g_j are chosen one by one to minimise

    .. math::
        \sum_{u \ne 0} \cosh(\lambda s_u), \qquad
        s_u = \sum_j (-1)^{\langle u, g_j \rangle}, \qquad
        \lambda = \sqrt{2 m \ln 2 / b}

    over the 2^m words, m the bits of a word's number and b the next length wanted. The distance
    of any two words is (b - s_u) / 2 for some u, so this keeps all distances near b / 2, and one
    fast Walsh-Hadamard transform gives the sum for all candidates at once: the method of
    conditional expectations. 1,000 classes of 64 bits are 25 bits apart, 40,000 are 20 (drawn at
    random: 14 and 9). Memory is n_classes x n_bits bytes and a few times 2^m numbers.

    Where 2^n_bits < n_classes, centres coincide, on as many classes each as evenly as can be.

    The CSQ paper draws centres at random where no Hadamard matrix of Sylvester's kind has the
    size, with no bound on their distance.

    Parameters
    ----------
    n_classes : int, >= 2
    lengths : tuple of int, ascending
        Prefixes that are to be centres themselves, n_bits last.
    seed : int
        Which class has which centre, and which side of a bit is +1.

    Returns
    -------
    centres : int8 (n_classes, n_bits) of -1 and +1

    References
    ----------
    L. Yuan et al., Central similarity quantization, CVPR 2020, section 3. N. Alon, J. Spencer,
    The probabilistic method, chapter 16 (conditional expectations).

    Examples
    --------
    >>> centres = build_centres(10, (48,), seed=0)
    >>> centres.shape, min_distance(centres), int(abs(centres.sum(0)).max())
    ((10, 48), 24, 0)
    """
    check_int("n_classes", n_classes, 2)
    rng = np.random.default_rng(seed)
    rows = _hadamard_rows(n_classes, lengths, rng)
    if rows is None:
        rows = _linear_rows(n_classes, lengths)
    number = rng.permutation(n_classes)  # of a class; even and odd neighbours are opposite
    signs: Signs = 1 - 2 * (number % 2)[:, None].astype(np.int8)
    flips = rng.choice(np.array([-1, 1], np.int8), lengths[-1])
    centres: Signs = rows[number // 2 % len(rows)] * signs * flips
    return centres


def min_distance(centres: Signs) -> int:
    """Find the smallest Hamming distance between two centres, exactly, in blocks.

    Examples
    --------
    >>> min_distance(np.array([[1, 1, 1], [-1, -1, -1], [1, -1, 1]], np.int8))
    1
    """
    codes = pack(centres > 0)
    # The nearest centre is the centre itself, or one that coincides with it.
    return int(HammingIndex(codes, centres.shape[1]).search(codes, 2).distances[:, 1].min())


def _hadamard_rows(
    n_classes: int, lengths: tuple[int, ...], rng: np.random.Generator
) -> Signs | None:
    """Rows for every second class, or None where a stretch has no matrix or too few rows."""
    widths = [int(width) for width in np.diff(lengths, prepend=0)]
    if n_classes > 2 * min(widths):
        return None
    blocks = [hadamard(width) for width in widths]
    n_rows = (n_classes + 1) // 2
    rows = [b[rng.permutation(len(b))[:n_rows]] for b in blocks if b is not None]
    return np.concatenate(rows, axis=1) if len(rows) == len(blocks) else None


def _linear_rows(n_classes: int, lengths: tuple[int, ...]) -> Signs:
    """Words of a greedily built linear code, int8 (about n_classes / 2, n_bits)."""
    n_rows = (min(n_classes, 2 ** lengths[-1]) + 1) // 2
    columns = _choose_columns((n_rows - 1).bit_length(), lengths)
    words = np.arange(n_rows)
    return np.stack([_signs(words, column) for column in columns], axis=1)


def _choose_columns(word_bits: int, lengths: tuple[int, ...]) -> list[int]:
    """Choose the columns g_j, greedily, then each anew given the others."""
    words = np.arange(1 << word_bits)
    # Any columns that tell all words apart can be brought to this form by renumbering the words.
    # A shorter prefix has the low bits of the number, shared out evenly.
    columns = [0, *(1 << i for i in range(word_bits))][: lengths[-1]]
    sums = np.zeros(len(words), np.int64)
    for column in columns:
        sums += _signs(words, column)
    for length in lengths:
        rate = math.sqrt(2 * max(word_bits, 1) * math.log(2) / length)
        first = len(columns)
        while len(columns) < length:
            columns.append(_best_column(sums, rate))
            sums += _signs(words, columns[-1])
        for _ in range(SWEEPS if length <= MAX_SWEPT_BITS else 0):
            for j in range(first, length):
                sums -= _signs(words, columns[j])
                columns[j] = _best_column(sums, rate)
                sums += _signs(words, columns[j])
    return columns


def _signs(words: NDArray[np.int64], column: int) -> Signs:
    """Bit of each word for a column: +1 where the parity of ``words & column`` is even."""
    odd = np.bitwise_count(words & column) & 1
    signs: Signs = 1 - 2 * odd.astype(np.int8)
    return signs


def _best_column(sums: NDArray[np.int64], rate: float) -> int:
    """Column that leaves the smallest sum of cosh(rate * sums).

    cosh(a + e) = cosh(a) cosh(e) + sinh(a) sinh(e): with e = +-rate, only the second part depends
    on the column, and its sum over the words is a Walsh-Hadamard transform.
    """
    pull = np.sinh(rate * sums)
    pull[0] = 0.0  # the word 0 has no bits to tell it by
    transformed = _walsh_hadamard(pull)
    # The first of equals, up to rounding, so that every machine chooses the same.
    slack = 1e-9 * np.abs(transformed).max()
    return int(np.flatnonzero(transformed <= transformed.min() + slack)[0])


def _walsh_hadamard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform 2^m values: out[g] = sum of values[u] times the sign of word u for column g."""
    width = 1
    while width < len(values):
        pairs = values.reshape(-1, 2, width)
        sums, differences = pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]
        values = np.stack([sums, differences], axis=1).reshape(-1)
        width *= 2
    return values
