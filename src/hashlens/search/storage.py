"""One index, one file: a header of 128 bytes, the ids, the planes.

==========  =====================================================================
bytes       content, little-endian
==========  =====================================================================
0 - 7       magic ``HASHLENS``
8 - 11      format version
12 - 15     n_bits
16 - 23     n_items
24 - 31     1 where ids follow the header, else 0
32 - 63     SHA-256 of all that follows the header
64 - 95     zero
96 - 127    SHA-256 of bytes 0 - 95
128 -       ids (int64), then planes (uint16, uint32 or uint64), C order (W, n)
==========  =====================================================================
"""

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import MAX_BITS
from hashlens.codes import Codes, as_words
from hashlens.errors import FormatError

MAGIC = b"HASHLENS"
VERSION = 1
HEADER_SIZE = 128
_FIELDS = struct.Struct("<8sIIQQ32s32x")


@dataclass(frozen=True)
class StoredIndex:
    """What an index file holds.

    Attributes
    ----------
    n_bits : int
    planes : unsigned integers (W, n), read-only; memory-mapped where asked
    ids : int64 (n,), ascending, or None where ids are positions
    """

    n_bits: int
    planes: NDArray[Any]
    ids: NDArray[np.int64] | None


def word_type(n_bits: int) -> np.dtype[Any]:
    """The unsigned integer of the planes: the smallest that holds the code, at most 64 bits."""
    size = 2 if n_bits <= 16 else 4 if n_bits <= 32 else 8
    return np.dtype(f"<u{size}")


def as_planes(codes: Codes, n_bits: int) -> NDArray[Any]:
    """Turn packed codes (n, n_bytes) into planes of words (W, n): code j is column j.

    Examples
    --------
    >>> as_planes(np.array([[1], [2], [3]], np.uint8), 3)
    array([[1, 2, 3]], dtype=uint16)
    """
    native = word_type(n_bits).newbyteorder("=")
    return np.ascontiguousarray(as_words(codes).T.astype(native, copy=False))


def write_index(path: Path, stored: StoredIndex) -> None:
    """Write an index file: complete under its name, or not at all."""
    ids = b"" if stored.ids is None else np.ascontiguousarray(stored.ids, "<i8").data.cast("B")
    planes = np.ascontiguousarray(stored.planes, word_type(stored.n_bits))
    body = [ids, planes.reshape(-1).view(np.uint8).data]
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    n_items, has_ids = planes.shape[1], stored.ids is not None
    fields = _FIELDS.pack(MAGIC, VERSION, stored.n_bits, n_items, has_ids, digest.digest())
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines([fields, hashlib.sha256(fields).digest(), *body])
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_index(path: Path, *, mmap: bool, verify: bool) -> StoredIndex:
    """Read an index file, or map it into memory.

    The header's own checksum and the size of the file are always checked; the body's checksum,
    which reads all of it, unless `verify` is False.

    Raises
    ------
    FormatError
        If the file is no index, damaged, of the wrong size, or of a newer version.
    """
    with path.open("rb") as file:
        n_bits, n_items, has_ids, digest = _read_header(path, file)
        words = word_type(n_bits)
        n_words = -(-n_bits // (8 * words.itemsize))
        wanted = HEADER_SIZE + 8 * n_items * has_ids + n_words * n_items * words.itemsize
        size = file.seek(0, os.SEEK_END)
        if size != wanted:
            raise FormatError(f"{path} must have {wanted} bytes. Got {size}.")
        file.seek(HEADER_SIZE)
        if verify and hashlib.file_digest(file, "sha256").digest() != digest:
            raise FormatError(f"{path} must match its checksum. Got a damaged body.")
    ids = _read_array(path, np.dtype("<i8"), (n_items,), HEADER_SIZE, mmap) if has_ids else None
    start = HEADER_SIZE + 8 * n_items * has_ids
    return StoredIndex(n_bits, _read_array(path, words, (n_words, n_items), start, mmap), ids)


def _read_header(path: Path, file: BinaryIO) -> tuple[int, int, int, bytes]:
    header = file.read(HEADER_SIZE)
    if len(header) < HEADER_SIZE or header[:8] != MAGIC:
        raise FormatError(f"{path} must be a hashlens index file. Got another or cut-off file.")
    _, version, n_bits, n_items, has_ids, digest = _FIELDS.unpack(header[: _FIELDS.size])
    if version > VERSION:
        raise FormatError(f"{path} must be of format version <= {VERSION}. Got {version}.")
    whole = hashlib.sha256(header[: _FIELDS.size]).digest() == header[_FIELDS.size :]
    if not whole or version < 1 or not 1 <= n_bits <= MAX_BITS or has_ids > 1:
        raise FormatError(f"{path} must match its checksum. Got a damaged header.")
    return n_bits, n_items, has_ids, digest


def _read_array(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int, mmap: bool
) -> NDArray[Any]:
    if 0 in shape:  # an empty range cannot be mapped
        return np.empty(shape, dtype.newbyteorder("="))
    if mmap:
        array = np.memmap(path, dtype, "r", offset, shape).view(np.ndarray)
    else:
        array = np.fromfile(path, dtype, int(np.prod(shape)), offset=offset).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
