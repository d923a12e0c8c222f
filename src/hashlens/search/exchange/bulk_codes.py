"""Codes as the NDJSON that the bulk request of Elasticsearch takes.

Two lines a code: ``{"index":{"_id":"7"}}`` and ``{"code":"05"}``. The field is a ``dense_vector``
of element type ``bit``: the hexadecimal digits of the packed bytes, or a list of the bytes as
numbers from -128 to 127, which is read too.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from hashlens.codes import Codes
from hashlens.search.exchange.code_set import CodeSet, FileCodes, Ids, join_rows
from hashlens.search.exchange.text_codes import bad_line, hex_rows, line_batches
from hashlens.watcher import Watcher

FIELD = "code"
_ACTIONS = ("index", "create")
_ACTION = 'an action such as {"index":{"_id":"7"}}, with the id in each or in none'
_DOCUMENT = f'a document such as {{"{FIELD}":"05ff"}}, with as many bytes as the first'


def read_bulk(path: Path, watcher: Watcher) -> FileCodes:
    """Read the field ``code`` of each document, and the ids where the actions have them."""
    reader = _Reader(path)
    codes: list[Codes] = []
    for first, lines in line_batches(path, watcher):
        rows = [reader.row(number, line) for number, line in enumerate(lines, first)]
        joined = b"".join(row for row in rows if row is not None)
        if joined:
            codes.append(np.frombuffer(joined, np.uint8).reshape(-1, reader.size))
    if reader.has_action:
        raise bad_line(path, reader.number + 1, _DOCUMENT, b"")
    return FileCodes(join_rows(codes), reader.all_ids())


def write_bulk(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write an action and a document a code, with its id or its position."""
    numbered = CodeSet(code_set.codes, code_set.n_bits, code_set.numbers)
    with path.open("wb") as file:
        for codes, ids in numbered.pieces(watcher):
            pairs = zip(() if ids is None else ids.tolist(), hex_rows(codes), strict=True)
            file.writelines(
                b'{"index":{"_id":"%d"}}\n{"%s":"%s"}\n' % (number, FIELD.encode(), row)
                for number, row in pairs
            )


class _Reader:
    """Takes actions and documents in turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.has_action = False
        self.size = 0  # bytes of a code, as the first document has them
        self.ids: list[int] = []
        self.n_codes = 0

    def row(self, number: int, line: bytes) -> bytes | None:
        """Give the bytes of a document's code, and None for an action."""
        self.number = number
        is_action, self.has_action = not self.has_action, not self.has_action
        try:
            record = json.loads(line)
            if is_action:
                self._take_action(record)
                return None
            return self._taken_code(record[FIELD])
        # RecursionError: brackets in brackets in brackets.
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            wanted = _ACTION if is_action else _DOCUMENT
            raise bad_line(self.path, number, wanted, line) from None

    def _take_action(self, record: dict[str, Any]) -> None:
        ((action, details),) = record.items()
        if action not in _ACTIONS or not isinstance(details, dict):
            raise ValueError
        if self.n_codes and ("_id" in details) != bool(self.ids):
            raise ValueError
        if "_id" in details:
            number = details["_id"]
            digits = str(number) if type(number) is int else number
            if not (digits.isascii() and digits.isdigit()) or int(digits) >= 1 << 63:
                raise ValueError
            self.ids.append(int(digits))

    def _taken_code(self, value: object) -> bytes:
        if isinstance(value, str):
            code = bytes.fromhex(value)
            if 2 * len(code) != len(value):  # fromhex passes over blanks
                raise ValueError
        else:
            code = _bytes_of(value)
        self.size = self.size or len(code)
        if not code or len(code) != self.size:
            raise ValueError
        self.n_codes += 1
        return code

    def all_ids(self) -> Ids | None:
        return np.array(self.ids, np.int64) if self.ids else None


def _bytes_of(value: object) -> bytes:
    """Bytes of a list of numbers from -128 to 127."""
    if not isinstance(value, list) or any(type(item) is not int for item in value):
        raise ValueError
    if any(not -128 <= item <= 127 for item in value):
        raise ValueError
    return bytes(item % 256 for item in value)
