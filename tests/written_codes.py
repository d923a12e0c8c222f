"""Codes and labels as other programs would write them, for the tests that read such files."""

from pathlib import Path

import numpy as np

from hashlens.reproduce.code_files import read_codes

N, B = 60, 12
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, N)
BITS = (RNG.integers(0, 2, (4, B))[Y] ^ (RNG.random((N, B)) < 0.2)).astype(np.uint8)
BITS[:, -1] = RNG.integers(0, 2, N)  # set somewhere, so that the order of packed bits shows


def saved(folder: Path, name: str, array: object) -> Path:
    """Write an array; give its file."""
    np.save(folder / name, np.asarray(array))
    return folder / name


def sides(folder, database, queries, database_labels, query_labels):
    """Write and read codes that are searched and codes that ask."""
    left = read_codes(saved(folder, "db.npy", database), saved(folder, "dl.npy", database_labels))
    right = read_codes(
        saved(folder, "q.npy", queries), saved(folder, "ql.npy", query_labels), like=left
    )
    return left, right
