"""Codes as files that other programs read."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hashlens.checks import refuse
from hashlens.codes import Codes


def write_codes(
    path: Path, codes: Codes, names: Sequence[str], labels: Sequence[str] | None = None
) -> Path:
    """Write codes to a .npy file and, beside it, a .csv that names each row.

    Parameters
    ----------
    path : Path
        Must end with ``.npy``.
    codes : uint8 array of shape (n, ceil(n_bits / 8))
    names : sequence of str, n
    labels : sequence of str, n, optional

    Returns
    -------
    path : Path
        Of the CSV file: columns ``row``, ``name`` and, where given, ``label``.

    Raises
    ------
    InputError
        If `path` does not end with ``.npy``.
    """
    if path.suffix != ".npy":
        raise refuse("out", "a file name that ends with .npy", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, codes)
    table = path.with_suffix(".csv")
    with table.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["row", "name", *([] if labels is None else ["label"])])
        for row, name in enumerate(names):
            writer.writerow([row, name, *([] if labels is None else [labels[row]])])
    return table
