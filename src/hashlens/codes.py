"""Packed binary codes: the only place where reals become bits.

A code of B bits is a row of ``ceil(B / 8)`` bytes (uint8), little bit order: bit j is
``(row[j // 8] >> (j % 8)) & 1``. The bits after the last are zero, so the Hamming distance of two
packed rows is the distance of the codes. faiss, USearch and Milvus take the same bytes.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_n_bits, refuse, words

Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Code:
    """One code by itself, to search by or to write down.

    Parameters
    ----------
    n_bits : int, 1 to 4096
    packed : bytes
        ``ceil(n_bits / 8)`` bytes, as a row of packed codes.

    Raises
    ------
    InputError
        If there are more or fewer bytes, or bits are set behind the last.

    Examples
    --------
    >>> code = Code(12, bytes([255, 10]))
    >>> code.hex, code == Code.from_hex("ff0a", 12), code.row
    ('ff0a', True, array([255,  10], dtype=uint8))
    """

    n_bits: int
    packed: bytes

    def __post_init__(self) -> None:
        size = code_size(self.n_bits)
        if not isinstance(self.packed, bytes) or len(self.packed) != size:
            wanted = f"{size} bytes, {2 * size} hex digits, for {self.n_bits} bits"
            raise refuse("code", wanted, self.packed)
        check_codes("code", self.row[None], self.n_bits)

    @classmethod
    def from_hex(cls, text: str, n_bits: int | None = None) -> Self:
        """Read a code of hex digits, two a byte; of whole bytes where its length is not given.

        Raises
        ------
        InputError
            If they are no hex digits, or not those of a code of `n_bits` bits.
        """
        try:
            packed = bytes.fromhex(text)
        except (ValueError, TypeError):
            raise refuse("code", "pairs of hex digits", text) from None
        return cls(8 * len(packed) if n_bits is None else n_bits, packed)

    @property
    def hex(self) -> str:
        """The code as hex digits, two a byte."""
        return self.packed.hex()

    @property
    def row(self) -> Codes:
        """The code as a row of packed codes: uint8 (ceil(n_bits / 8),), read-only."""
        return np.frombuffer(self.packed, np.uint8)


def code_size(n_bits: int) -> int:
    """Bytes of one packed code of `n_bits` bits.

    Examples
    --------
    >>> code_size(48), code_size(12), code_size(1)
    (6, 2, 1)
    """
    return (check_n_bits(n_bits) + 7) // 8


def binarize(values: object) -> Codes:
    """Turn reals into packed codes: bit = ``value >= 0``, so that sgn(0) = +1.

    Parameters
    ----------
    values : array of float, shape (n, n_bits)
        Projections, already shifted by their thresholds. NaN is refused.

    Returns
    -------
    codes : uint8 array of shape (n, ceil(n_bits / 8))

    Raises
    ------
    InputError
        If `values` is not a real matrix or holds NaN.

    Examples
    --------
    >>> binarize([[-0.5, 0.0, 2.0]])
    array([[6]], dtype=uint8)
    """
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise refuse("values", "a real matrix of shape (n, n_bits)", matrix)
    if np.isnan(matrix).any():
        raise refuse("values", "free of NaN", words("NaN"))
    return pack(matrix >= 0)


def pack(bits: object) -> Codes:
    """Pack 0/1 or boolean bits of shape (n, n_bits) into uint8 codes.

    Examples
    --------
    >>> pack([[1, 0, 0, 0, 0, 0, 0, 0, 1]])
    array([[1, 1]], dtype=uint8)
    """
    matrix = np.asarray(bits)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biu":
        raise refuse("bits", "a matrix of 0 and 1 of shape (n, n_bits)", matrix)
    check_n_bits(matrix.shape[1])
    if matrix.dtype != np.bool_ and not ((matrix == 0) | (matrix == 1)).all():
        raise refuse("bits", "0 or 1", words("other values"))
    return np.packbits(matrix.astype(bool), axis=1, bitorder="little")


def unpack(codes: object, n_bits: int) -> NDArray[np.bool_]:
    """Unpack codes into booleans of shape (n, n_bits).

    Examples
    --------
    >>> unpack(np.array([[6]], np.uint8), 3)
    array([[False,  True,  True]])
    """
    packed = check_codes("codes", codes, n_bits)
    return np.unpackbits(packed, axis=1, count=n_bits, bitorder="little").astype(bool)


def check_codes(name: str, value: object, n_bits: int) -> Codes:
    """Return packed codes of `n_bits` bits as they are, or raise InputError.

    Nothing is cast or reshaped: a float array, a wrong number of bytes and set padding bits are
    each refused.
    """
    size = code_size(n_bits)
    codes = np.asarray(value)
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != size:
        raise refuse(name, f"packed codes: uint8 of shape (n, {size}) for {n_bits} bits", codes)
    padding = 8 * size - n_bits
    if padding and len(codes) and int(codes[:, -1].max()) >> (8 - padding):
        raise refuse(name, f"zero in the last {padding} padding bits", words("set padding bits"))
    return codes


def hamming(a: object, b: object, n_bits: int) -> NDArray[np.int32]:
    """Hamming distance of every row of `a` to every row of `b`.

    Memory is ``len(a) * len(b)`` int32, plus a block of intermediate bytes: for small sets.
    Search with :class:`hashlens.HammingIndex` in large ones.

    Parameters
    ----------
    a, b : uint8 arrays of shape (n, ceil(n_bits / 8)) and (m, ceil(n_bits / 8))
    n_bits : int, 1 to 4096

    Returns
    -------
    distances : int32 array of shape (n, m), in bits

    Examples
    --------
    >>> hamming(pack([[1, 0, 1]]), pack([[1, 1, 1], [0, 1, 0]]), 3)
    array([[1, 3]], dtype=int32)
    """
    left, right = check_codes("a", a, n_bits), check_codes("b", b, n_bits)
    distances = np.zeros((len(left), len(right)), np.int32)
    for byte in range(left.shape[1]):
        distances += np.bitwise_count(left[:, byte, None] ^ right[None, :, byte])
    return distances


def spherical_hamming(a: object, b: object, n_bits: int) -> NDArray[np.float64]:
    r"""Spherical Hamming distance of every row of `a` to every row of `b`.

    .. math:: d(a, b) = \frac{| a \oplus b |}{| a \wedge b |}

    Two rows that lie together in many spheres are nearer than two that lie together in few, be
    the bits in which they differ as many. Where no bit is common, codes that differ are at
    infinity and equal codes, all zero, at 0. Memory is ``len(a) * len(b)`` float64, and as much
    again in passing: for small sets.

    Parameters
    ----------
    a, b : uint8 arrays of shape (n, ceil(n_bits / 8)) and (m, ceil(n_bits / 8))
        Codes of SpH, where a set bit says that the row is inside the sphere.
    n_bits : int, 1 to 4096

    Returns
    -------
    distances : float64 array of shape (n, m)

    References
    ----------
    J.-P. Heo, Y. Lee, J. He, S.-F. Chang and S.-E. Yoon, "Spherical hashing", CVPR 2012,
    section 3.2.

    Examples
    --------
    >>> spherical_hamming(pack([[1, 1, 0]]), pack([[1, 1, 1], [1, 0, 0], [0, 0, 1]]), 3)
    array([[0.5, 1. , inf]])
    """
    differing = hamming(a, b, n_bits)
    left, right = check_codes("a", a, n_bits), check_codes("b", b, n_bits)
    counts = [np.bitwise_count(codes).sum(axis=1, dtype=np.int32) for codes in (left, right)]
    # |a| + |b| counts a common bit twice, a differing one once
    common = (counts[0][:, None] + counts[1] - differing) // 2
    distances: NDArray[np.float64] = np.where(differing > 0, np.inf, 0.0)
    np.divide(differing, common, out=distances, where=common > 0)
    return distances


def as_words(codes: Codes) -> NDArray[np.uint64]:
    """Codes as rows of whole 64-bit words, zero-padded: uint64 of shape (n, ceil(n_bytes / 8))."""
    n_words = (codes.shape[1] + 7) // 8
    padded = np.zeros((len(codes), 8 * n_words), np.uint8)
    padded[:, : codes.shape[1]] = codes
    words64: NDArray[Any] = padded.view("<u8")
    return words64.astype(np.uint64, copy=False)
