"""How codes lie in memory: blocks of 64, word by word, read from front to back.

A block holds 64 codes: the first word of each, then the second word of each, and so on. One
instruction works on the same word of several codes, a scan reads memory in one stream however
long the codes are, and codes are appended without moving those that are there.

Words are uint64; codes of at most 32 and of at most 16 bits are one uint32 and one uint16. The
lanes of the last block that hold no code are zero.
"""

import sys
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes, code_size

LANES = 64  # codes of a block: its lanes are the bits of one mask word
_BLOCKS_AT_ONCE = 1 << 12

Blocks = NDArray[Any]  # (n_blocks, n_words, LANES), C-contiguous


@cache
def word_type(n_bits: int) -> np.dtype[Any]:
    """The unsigned integer of the blocks: the smallest that holds the code, at most 64 bits.

    Examples
    --------
    >>> word_type(12), word_type(48), word_type(256)
    (dtype('uint16'), dtype('uint64'), dtype('uint64'))
    """
    return np.dtype(np.uint16 if n_bits <= 16 else np.uint32 if n_bits <= 32 else np.uint64)


@cache
def words_of(n_bits: int) -> int:
    """Words of one code."""
    return -(-n_bits // (8 * word_type(n_bits).itemsize))


def as_rows(codes: Codes, n_bits: int) -> NDArray[Any]:
    """Codes as rows of words, zero-padded: (n, ceil(n_bytes / 8)) to (n, n_words).

    Examples
    --------
    >>> as_rows(np.array([[1], [2], [3]], np.uint8), 3)
    array([[1],
           [2],
           [3]], dtype=uint16)
    """
    words = word_type(n_bits)
    padded = np.zeros((len(codes), words_of(n_bits) * words.itemsize), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return _native(padded.view(words))


def as_blocks(codes: Codes, n_bits: int) -> Blocks:
    """Turn packed codes (n, n_bytes) into blocks (ceil(n / 64), n_words, 64).

    Examples
    --------
    >>> blocks = as_blocks(np.array([[1], [2], [3]], np.uint8), 3)
    >>> blocks.shape, blocks[0, 0, :4]
    ((1, 1, 64), array([1, 2, 3, 0], dtype=uint16))
    """
    n_blocks, n_words = -(-len(codes) // LANES), words_of(n_bits)
    blocks = np.zeros((n_blocks, n_words, LANES), word_type(n_bits))
    write_codes(blocks, 0, codes, n_bits)
    return blocks


def write_codes(blocks: Blocks, start: int, codes: Codes, n_bits: int) -> None:
    """Write packed codes into the lanes of positions `start`, `start` + 1, ... in place."""
    done = 0
    while done < len(codes):
        block, lane = divmod(start + done, LANES)
        left = len(codes) - done
        if lane or left < LANES:  # a part of one block
            rows = as_rows(codes[done : done + min(LANES - lane, left)], n_bits)
            blocks[block, :, lane : lane + len(rows)] = rows.T
        else:  # whole blocks, some at a time: a large set is never there twice
            whole = min(left // LANES, _BLOCKS_AT_ONCE)
            rows = as_rows(codes[done : done + whole * LANES], n_bits)
            parts = rows.reshape(whole, LANES, -1)
            blocks[block : block + whole] = parts.transpose(0, 2, 1)
        done += len(rows)


def packed_codes(blocks: Blocks, start: int, stop: int, n_bits: int) -> Codes:
    """Packed codes (stop - start, n_bytes) of a range of positions.

    Examples
    --------
    >>> packed_codes(as_blocks(np.array([[1], [2], [3]], np.uint8), 3), 1, 3, 3)
    array([[2],
           [3]], dtype=uint8)
    """
    first, last = start // LANES, -(-stop // LANES)
    rows = blocks[first:last].transpose(0, 2, 1).reshape(-1, blocks.shape[1])
    rows = rows[start - first * LANES : stop - first * LANES]
    little = _native(np.ascontiguousarray(rows))
    return np.ascontiguousarray(little.view(np.uint8)[:, : code_size(n_bits)])


def _native(words: NDArray[Any]) -> NDArray[Any]:
    """Little-endian words as this machine has them, and back."""
    return words if sys.byteorder == "little" else words.byteswap()
