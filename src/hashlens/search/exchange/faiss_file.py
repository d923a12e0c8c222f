"""Codes as binary indexes of faiss: flat ones, with and without ids, without faiss itself.

All numbers are little-endian.

==========================  =================================================================
part                        content
==========================  =================================================================
kind                        4 letters, below
header, 21 bytes            bits (int32), bytes of a code (int32), codes n (int64), trained (one
                            byte), metric (int32)
behind ``IBxF``, flat       number of bytes (uint64), the codes, C order
behind ``IBMp``, ``IBM2``   a whole index (kind, header, content), then the number of ids (uint64),
                            the ids (int64): the id of each of its codes
behind ``IBHh``, hash       bits of a key and of a flip (2 int32), buckets (uint64), bits of a size
                            (int32), the keys (uint64, bytes), then for each bucket its ids (uint64,
                            int64 each) and its codes (uint64, bytes)
==========================  =================================================================

The bits are a multiple of 8: codes of another length have zero bits at their end, and the file does
not tell how many. Other kinds, such as IVF and HNSW, are read through faiss, which does not refuse
every damaged file.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from hashlens.checks import MAX_BITS
from hashlens.codes import Codes
from hashlens.errors import FormatError, MissingExtraError
from hashlens.search.exchange.code_set import CodeSet, FileCodes, Ids, join_rows, read_bytes
from hashlens.watcher import Watcher

_FLAT, _MAPS, _HASH = b"IBxF", (b"IBMp", b"IBM2"), b"IBHh"
_HEADER = struct.Struct("<iiqBi")
_COUNT = struct.Struct("<Q")
_HASH_FIELDS = struct.Struct("<iiQi")
_METRIC_L2 = 1  # what faiss writes for Hamming distance too


def read_faiss(path: Path, watcher: Watcher) -> FileCodes:
    """Read the codes, and the ids where the index has any.

    Raises
    ------
    FormatError
        If the file is damaged, or no binary index.
    MissingExtraError
        If it is of a kind that is read through faiss, and faiss is not installed.
    """
    with path.open("rb") as file:
        part = _Part(path, file, path.stat().st_size, watcher)
        content = part.index()
        if content is not None and file.tell() != part.size:
            raise FormatError(f"{path} must have {file.tell()} bytes. Got {part.size}.")
    return _through_faiss(path) if content is None else content


def write_faiss(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write an IndexBinaryFlat, in an IndexBinaryIDMap where there are ids."""
    n_codes, size = code_set.codes.shape
    header = _HEADER.pack(8 * size, size, n_codes, True, _METRIC_L2)
    with path.open("wb") as file:
        if code_set.ids is not None:
            file.write(_MAPS[0] + header)
        file.write(_FLAT + header + _COUNT.pack(n_codes * size))
        for codes, _ in code_set.pieces(watcher):
            file.write(codes.tobytes())
        if code_set.ids is not None:
            file.write(_COUNT.pack(n_codes) + code_set.ids.astype("<i8").tobytes())


@dataclass
class _Part:
    """A file that is read from front to back, and never past its end."""

    path: Path
    file: IO[bytes]
    size: int
    watcher: Watcher

    def index(self) -> FileCodes | None:
        """Read an index that begins here; None for one that only faiss can read."""
        kind = self.file.read(4)
        if kind == _FLAT:
            n_codes, code_size = self.header()
            return FileCodes(self.codes(n_codes, code_size, self.count(1)))
        if kind == _HASH:
            return self.hash_table()
        if kind in _MAPS:
            n_codes, _ = self.header()
            inner = self.index()
            return None if inner is None else self.mapped(inner, n_codes)
        if kind[:2] != b"IB":
            raise FormatError(f"{self.path} must be a binary index of faiss. Got another file.")
        return None

    def header(self) -> tuple[int, int]:
        """Number and size of the codes, or FormatError."""
        n_bits, size, n_codes, _, _ = self.unpack(_HEADER)
        if not 8 <= n_bits <= MAX_BITS or n_bits != 8 * size or n_codes < 0:
            got = f"{n_codes} codes of {n_bits} bits in {size} bytes"
            raise FormatError(f"{self.path} must have codes of 8 to {MAX_BITS} bits. Got {got}.")
        return n_codes, size

    def codes(self, n_codes: int, size: int, n_bytes: int) -> Codes:
        """Read codes whose number of bytes has been read."""
        if n_bytes != n_codes * size:
            wanted = f"{n_codes} codes of {size} bytes"
            raise FormatError(f"{self.path} must hold {wanted}. Got {n_bytes} bytes.")
        return read_bytes(self.path, self.file, n_bytes, self.watcher).reshape(n_codes, size)

    def ids(self) -> Ids:
        """Read a number of ids, and the ids."""
        data = read_bytes(self.path, self.file, 8 * self.count(8), Watcher())
        return data.view("<i8").astype(np.int64, copy=False)

    def mapped(self, inner: FileCodes, n_codes: int) -> FileCodes:
        """Give the codes of an inner index the ids that follow it."""
        ids = self.ids()
        if not len(ids) == len(inner.codes) == n_codes:
            got = f"{len(inner.codes)} codes and {len(ids)} ids"
            raise FormatError(f"{self.path} must have {n_codes} codes and ids. Got {got}.")
        return _mapped(inner, ids)

    def hash_table(self) -> FileCodes:
        """Read the buckets of a hash; the codes come back in the order of their ids."""
        n_codes, size = self.header()
        n_buckets = self.unpack(_HASH_FIELDS)[2]
        read_bytes(self.path, self.file, self.count(1), Watcher())
        codes, ids = [np.empty((0, size), np.uint8)], [np.empty(0, np.int64)]
        for _ in range(n_buckets):
            ids.append(self.ids())
            codes.append(self.codes(len(ids[-1]), size, self.count(1)))
        if sum(map(len, ids)) != n_codes:
            raise FormatError(f"{self.path} must hold {n_codes} codes. Got {sum(map(len, ids))}.")
        return _by_id(join_rows(codes), np.concatenate(ids))

    def count(self, item_size: int) -> int:
        """Read a number of items that are in the rest of the file, or raise FormatError."""
        (number,) = self.unpack(_COUNT)
        left = self.size - self.file.tell()
        if number * item_size > left:
            wanted = f"{number} items of {item_size} bytes"
            raise FormatError(f"{self.path} must hold {wanted}. Got {left} bytes.")
        return int(number)

    def unpack(self, fields: struct.Struct) -> tuple[Any, ...]:
        """Read some numbers, or raise FormatError where the file ends."""
        data = self.file.read(fields.size)
        if len(data) < fields.size:
            raise FormatError(f"{self.path} must be a whole index. Got a cut-off file.")
        return fields.unpack(data)


def _mapped(inner: FileCodes, ids: Ids) -> FileCodes:
    """Give codes the ids of a map around them."""
    if inner.ids is None:
        return FileCodes(inner.codes, ids)
    return FileCodes(
        inner.codes, ids[inner.ids.astype(np.uint64)]
    )  # a negative id is an IndexError


def _by_id(codes: Codes, ids: Ids) -> FileCodes:
    order = np.argsort(ids, kind="stable")
    return FileCodes(codes[order], ids[order])


def _through_faiss(path: Path) -> FileCodes:
    try:
        import faiss
    except ImportError:
        raise MissingExtraError("faiss", "bench") from None
    try:
        return _unwrapped(faiss, faiss.read_index_binary(str(path)))
    except RuntimeError as error:
        reason = str(error).rpartition(": ")[2].strip()
        raise FormatError(
            f"{path} must be an index that faiss can read and give the codes of. Got: {reason}"
        ) from error


def _unwrapped(faiss: Any, index: Any) -> FileCodes:
    """Codes of any index, and ids where it has its own."""
    kind = type(index).__name__
    if kind in ("IndexBinaryIDMap", "IndexBinaryIDMap2"):
        inner = _unwrapped(faiss, faiss.downcast_IndexBinary(index.index))
        return _mapped(inner, faiss.vector_to_array(index.id_map))
    if kind == "IndexBinaryIVF":
        return _of_lists(faiss, index)
    # The storage belongs to the index, which must live as long as it is read.
    flat = getattr(index, "storage", index)
    if flat.ntotal != index.ntotal:  # faiss would read past the end
        raise ValueError(f"{flat.ntotal} codes of {index.ntotal}")
    return FileCodes(flat.reconstruct_n(0, index.ntotal).reshape(index.ntotal, index.code_size))


def _of_lists(faiss: Any, index: Any) -> FileCodes:
    """Codes of inverted lists: reconstruct_n would pass over ids that are not 0 to n - 1."""
    codes, ids = [np.empty((0, index.code_size), np.uint8)], [np.empty(0, np.int64)]
    for number in range(index.nlist):
        length = index.invlists.list_size(number)
        if length:
            flat = faiss.rev_swig_ptr(
                index.invlists.get_codes(number), length * index.code_size
            ).copy()
            codes.append(flat.reshape(length, index.code_size))
            ids.append(faiss.rev_swig_ptr(index.invlists.get_ids(number), length).copy())
    if sum(map(len, ids)) != index.ntotal:
        raise ValueError(f"{sum(map(len, ids))} codes of {index.ntotal}")
    return _by_id(join_rows(codes), np.concatenate(ids))
