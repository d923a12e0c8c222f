"""One section of an index file: a head, a table that names the arrays, the arrays.

==========  ======================================================================
bytes       content, little-endian
==========  ======================================================================
0 - 7       magic ``HASHSECT``
8 - 15      kind, ASCII, filled with zeros
16 - 23     length of the section, this head included; a multiple of 64
24 - 31     length of the table; a multiple of 64
32 - 63     SHA-256 of the table
64 - 95     SHA-256 of all that follows the table
96 - 127    SHA-256 of bytes 0 - 95
128 -       the table, JSON, filled with blanks:
            ``{"facts": {name: int}, "arrays": {name: {"dtype", "shape", "offset"}}}``
then        the arrays in that order, in C order, each filled with zeros to a multiple of
            64 bytes; offsets count from the end of the table
==========  ======================================================================

Heads and tables are always checked against their checksums, arrays where that is asked for: it
reads all of them. Nothing of what a file says is believed before it was held against the size of
the section, and nothing is unpickled.
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.errors import FormatError

HEAD_SIZE = 128
ALIGNMENT = 64
TYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
}
_MAGIC = b"HASHSECT"
_FIELDS = struct.Struct("<8s8sQQ32s32s")
_KIND = re.compile(r"[a-z]{1,8}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_DIMENSIONS = 4
_MOST_TABLE_BYTES = 1 << 20
_MOST_ARRAY_BYTES = 1 << 62

Bytes = NDArray[np.uint8]
Parts = list[bytes | memoryview]


@dataclass(frozen=True)
class Section:
    """A part of an index file that is written at once and never changed.

    Attributes
    ----------
    kind : str
        At most 8 letters, a to z.
    facts : dict of str to int
        Each from 0 to 2^63 - 1.
    arrays : dict of str to int array
        Of 1 to 4 dimensions and a type in ``TYPES``; read-only where they were read.
    """

    kind: str
    facts: Mapping[str, int]
    arrays: Mapping[str, NDArray[Any]]


def signed(fields: bytes) -> bytes:
    """Fields with their SHA-256 behind them."""
    return fields + sha256(fields).digest()


def encoded(section: Section) -> Parts:
    """Parts to be written one after the other; the first is the head. Arrays are not copied.

    Raises
    ------
    InputError
        If :func:`decoded` would refuse the section.
    """
    _check(section)
    entries: dict[str, object] = {}
    body: Parts = []
    offset, digest = 0, sha256()
    for name, array in section.arrays.items():
        entries[name] = {"dtype": array.dtype.name, "shape": array.shape, "offset": offset}
        stored = (
            np.ascontiguousarray(array, TYPES[array.dtype.name]).reshape(-1).view(np.uint8).data
        )
        padding = bytes(-stored.nbytes % ALIGNMENT)
        body += [stored, padding]
        offset += stored.nbytes + len(padding)
        digest.update(stored)
        digest.update(padding)
    table = json.dumps({"facts": dict(section.facts), "arrays": entries}).encode()
    table += b" " * (-len(table) % ALIGNMENT)
    if len(table) > _MOST_TABLE_BYTES:
        raise refuse("arrays", "few enough for a table of 1 MiB", words(f"{len(entries)} arrays"))
    sizes = HEAD_SIZE + len(table) + offset, len(table)
    digests = sha256(table).digest(), digest.digest()
    return [signed(_FIELDS.pack(_MAGIC, section.kind.encode(), *sizes, *digests)), table, *body]


def _check(section: Section) -> None:
    if not _KIND.fullmatch(section.kind):
        raise refuse("kind", "1 to 8 letters a-z", section.kind)
    for name, value in section.facts.items():
        if not _is_count(value):
            raise refuse(f"facts[{name!r}]", "an int from 0 to 2^63 - 1", value)
    for name, array in section.arrays.items():
        if not _NAME.fullmatch(name):
            raise refuse("names of arrays", "of 1 to 64 letters a-z, digits and _", name)
        if array.dtype.name not in TYPES or not 1 <= array.ndim <= _MOST_DIMENSIONS:
            raise refuse(f"arrays[{name!r}]", "an int array of 1 to 4 dimensions", array)


def decoded(path: Path, data: Bytes, start: int, *, verify: bool) -> tuple[Section, bytes, int]:
    """Read the section that starts at byte `start` of `data`.

    Returns
    -------
    section : Section
        Its arrays are views of `data`.
    head : bytes
    length : int
        Bytes of the section.

    Raises
    ------
    FormatError
        If the section is damaged, goes beyond the end of `data`, or is not as laid out above.
    """
    try:
        head = data[start : start + HEAD_SIZE].tobytes()
        kind, sizes, digests = _head(head)
        length, table_length = sizes
        if length > len(data) - start:
            raise ValueError("a length beyond the end of the file")
        first = start + HEAD_SIZE + table_length
        table = data[start + HEAD_SIZE : first].tobytes()
        body = data[first : start + length]
        if sha256(table).digest() != digests[0]:
            raise ValueError("a damaged table")
        if verify and sha256(body.data).digest() != digests[1]:
            raise ValueError("damaged arrays")
        return Section(kind, *_contents(table, body)), head, length
    except (ValueError, RecursionError) as error:  # of too deep JSON
        raise FormatError(
            f"{path} must hold whole sections that match their checksums. "
            f"Got {error} in the section at byte {start}."
        ) from None


def _head(head: bytes) -> tuple[str, tuple[int, int], tuple[bytes, bytes]]:
    if len(head) < HEAD_SIZE:
        raise ValueError("a cut-off head")
    if head != signed(head[: _FIELDS.size]) or head[:8] != _MAGIC:
        raise ValueError("a damaged head")
    _, kind, length, table_length, *digests = _FIELDS.unpack_from(head)
    if length % ALIGNMENT or table_length % ALIGNMENT or table_length > _MOST_TABLE_BYTES:
        raise ValueError("impossible sizes")
    if length < HEAD_SIZE + table_length:
        raise ValueError("a table longer than the section")
    return kind.rstrip(b"\0").decode("ascii"), (length, table_length), (digests[0], digests[1])


def _contents(table: bytes, body: Bytes) -> tuple[dict[str, int], dict[str, NDArray[Any]]]:
    match json.loads(table):
        case {"facts": dict(facts), "arrays": dict(entries)}:
            pass
        case _:
            raise ValueError("a table of another shape")
    if not all(_is_count(value) for value in facts.values()):
        raise ValueError("a fact that is no count")
    arrays, offset = {}, 0
    for name, entry in entries.items():
        dtype, shape = _entry(entry, offset)
        stop = offset + math.prod(shape) * dtype.itemsize
        if not _NAME.fullmatch(name) or stop > len(body):
            raise ValueError("an array beyond the end of the section")
        view = body[offset:stop].view(dtype).reshape(shape)
        arrays[name] = view.astype(dtype.newbyteorder("="), copy=False)
        offset = stop + -stop % ALIGNMENT
    if offset != len(body):
        raise ValueError("more bytes than arrays")
    return facts, arrays


def _entry(entry: object, offset: int) -> tuple[np.dtype[Any], list[int]]:
    """Type and shape that the table gives an array, which must lie at `offset`."""
    match entry:
        case {"dtype": str(name), "shape": list(shape), "offset": int(at)}:
            pass
        case _:
            raise ValueError("an array without dtype, shape and offset")
    if name not in TYPES or at != offset:
        raise ValueError("an array of an unknown dtype or at another place")
    if not 1 <= len(shape) <= _MOST_DIMENSIONS or not all(_is_count(size) for size in shape):
        raise ValueError("an array of an impossible shape")
    # Zero in one dimension would hide what no array of this machine can have in another.
    if math.prod(max(size, 1) for size in shape) * TYPES[name].itemsize > _MOST_ARRAY_BYTES:
        raise ValueError("an array of an impossible shape")
    return TYPES[name], shape


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63
