"""A table of images and labels: CSV or Parquet.

Columns
-------
``path`` or ``image``
    The image: a path (relative to the manifest), or in Parquet also the bytes of a file or the
    Hugging Face struct ``{bytes, path}`` (column ``img`` likewise).
``label``
    One class: text or an int. A list column in Parquet: several classes.
``labels``
    Several classes: text with ``|`` between them, or a list column; empty for none.
``split``
    ``train`` or ``test``.

Labels and split are optional; other columns are not read. Classes are sorted, as numbers if all
are; Parquet with Hugging Face class names keeps their order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.data.csv_table import read_csv
from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import BytesImages, EncodedImages, FileImages
from hashlens.data.parquet import Columns, image_source, read_columns
from hashlens.errors import FormatError

IMAGE_COLUMNS = ("path", "image", "img")
LABEL_COLUMNS = ("label", "labels")
_COLUMNS = (*IMAGE_COLUMNS, *LABEL_COLUMNS, "split")


def read_manifest(path: Path) -> Dataset | Splits:
    """Read a ``.csv`` or ``.parquet`` manifest; no image is read or decoded yet.

    Parameters
    ----------
    path : Path
        CSV is UTF-8 with a header row. In errors, row 1 of a CSV is its header, as spreadsheets
        count; row 1 of Parquet is the first image.

    Returns
    -------
    data : Dataset, or Splits if there is a column ``split``

    Raises
    ------
    FormatError
        If the file cannot be read or a cell is not what it must be; the message has file and row.
    """
    is_csv = path.suffix.lower() == ".csv"
    columns = Columns(read_csv(path, _COLUMNS), {}) if is_csv else read_columns(path, _COLUMNS)
    table = Table(path, 2 if is_csv else 1, columns)
    images = read_images(table)
    labels, classes = read_labels(table)
    whole = Dataset(path.stem, images, labels, classes)
    split = split_rows(table)
    if split is None:
        return whole
    train, test = split
    return Splits(
        whole.subset(train, f"{whole.name}/train"), whole.subset(test, f"{whole.name}/test")
    )


@dataclass(frozen=True)
class Table:
    """Columns of a manifest; cell i of each is in its row ``rows[i]``, or where None in row i."""

    path: Path
    first_row: int
    columns: Columns
    rows: NDArray[np.int64] | None = None

    def row(self, i: int) -> int:
        """Give the row of a cell, from 0."""
        return i if self.rows is None else int(self.rows[i])

    def values(self, name: str) -> list[Any] | None:
        """Give the cells of a column, if it is there."""
        return self.columns.values.get(name)

    def only(self, names: Sequence[str]) -> str | None:
        """Return the one of these columns that is there; two are an error."""
        there = [name for name in names if name in self.columns.values]
        if len(there) > 1:
            wanted = f"must have one column of {', '.join(names)}"
            raise FormatError(f"{self.path}: {wanted}. Got {' and '.join(there)}.")
        return there[0] if there else None

    def wrong(self, i: int, column: str, wanted: str, got: object) -> FormatError:
        """Build the error of a cell."""
        place = f"{self.path}, row {self.first_row + self.row(i)}"
        return FormatError(f"{place}: {column} must be {wanted}. Got {got!r:.80}.")


def read_images(table: Table) -> EncodedImages:
    """Make images of the column that has them; none is decoded yet."""
    column = table.only(IMAGE_COLUMNS)
    cells = table.values(column) if column else None
    if column is None or not cells:
        found = ", ".join(table.columns.values) or "none"
        wanted = "a column path or image and at least one row"
        raise FormatError(f"{table.path}: must have {wanted}. Got the columns {found}.")
    folder = table.path.parent
    sources: list[Path | bytes] = []
    names: list[str] = []
    for i, cell in enumerate(cells):
        source = image_source(cell)
        if source is None:
            raise table.wrong(i, column, "a path or the bytes of an image", cell)
        sources.append(folder / source if isinstance(source, str) else source)
        stated = cell.get("path") if isinstance(cell, dict) else None
        own = source if isinstance(source, str) else f"{table.path.name}[{table.row(i)}]"
        names.append(stated or own)
    return _of_one_kind(sources, names, folder)


def _of_one_kind(sources: list[Path | bytes], names: list[str], folder: Path) -> EncodedImages:
    paths = [source for source in sources if isinstance(source, Path)]
    blobs = [source for source in sources if isinstance(source, bytes)]
    if not blobs:
        return FileImages(paths, folder)
    return BytesImages(blobs, names) if not paths else EncodedImages(sources, names)


def read_labels(table: Table) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Give labels, as a `Dataset` has them, and the names of the classes."""
    column = table.only(LABEL_COLUMNS)
    cells = table.values(column) if column else None
    if column is None or cells is None:
        return None, ()
    known = table.columns.class_names.get(column, ())
    if column == "label" and not any(isinstance(cell, list) for cell in cells):
        numbered = [_class(table, i, column, cell, known) for i, cell in enumerate(cells)]
        classes = known or _in_order(set(numbered))
        number = {name: k for k, name in enumerate(classes)}
        return np.array([number[name] for name in numbered], np.int64), classes
    several = [_several(table, i, column, cell, known) for i, cell in enumerate(cells)]
    classes = known or _in_order({name for row in several for name in row})
    number = {name: k for k, name in enumerate(classes)}
    matrix = np.zeros((len(several), len(classes)), bool)
    for i, row in enumerate(several):
        matrix[i, [number[name] for name in row]] = True
    return matrix, classes


def _several(table: Table, i: int, column: str, cell: object, known: tuple[str, ...]) -> list[str]:
    if cell is None or cell == "":
        return []
    if isinstance(cell, str):
        cell = [part.strip() for part in cell.split("|")]
    if not isinstance(cell, list):
        raise table.wrong(i, column, "several labels with '|' between them, or a list", cell)
    return [_class(table, i, column, part, known) for part in cell]


def _class(table: Table, i: int, column: str, value: object, known: tuple[str, ...]) -> str:
    if known and type(value) is int and 0 <= value < len(known):
        return known[value]
    if known and value not in known:
        raise table.wrong(i, column, f"a class, an int from 0 to {len(known) - 1}", value)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise table.wrong(i, column, "text or an int", value)
    return str(value)


def _in_order(names: set[str]) -> tuple[str, ...]:
    if all(re.fullmatch(r"-?\d{1,18}", name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def split_rows(table: Table) -> tuple[list[int], list[int]] | None:
    """Number the rows to train on and those to test on; None without a column ``split``."""
    splits = table.values("split")
    if splits is None:
        return None
    for i, value in enumerate(splits):
        if value not in ("train", "test"):
            raise table.wrong(i, "split", "'train' or 'test'", value)
    train = [i for i, value in enumerate(splits) if value == "train"]
    test = [i for i, value in enumerate(splits) if value == "test"]
    if not train or not test:
        raise FormatError(f"{table.path}: split must name train and test. Got only {splits[0]!r}.")
    return train, test
