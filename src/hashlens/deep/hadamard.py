"""Hadamard matrices: as many rows of signs as columns, any two of them orthogonal."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import circulant


def hadamard(order: int) -> NDArray[np.int8] | None:
    """Build a Hadamard matrix by doubling (Sylvester) and from quadratic residues (Paley).

    Of the orders to 100, 1, 2 and the multiples of 4, these constructions give all but 52, 92
    and 100.

    Parameters
    ----------
    order : int, >= 1

    Returns
    -------
    matrix : int8 (order, order) of -1 and +1, or None where neither construction has the order

    References
    ----------
    R. E. A. C. Paley, On orthogonal matrices, Journal of Mathematics and Physics 12, 1933.

    Examples
    --------
    >>> hadamard(4)
    array([[ 1,  1,  1,  1],
           [ 1, -1,  1, -1],
           [ 1,  1, -1, -1],
           [ 1, -1, -1,  1]], dtype=int8)
    >>> hadamard(6) is None
    True
    """
    if order == 1:
        return np.ones((1, 1), np.int8)
    half = hadamard(order // 2) if order == 2 or order % 4 == 0 else None
    if half is not None:
        return np.block([[half, half], [half, -half]])
    if order % 4 == 0 and _is_prime(order - 1):
        return _skew(order - 1)
    if order % 4 == 0 and order % 8 and _is_prime(order // 2 - 1):
        return _symmetric(order // 2 - 1)
    return None


def _skew(prime: int) -> NDArray[np.int8]:
    """Paley's first construction: order prime + 1, for a prime of the form 4k + 3."""
    return _bordered(prime, -1) + np.eye(prime + 1, dtype=np.int8)


def _symmetric(prime: int) -> NDArray[np.int8]:
    """Paley's second construction: order 2 (prime + 1), for a prime of the form 4k + 1."""
    bordered = _bordered(prime, 1)
    zero = np.array([[1, -1], [-1, -1]], np.int8)  # takes the place of each 0
    one = np.array([[1, 1], [1, -1]], np.int8)  # takes the place of each 1, its negative of -1
    unit = np.eye(prime + 1, dtype=np.int8)
    return np.kron(bordered, one) + np.kron(unit, zero)


def _bordered(prime: int, left: int) -> NDArray[np.int8]:
    """Which differences i - j are squares (+1) or not (-1) modulo a prime, with a border of 1."""
    residues = np.full(prime, -1, np.int8)
    residues[np.arange(1, prime) ** 2 % prime] = 1
    residues[0] = 0
    matrix = np.ones((prime + 1, prime + 1), np.int8)
    matrix[0, 0], matrix[1:, 0] = 0, left
    matrix[1:, 1:] = circulant(residues)
    return matrix


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))
