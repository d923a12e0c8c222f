"""Tables of metadata: CSV, JSON and JSON lines."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hashlens.checks import check_choice
from hashlens.data.csv_table import read_csv
from hashlens.errors import FormatError

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Record(NamedTuple):
    """A row of a table as it is read: where it is, and its values by name."""

    place: str
    values: Any


def read_records(path: Path) -> Iterator[Record]:
    """Read the rows of a table.

    Raises
    ------
    FormatError
        If the file cannot be read; the message has file and place.
    InputError
        If it is neither CSV, JSON nor JSON lines.
    """
    kind = check_choice("the suffix of a table of metadata", path.suffix.lower(), _READERS)
    return _READERS[kind](path)


def _csv(path: Path) -> Iterator[Record]:
    columns = read_csv(path)
    if {"id", "path"}.isdisjoint(name.lower() for name in columns):
        got = ", ".join(columns) or "no columns"
        raise FormatError(f"{path}, row 1: must have a column id or path. Got {got}.")
    for number, cells in enumerate(zip(*columns.values(), strict=True), 2):
        values = {
            name: cell if name.lower() in ("path", "label") else _number(cell)
            for name, cell in zip(columns, cells, strict=True)
            if cell
        }
        yield Record(f"{path}, row {number}", values)


def _number(cell: str) -> int | float | str:
    """Read a cell: what is written as a number is one, ``007`` and ``+5`` are text.

    Examples
    --------
    >>> [_number(cell) for cell in ("12", "-1.50", "1e3", "007", "+5", "1e999", "12 km")]
    [12, -1.5, 1000.0, '007', '+5', '1e999', '12 km']
    """
    if _INT.fullmatch(cell):
        return int(cell)
    if not _REAL.fullmatch(cell) or cell.lstrip("-").isdecimal():
        return cell  # more digits than a number of SQLite holds are an identifier
    return float(cell) if math.isfinite(float(cell)) else cell


def _json(path: Path) -> Iterator[Record]:
    found = _parsed(_text(path), str(path))
    if isinstance(found, list):
        for number, values in enumerate(found, 1):
            yield Record(f"{path}, entry {number}", values)
    elif isinstance(found, dict):
        for name, values in found.items():
            place = f"{path}, {name!r}"
            if not isinstance(values, dict):
                wanted = "must be an object of names and values"
                raise FormatError(f"{place}: {wanted}. Got {values!r:.80}.")
            yield Record(place, {"path": name, **values})
    else:
        wanted = "must be a list of objects, or an object of path to object"
        raise FormatError(f"{path}: {wanted}. Got {found!r:.80}.")


def _json_lines(path: Path) -> Iterator[Record]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            place = f"{path}, line {number}"
            yield Record(place, _parsed(line, place))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: is not a readable text file ({error})") from None


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{place}: must be JSON. Got: {error}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name}, which JSON does not have")


_READERS = {".csv": _csv, ".json": _json, ".jsonl": _json_lines, ".ndjson": _json_lines}
