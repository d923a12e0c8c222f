r"""Codes as lines of text, each a code, or an id, a tab and a code.

In ``hex`` a code is its packed bytes, the first byte first, two hexadecimal digits each. In
``pgvector`` it is its bits, the first bit first: what ``COPY`` of PostgreSQL reads into a column
of type ``bit(n)``.

The codes of the bits 1, 0, 1 and of the bits 0, 1, 1, with the ids 7 and 2, are in hex
``7\t05`` and ``2\t06``, and in pgvector ``7\t101`` and ``2\t011``.
"""

import binascii
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hashlens.checks import MAX_BITS
from hashlens.codes import Codes, pack, unpack
from hashlens.errors import FormatError
from hashlens.search.exchange.code_set import CodeSet, FileCodes, Ids, join_rows
from hashlens.watcher import Watcher

_CHUNK_BYTES = 1 << 22
_LONGEST_LINE = 1 << 20  # so that a file without line ends is refused, not read as one line


def read_hex(path: Path, watcher: Watcher) -> FileCodes:
    """Read lines of hexadecimal digits, with ids if the first line has one."""
    return _read(path, watcher, _HEX)


def write_hex(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write a line a code, with its id where there are ids."""
    with path.open("wb") as file:
        for codes, ids in code_set.pieces(watcher):
            rows = hex_rows(codes)
            if ids is None:
                file.writelines(row + b"\n" for row in rows)
            else:
                file.writelines(_with_ids(ids, rows))


def read_pgvector(path: Path, watcher: Watcher) -> FileCodes:
    """Read lines of the digits 0 and 1, as ``COPY ... TO`` writes them."""
    return _read(path, watcher, _BITS)


def write_pgvector(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write a line a code with its id, or its position where there are no ids."""
    numbered = CodeSet(code_set.codes, code_set.n_bits, code_set.numbers)
    with path.open("wb") as file:
        for codes, ids in numbered.pieces(watcher):
            digits = unpack(codes, code_set.n_bits).view(np.uint8) + ord("0")
            if ids is not None:
                file.writelines(_with_ids(ids, _as_rows(digits.tobytes(), code_set.n_bits)))


def hex_rows(codes: Codes) -> list[bytes]:
    """Hexadecimal digits of each packed code.

    Examples
    --------
    >>> hex_rows(np.array([[5, 255]], np.uint8))
    [b'05ff']
    """
    return _as_rows(binascii.hexlify(codes.tobytes()), 2 * codes.shape[1])


def _as_rows(text: bytes, width: int) -> list[bytes]:
    return [text[start : start + width] for start in range(0, len(text), width)]


def _with_ids(ids: Ids, rows: list[bytes]) -> Iterator[bytes]:
    return (b"%d\t%s\n" % pair for pair in zip(ids.tolist(), rows, strict=True))


def line_batches(path: Path, watcher: Watcher) -> Iterator[tuple[int, list[bytes]]]:
    """Read a file some lines at a time: the number of the first, and all without their ends.

    Raises
    ------
    FormatError
        If a line is longer than a line of any format here.
    """
    size, first, rest = path.stat().st_size, 1, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            if max(map(len, [*whole, rest])) > _LONGEST_LINE:
                raise FormatError(
                    f"{path} must have lines of at most {_LONGEST_LINE} bytes. Got a longer one "
                    f"behind line {first - 1}."
                )
            yield first, [line.removesuffix(b"\r") for line in whole]
            first += len(whole)
            watcher.advance(file.tell(), size)
    if rest:
        yield first, [rest.removesuffix(b"\r")]


def bad_line(path: Path, number: int, wanted: str, line: bytes) -> FormatError:
    """Build the error that names a line."""
    shown = line if len(line) <= 60 else line[:57] + b"..."
    text = shown.decode("utf-8", "backslashreplace")
    return FormatError(f"{path}, line {number} must be {wanted}. Got {text!r}.")


class _Notation(NamedTuple):
    """How a code is written: all codes of a file have the same number of digits."""

    wanted: str
    widths: range
    decode: Callable[[bytes, int], Codes]
    tells_length: bool


def _decode_hex(digits: bytes, width: int) -> Codes:
    return np.frombuffer(binascii.unhexlify(digits), np.uint8).reshape(-1, width // 2)


def _decode_bits(digits: bytes, width: int) -> Codes:
    bits = np.frombuffer(digits, np.uint8).reshape(-1, width) - np.uint8(ord("0"))
    if bits.max() > 1:
        raise ValueError
    return pack(bits)


_HEX = _Notation("hexadecimal digits", range(2, MAX_BITS // 4 + 1, 2), _decode_hex, False)
_BITS = _Notation("digits 0 and 1", range(1, MAX_BITS + 1), _decode_bits, True)


def _read(path: Path, watcher: Watcher, notation: _Notation) -> FileCodes:
    """Read codes and ids; the first line tells what all lines are like."""
    codes: list[Codes] = []
    ids: list[Ids] = []
    like: _Like | None = None
    for first, lines in line_batches(path, watcher):
        if not lines:
            continue
        like = like or _Like.of(lines[0], notation)
        try:
            found = like.decode(lines)
        except (ValueError, OverflowError):
            raise like.first_bad(path, first, lines) from None
        codes.append(found[0])
        ids.append(found[1])
    if like is None:
        return FileCodes(join_rows([]))
    joined = np.concatenate(ids) if like.has_ids else None
    return FileCodes(join_rows(codes), joined, like.width if notation.tells_length else None)


class _Like(NamedTuple):
    """What the first line says of all: whether there are ids, and how many digits a code has."""

    has_ids: bool
    width: int
    notation: _Notation

    @staticmethod
    def of(line: bytes, notation: _Notation) -> "_Like":
        head, tab, tail = line.partition(b"\t")
        return _Like(bool(tab), len(tail if tab else head), notation)

    def decode(self, lines: list[bytes]) -> tuple[Codes, Ids]:
        """Turn lines into codes and ids; any error of any of them is a ValueError."""
        if self.width not in self.notation.widths:
            raise ValueError
        cells: list[Any] = [line.partition(b"\t") for line in lines] if self.has_ids else []
        numbers, texts = [cell[0] for cell in cells], [cell[2] for cell in cells] or lines
        if not all(map(bytes.isdigit, numbers)) or {len(text) for text in texts} != {self.width}:
            raise ValueError
        ids = np.array([int(number) for number in numbers], np.int64)
        return self.notation.decode(b"".join(texts), self.width), ids

    def first_bad(self, path: Path, first: int, lines: list[bytes]) -> FormatError:
        """Name the first of some lines that cannot be decoded."""
        count = f"{self.width} {self.notation.wanted}"
        if self.width not in self.notation.widths:
            widths = self.notation.widths
            count = f"{widths[0]} to {widths[-1]} {self.notation.wanted}"
        wanted = f"an id, a tab and {count}" if self.has_ids else count
        bad = next(i for i, line in enumerate(lines) if not self._decodes(line))
        return bad_line(path, first + bad, wanted, lines[bad])

    def _decodes(self, line: bytes) -> bool:
        try:
            self.decode([line])
        except (ValueError, OverflowError):
            return False
        return True
