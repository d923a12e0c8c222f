"""What is known of items beside their image: a label, and any other values by name."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from hashlens.checks import check_int, refuse, words
from hashlens.collection.expression import folded
from hashlens.collection.metadata_files import Record, read_records
from hashlens.errors import FormatError, InputError

MAX_BYTES = 50_000
"""Of an item's metadata, as JSON."""

_TAKEN = ("name", "added")  # columns that every item has, and that nobody writes
_MAX_KEY = 100


class MetadataRow(NamedTuple):
    """What is said of one item.

    Attributes
    ----------
    place : str
        Where it is said, such as ``"labels.csv, row 17"``.
    item : int or str
        The item's id, or its path as it is written there.
    values : dict
        By key; ``label`` is the item's label. None takes a value away.
    """

    place: str
    item: int | str
    values: dict[str, Any]


@dataclass(frozen=True)
class Metadata:
    """Labels and other values of items, as a table says them.

    Attributes
    ----------
    rows : tuple of MetadataRow
    folders : tuple of Path
        Where relative paths start from, in the order in which they are tried.
    """

    rows: tuple[MetadataRow, ...]
    folders: tuple[Path, ...] = ()

    @classmethod
    def read(cls, path: str | Path, folder: str | Path | None = None) -> Self:
        r"""Read a table of metadata.

        One column is ``id`` or ``path``: an id counts where there is one. ``label`` sets the
        label; every other column sets the value of that name. A relative path starts from the
        file's folder.

        Parameters
        ----------
        path : str or Path
            ``.csv``, UTF-8 with a header: a cell that is a number becomes one, an empty cell
            changes nothing. ``.json``: a list of objects, or an object of path to object.
            ``.jsonl``: an object a line. In JSON, null takes a value away.
        folder : str or Path, optional
            Another folder where relative paths start from, tried first.

        Returns
        -------
        metadata : Metadata

        Raises
        ------
        FormatError
            If the file cannot be read, or a value is not as above; the message has file and row.
        InputError
            If the file is of another kind.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     file = Path(parent) / "labels.csv"
        ...     _ = file.write_text("path,label,year,zip\nowl.jpg,owl,2020,00501\nb.jpg,cat,,\n")
        ...     metadata = Metadata.read(file)
        >>> for row in metadata.rows:
        ...     row.item, row.values
        ('owl.jpg', {'label': 'owl', 'year': 2020, 'zip': '00501'})
        ('b.jpg', {'label': 'cat'})
        """
        file = Path(path)
        folders = (file.parent,) if folder is None else (Path(folder), file.parent)
        try:
            return cls(_rows(read_records(file)), folders)
        except _RowError as error:
            raise FormatError(str(error)) from None

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, object]], folder: str | Path = ".") -> Self:
        """Take rows that are at hand.

        Parameters
        ----------
        rows : iterable of mapping
            Each with ``id`` or ``path``, and values of JSON; None takes a value away.
        folder : str or Path
            Where relative paths start from.

        Raises
        ------
        InputError
            If a row is not as above.

        Examples
        --------
        >>> Metadata.of([{"id": 17, "label": "owl", "seen": True}]).rows[0].values
        {'label': 'owl', 'seen': True}
        """
        records = (Record(f"metadata, row {i}", row) for i, row in enumerate(rows, 1))
        return cls(_rows(records), (Path(folder),))


def as_metadata(value: object, folder: Path | None = None) -> Metadata:
    """Turn what a user names into metadata.

    Parameters
    ----------
    value : Metadata, str, Path, or sequence of mapping
        A path is that of a table.
    folder : Path, optional
        Where relative paths in a table start from, beside the table's own folder.

    Raises
    ------
    FormatError, InputError
        As `Metadata.read` and `Metadata.of` do.
    """
    if isinstance(value, Metadata):
        return value
    if isinstance(value, str | Path):
        return Metadata.read(value, folder)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return Metadata.of(value)
    raise refuse("metadata", "the path of a table, or rows", words(type(value).__name__))


class _RowError(InputError):
    """What a row says is not what it must be."""


def _rows(records: Iterable[Record]) -> tuple[MetadataRow, ...]:
    return tuple(_row(record) for record in records)


def _row(record: Record) -> MetadataRow:
    try:
        if not isinstance(record.values, Mapping):
            raise refuse("a row", "an object of names and values", record.values)
        values = dict(record.values)
        item = _item(_taken_out(values, "id"), _taken_out(values, "path"))
        said: dict[str, object] = {}
        for key in _spellings(values, "label"):
            said["label"] = _label(values.pop(key))
        said |= {key: _value(key, value) for key, value in values.items()}
        return MetadataRow(record.place, item, said)
    except InputError as error:
        raise _RowError(f"{record.place}: {error}") from None


def _spellings(values: Mapping[str, object], name: str) -> list[str]:
    """The key that is this name, in capitals or not; two are an error."""
    found = [key for key in values if isinstance(key, str) and folded(key) == name]
    if len(found) > 1:
        raise refuse("columns", "different", words(" and ".join(found)))
    return found


def _taken_out(values: dict[str, Any], name: str) -> Any:
    return next((values.pop(key) for key in _spellings(values, name)), None)


def _item(item_id: object, path: object) -> int | str:
    if item_id is not None:
        return check_int("id", item_id, 0)
    if not isinstance(path, str) or not path:
        raise refuse("a row", "of an item: with its id or its path", words("neither"))
    _check_text("path", path)
    return path


def _label(value: object) -> str | None:
    """The label as text; several are joined as they are where a data set has several."""
    if isinstance(value, list) and all(isinstance(part, str) and part for part in value):
        value = "|".join(value) or None
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise refuse("label", "text, an int, a list of texts, or null", value)
    _check_text("label", value)
    return value


def _value(key: object, value: object) -> object:
    wanted = f"text of 1 to {_MAX_KEY} characters, without quotation marks and control characters"
    if not isinstance(key, str) or not 0 < len(key) <= _MAX_KEY:
        raise refuse("a name", wanted, key)
    if not key.isprintable() or not {'"', "\\"}.isdisjoint(key):
        raise refuse("a name", wanted, key)
    if folded(key) in _TAKEN:
        raise refuse("a name", f"another one than {', '.join(_TAKEN)}, which every item has", key)
    as_json(value)
    return value


def as_json(value: object) -> str:
    """Write a value as the catalogue keeps it; InputError if it is not one of JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise refuse("a value", "one that JSON has", words(f"{value!r:.80} ({error})")) from None
    _check_text("a value", text)
    if len(text.encode()) > MAX_BYTES:
        wanted = f"at most {MAX_BYTES:,} bytes as JSON"
        raise refuse("an item's metadata", wanted, words(f"{len(text.encode()):,}"))
    return text


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refuse(name, "valid Unicode", text) from None
