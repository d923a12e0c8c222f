"""Columns of CSV files."""

import csv
from collections.abc import Collection
from pathlib import Path

from hashlens.errors import FormatError


def read_csv(path: Path, wanted: Collection[str] | None = None) -> dict[str, list[str]]:
    """Read those of the `wanted` columns that a CSV file has, or all.

    Parameters
    ----------
    path : Path
        UTF-8, with a header row. In errors, row 1 is the header, as spreadsheets count.
    wanted : collection of str, optional

    Returns
    -------
    columns : dict of str to list of str
        Without the blanks around names and cells.

    Raises
    ------
    FormatError
        If the file cannot be read, two columns that are read have one name, or a row has more or
        fewer cells than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: is not a readable CSV file ({error})") from None
    header = [name.strip() for name in rows[0]] if rows else []
    places = {name: i for i, name in enumerate(header) if wanted is None or name in wanted}
    double = {name for name in places if header.count(name) > 1}
    if double:
        raise FormatError(f"{path}, row 1: columns must differ. Got {min(double)!r} twice.")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            cells = f"must have {len(header)} cells, as the header has"
            raise FormatError(f"{path}, row {number}: {cells}. Got {len(row)}.")
    return {name: [row[i].strip() for row in rows[1:]] for name, i in places.items()}
