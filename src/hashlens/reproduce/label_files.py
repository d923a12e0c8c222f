"""Labels from files: ints, a 0/1 matrix of classes, or names, one a line."""

import csv
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.errors import FormatError
from hashlens.reproduce.array_files import StoredArray, file_digest, read_array

TEXT = (".txt", ".csv")
_WHOLE = re.compile("[+-]?[0-9]+")  # not all that int() reads: to it, "1_0" and "10" are the same


class Labels(NamedTuple):
    """Labels, and what their file was taken to be.

    Attributes
    ----------
    values : int64 (n,), str (n,), or bool (n, n_classes)
    name : str
        The file, for messages.
    taken : dict
        JSON-able.
    """

    values: NDArray[Any]
    name: str
    taken: dict[str, Any]

    def turned(self) -> "Labels":
        """The same file with its columns taken as items."""
        return self._replace(values=self.values.T, taken={**self.taken, "transposed": True})


def read_labels(source: str | Path, *, several: bool = False) -> Labels:
    """Read the labels of codes.

    Parameters
    ----------
    source : str or Path
        A file of :func:`read_array`: whole numbers of shape (n,), (n, 1) or (1, n), or 0/1 of
        shape (n, n_classes) for several labels an item; or a ``.txt`` or ``.csv`` file with one
        label a line, which are names unless all of them are whole numbers.
    several : bool
        Take a matrix of one row or column for several labels of one item, not one of several.

    Returns
    -------
    labels : Labels

    Raises
    ------
    InputError, FormatError, MissingExtraError
        If they are not as above; and as :func:`read_array` does.
    """
    if Path(source).suffix.lower() in TEXT:
        stored = _text(Path(source))
    else:
        stored = read_array(source, matrix=False)
    values = stored.values
    squeezed = values.ndim == 2 and 1 in values.shape and not several
    flat = values.reshape(-1) if squeezed else values
    if flat.ndim not in (1, 2) or not flat.size:
        raise refuse(stored.name, _WANTED, values)
    labels, kind = _one_each(stored, flat) if flat.ndim == 1 else _several(stored, flat)
    taken = {**stored.to_dict(), "kind": kind, "squeezed": squeezed, "transposed": False}
    return Labels(labels, stored.name, taken)


_WANTED = (
    "labels: whole numbers of shape (n,), a 0/1 matrix of shape (n, n_classes), or one name a line"
)


def _one_each(stored: StoredArray, values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    if values.dtype.kind == "U":
        return values, "one name an item"
    whole = values.dtype.kind in "iub" or (
        values.dtype.kind == "f" and bool(np.isfinite(values).all() and (values % 1 == 0).all())
    )
    if not whole:
        got = words("reals that are not whole") if values.dtype.kind == "f" else stored.values
        raise refuse(stored.name, _WANTED, got)
    if values.dtype.kind in "uf" and float(np.abs(values).max()) >= 2.0**63:
        raise refuse(stored.name, _WANTED, words("numbers beyond those of 64 bits with a sign"))
    return values.astype(np.int64), "one label an item"


def _several(stored: StoredArray, values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    if values.dtype.kind not in "fiub":
        raise refuse(stored.name, _WANTED, values)
    if not ((values == 0) | (values == 1)).all():
        span = f"a matrix of shape {values.shape} from {values.min():g} to {values.max():g}"
        raise refuse(stored.name, _WANTED, words(span))
    return values.astype(bool), "several labels an item"


def _text(path: Path) -> StoredArray:
    """Read one label a line; whole numbers stay numbers, so that they match those of an array."""
    digest, is_csv = file_digest(path), path.suffix.lower() == ".csv"
    try:
        with path.open(encoding="utf-8-sig", newline="" if is_csv else None) as file:
            # no splitlines: it also splits at characters that a label may hold
            rows = list(csv.reader(file)) if is_csv else [[line.rstrip("\n")] for line in file]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(
            f"{path} must be text in UTF-8, one label a line. Got: {error}"
        ) from error
    while rows and not "".join(rows[-1]).strip():
        rows.pop()
    for number, row in enumerate(rows, 1):
        if len(row) != 1 or not row[0].strip():
            got = row[0] if len(row) == 1 else ",".join(row)
            raise refuse(f"{path}, line {number}", "one label", got)
    names = [row[0].strip() for row in rows]
    return StoredArray(_numbers_or_names(names), str(path), None, digest)


def _numbers_or_names(names: list[str]) -> NDArray[Any]:
    if all(_WHOLE.fullmatch(name) for name in names):
        with suppress(ValueError, OverflowError):  # of more digits than 64 bits hold
            return np.array([int(name) for name in names], np.int64)
    return np.array(names, np.str_)


def matched(database: Labels, queries: Labels) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels of both in one numbering of the names, or as they are where they are numbers.

    Raises
    ------
    InputError
        If one has single labels and the other several, one has names and the other numbers, or
        the classes differ in number.
    """
    left, right = database.values, queries.values
    same_names = left.dtype.kind == right.dtype.kind
    if left.shape[1:] != right.shape[1:] or not same_names:
        kinds = [
            f"{taken['kind']} {tuple(taken['shape'])}" for taken in (database.taken, queries.taken)
        ]
        wanted = "labels of one kind, of the same classes"
        names = f"{database.name} and {queries.name}"
        raise refuse(names, wanted, words(" and ".join(kinds)))
    if left.dtype.kind != "U":
        return left, right
    numbers = np.unique(np.concatenate([left, right]), return_inverse=True)[1]
    return numbers[: len(left)], numbers[len(left) :]
