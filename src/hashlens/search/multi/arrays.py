"""Tables that come from a file: plain arrays that must belong together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.errors import FormatError
from hashlens.search.blocks import word_type, words_of
from hashlens.search.multi.build import MAX_WIDTH, count_type, n_offsets, substrings_of
from hashlens.search.multi.keys import FIRST

Array = NDArray[Any]

_NAMES = ("offsets", "positions", "codes")


def check_tables(arrays: Mapping[str, Array], n_bits: int) -> tuple[Array, Array, Array]:
    """Return offsets, positions and codes of a multi-index as they are, or raise FormatError.

    Shapes and types are checked, and where each table's offsets begin and end: what lies between
    is not read, so that memory-mapped tables open at once.

    Raises
    ------
    FormatError
        If arrays are missing, unknown, of another shape or type, or do not belong together.
    """
    if set(arrays) != set(_NAMES):
        raise FormatError(
            "tables must be the arrays codes, offsets and positions. "
            f"Got {', '.join(sorted(arrays)) or 'none'}."
        )
    offsets, positions, codes = (np.asarray(arrays[name]) for name in _NAMES)
    n_tables, n_items = positions.shape if positions.ndim == 2 else (0, 0)
    fewest = -(-n_bits // MAX_WIDTH)
    if not fewest <= n_tables <= n_bits:
        raise _unlike("positions", f"{fewest} to {n_bits} rows", positions)
    substrings, count = substrings_of(n_bits, n_tables)[0], count_type(n_items)
    _check("offsets", offsets, count, (n_offsets(substrings),))
    _check("positions", positions, count, (n_tables, n_items))
    _check("codes", codes, word_type(n_bits), (n_tables, n_items, words_of(n_bits)))
    firsts = substrings[:, FIRST]
    if offsets[firsts].any() or (offsets[[*(firsts[1:] - 1), -1]] != n_items).any():
        raise FormatError(f"tables, offsets must go from 0 to {n_items} in each table. Got others.")
    return offsets, positions, codes


def _check(name: str, array: Array, wanted: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if array.dtype != wanted or array.shape != shape or not array.flags.c_contiguous:
        raise _unlike(name, f"{wanted} of shape {shape}, C-contiguous", array)


def _unlike(name: str, wanted: str, got: Array) -> FormatError:
    shown = f"an array of {got.dtype} with shape {got.shape}"
    return FormatError(f"tables, {name} must be {wanted}. Got {shown}.")
