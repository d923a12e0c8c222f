"""Are the bits any good: balance, correlation, dead and duplicate bits, collisions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import check_codes, unpack


@dataclass(frozen=True)
class BitHealth:
    """Figures on a set of codes.

    Attributes
    ----------
    n_codes, n_bits : int
    mean_balance : float, 0 to 1
        Mean over bits of ``1 - |2 p - 1|``, p the share of ones: 1 where half are ones.
    mean_entropy : float, 0 to 1
        Mean entropy of a bit, in bits.
    mean_correlation : float, 0 to 1
        Mean absolute correlation of two bits, over the pairs of live bits.
    dead_bits : tuple of int
        Bits that are the same in every code.
    duplicate_bits : tuple of int
        Bits that equal an earlier bit, or its opposite, in every code.
    distinct_codes : int
    """

    n_codes: int
    n_bits: int
    mean_balance: float
    mean_entropy: float
    mean_correlation: float
    dead_bits: tuple[int, ...]
    duplicate_bits: tuple[int, ...]
    distinct_codes: int


def bit_health(codes: object, n_bits: int) -> BitHealth:
    """Measure how much of their length codes use.

    Parameters
    ----------
    codes : uint8 array of shape (n >= 1, ceil(n_bits / 8))
    n_bits : int, 1 to 4096

    Returns
    -------
    health : BitHealth

    Examples
    --------
    >>> from hashlens.codes import pack
    >>> health = bit_health(pack([[0, 1, 1], [1, 0, 1], [0, 1, 1], [1, 0, 1]]), 3)
    >>> health.dead_bits, health.duplicate_bits, health.distinct_codes
    ((2,), (1,), 2)
    """
    packed = check_codes("codes", codes, n_bits)
    bits = unpack(packed, n_bits)
    share = bits.mean(axis=0)
    dead = (share == 0) | (share == 1)
    correlation = _correlation(bits.astype(np.float32), share, dead)
    same = np.triu(correlation > 1 - 1e-6, k=1)
    pairs = np.triu(np.outer(~dead, ~dead), k=1)
    inner = np.clip(share, 1e-12, 1 - 1e-12)
    entropy = -(inner * np.log2(inner) + (1 - inner) * np.log2(1 - inner))
    return BitHealth(
        n_codes=len(bits),
        n_bits=n_bits,
        mean_balance=float(np.mean(1 - np.abs(2 * share - 1))),
        mean_entropy=float(np.mean(np.where(dead, 0.0, entropy))),
        mean_correlation=float(correlation[pairs].mean()) if pairs.any() else 0.0,
        dead_bits=tuple(int(bit) for bit in np.flatnonzero(dead)),
        duplicate_bits=tuple(int(bit) for bit in np.flatnonzero(same.any(axis=0))),
        distinct_codes=len(np.unique(packed, axis=0)),
    )


def _correlation(
    bits: NDArray[np.float32], share: NDArray[np.float64], dead: NDArray[np.bool_]
) -> NDArray[Any]:
    """Absolute correlation of every pair of bits; 0 where one is dead."""
    centred = bits - share.astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64) / len(bits)
    spread = np.sqrt(np.where(dead, 1.0, share * (1 - share)))
    correlation: NDArray[Any] = np.abs(covariance / np.outer(spread, spread))
    correlation[dead] = 0.0
    correlation[:, dead] = 0.0
    return correlation
