"""Rows of a mapped file that are wanted soon: asked for all at once, not waited for one by one."""

import ctypes
import mmap
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_N_LOOKED_AT = 8  # rows whose pages tell whether the file is in memory


def ask_for_rows(array: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Tell the system which rows of a mapped file will be read, where they are not in memory.

    Reading rows at random waits for the disk once a row; asked for together, they are read in
    one go. An array that is not mapped is left alone, as is a system without such a call.

    Parameters
    ----------
    array : array of shape (n, ...), C-contiguous
    rows : int64 array; -1 is no row

    Examples
    --------
    >>> ask_for_rows(np.zeros((4, 2)), np.array([3, 1, -1]))
    """
    if rows.size == 0 or array.nbytes == 0 or not _is_mapped(array) or _library() is None:
        return
    address = array.__array_interface__["data"][0]
    row_bytes = array.nbytes // len(array)
    looked_at = rows.ravel()[:: -(-rows.size // _N_LOOKED_AT)].tolist()
    if _in_memory(address + row * row_bytes for row in looked_at if row >= 0):
        return
    wanted = np.unique(rows[rows >= 0])
    for start, stop in _page_ranges(address + wanted * row_bytes, row_bytes):
        _library().madvise(start, stop - start, mmap.MADV_WILLNEED)


def _is_mapped(array: NDArray[Any]) -> bool:
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap.mmap)


@lru_cache(maxsize=1)
def _library() -> Any:
    """The C library, None where it has no ``madvise`` or ``mincore`` (Windows)."""
    if not hasattr(mmap, "MADV_WILLNEED"):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "madvise") or not hasattr(library, "mincore"):
        return None
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    return library


def _in_memory(addresses: Iterable[int]) -> bool:
    """Whether the pages of all these addresses are in memory, as far as the system says."""
    resident = ctypes.c_ubyte()
    place = ctypes.byref(resident)
    for address in addresses:
        page = address - address % mmap.PAGESIZE
        if not _library().mincore(page, mmap.PAGESIZE, place) and not resident.value & 1:
            return False
    return True


def _page_ranges(addresses: NDArray[np.int64], row_bytes: int) -> list[tuple[int, int]]:
    """Pages (start, stop) that hold the rows at ascending addresses, neighbours joined.

    Examples
    --------
    >>> page = mmap.PAGESIZE
    >>> ranges = _page_ranges(np.array([8, 16, page - 4, 5 * page]), 8)
    >>> [(start // page, stop // page) for start, stop in ranges]
    [(0, 2), (5, 6)]
    """
    first = addresses // mmap.PAGESIZE
    stop = (addresses + row_bytes - 1) // mmap.PAGESIZE + 1
    gaps = np.flatnonzero(first[1:] > stop[:-1])
    starts = first[np.concatenate([[0], gaps + 1])] * mmap.PAGESIZE
    stops = stop[np.concatenate([gaps, [len(stop) - 1]])] * mmap.PAGESIZE
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
