"""Are the bits any good: balance, entropy, correlation, dead and duplicate bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import check_codes, unpack

Floats = NDArray[np.float64]

_BLOCK = 1 << 24  # bits that are unpacked at a time
_MOST_CORRELATED = 10


@dataclass(frozen=True, eq=False)
class BitHealth:
    """Figures on the bits of a set of codes.

    Attributes
    ----------
    n_codes, n_bits : int
    ones : float64 (n_bits,), 0 to 1
        Share of the codes in which each bit is on.
    correlation : float64 (n_bits, n_bits), -1 to 1
        Of every pair of bits; 0 where one is dead.
    dead_bits : tuple of int
        Bits that are the same in every code.
    duplicate_bits : tuple of int
        Bits that equal an earlier bit, or its opposite, in every code; dead ones are not counted
        again.
    """

    n_codes: int
    n_bits: int
    ones: Floats
    correlation: Floats
    dead_bits: tuple[int, ...]
    duplicate_bits: tuple[int, ...]

    @property
    def balance(self) -> Floats:
        """``1 - |2 p - 1|`` of each bit, p its share of ones: 1 where half are ones."""
        balance: Floats = 1 - np.abs(2 * self.ones - 1)
        return balance

    @property
    def entropy(self) -> Floats:
        """Entropy of each bit, in bits, 0 to 1."""
        p = np.stack([self.ones, 1 - self.ones])
        logs = np.log2(p, out=np.zeros_like(p), where=p > 0)
        entropy: Floats = np.abs((p * logs).sum(axis=0))
        return entropy

    @property
    def mean_correlation(self) -> float:
        """Mean absolute correlation over the pairs of live bits; 0 without a pair."""
        n_live = self.n_bits - len(self.dead_bits)
        total = float(np.abs(self.correlation).sum()) - n_live
        return total / (n_live * (n_live - 1)) if n_live > 1 else 0.0

    @property
    def effective_bits(self) -> float:
        r"""How many uncorrelated bits vary as much: :math:`(\sum \lambda)^2 / \sum \lambda^2`.

        The eigenvalues are those of the correlation matrix; without correlation it is the number
        of live bits, with all bits alike it is 1.
        """
        n_live = self.n_bits - len(self.dead_bits)
        return n_live**2 / float((self.correlation**2).sum()) if n_live else 0.0

    @property
    def most_correlated(self) -> tuple[tuple[int, int, float], ...]:
        """The ten pairs of bits of largest absolute correlation: (bit, bit, correlation)."""
        first, second = np.triu_indices(self.n_bits, k=1)
        strength = np.abs(self.correlation[first, second])
        top = np.argsort(-strength, kind="stable")[:_MOST_CORRELATED]
        return tuple(
            (int(first[i]), int(second[i]), float(self.correlation[first[i], second[i]]))
            for i in top
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, JSON-able; of the correlations, the mean and the largest."""
        return {
            "n_codes": self.n_codes,
            "n_bits": self.n_bits,
            "mean_balance": float(self.balance.mean()),
            "mean_entropy": float(self.entropy.mean()),
            "mean_correlation": self.mean_correlation,
            "effective_bits": self.effective_bits,
            "dead_bits": list(self.dead_bits),
            "duplicate_bits": list(self.duplicate_bits),
            "most_correlated": [list(pair) for pair in self.most_correlated],
            "ones": self.ones.tolist(),
            "balance": self.balance.tolist(),
            "entropy": self.entropy.tolist(),
        }


def bit_health(codes: object, n_bits: int) -> BitHealth:
    """Measure how much of their length codes use.

    Memory is a block of unpacked bits and a few matrices (n_bits, n_bits), however many codes.

    Parameters
    ----------
    codes : uint8 array of shape (n >= 1, ceil(n_bits / 8))
    n_bits : int, 1 to 4096

    Returns
    -------
    health : BitHealth

    Raises
    ------
    InputError
        If they are not packed codes, or there is none.

    Examples
    --------
    >>> from hashlens.codes import pack
    >>> health = bit_health(pack([[0, 1, 1], [1, 0, 1], [0, 1, 1], [1, 0, 1]]), 3)
    >>> health.dead_bits, health.duplicate_bits, health.most_correlated[0]
    ((2,), (1,), (0, 1, -1.0))
    """
    packed = check_codes("codes", codes, n_bits)
    if not len(packed):
        raise refuse("codes", "at least one code", packed)
    together = _ones_together(packed, n_bits)
    n, alone = len(packed), np.diag(together)
    differing = alone[:, None] + alone - 2 * together  # codes in which two bits differ
    dead = (alone == 0) | (alone == n)
    same = np.triu((differing == 0) | (differing == n), k=1)
    same[dead] = False
    ones = alone / n
    return BitHealth(
        n_codes=n,
        n_bits=n_bits,
        ones=ones,
        correlation=_correlation(together / n, ones, dead),
        dead_bits=tuple(int(bit) for bit in np.flatnonzero(dead)),
        duplicate_bits=tuple(int(bit) for bit in np.flatnonzero(same.any(axis=0) & ~dead)),
    )


def _ones_together(packed: NDArray[np.uint8], n_bits: int) -> NDArray[np.int64]:
    """In how many codes two bits are both on, block by block: int64 (n_bits, n_bits)."""
    together = np.zeros((n_bits, n_bits), np.int64)
    step = max(1, _BLOCK // n_bits)
    for start in range(0, len(packed), step):
        bits = unpack(packed[start : start + step], n_bits).astype(np.float32)
        together += (bits.T @ bits).astype(np.int64)  # exact: float32 counts to 2 ** 24
    return together


def _correlation(together: Floats, ones: Floats, dead: NDArray[np.bool_]) -> Floats:
    spread = np.sqrt(np.where(dead, 1.0, ones * (1 - ones)))
    correlation: Floats = (together - np.outer(ones, ones)) / np.outer(spread, spread)
    correlation[dead] = 0.0
    correlation[:, dead] = 0.0
    return np.clip(correlation, -1.0, 1.0)
