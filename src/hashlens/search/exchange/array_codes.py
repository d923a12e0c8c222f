"""Codes as NumPy files: ``.npy`` holds the codes alone, ``.npz`` also their length and ids."""

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.errors import FormatError
from hashlens.search.exchange.code_set import CodeSet, FileCodes, read_bytes
from hashlens.watcher import Watcher

PACKED = (
    "packed codes: uint8 of shape (n, n_bytes). Make them of bits in columns with "
    "hashlens.codes.pack(values > 0)"
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: Path, watcher: Watcher) -> FileCodes:
    """Read the packed codes of a ``.npy`` file; nothing is cast."""
    with path.open("rb") as file:
        return FileCodes(_matrix(path, file, path.stat().st_size, watcher))


def write_npy(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write the codes, without their ids, which the format has no room for."""
    if code_set.ids is not None:
        raise refuse("format", "one that holds ids, such as npz or parquet", "npy")
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": code_set.codes.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for codes, _ in code_set.pieces(watcher):
            file.write(codes.tobytes())


def read_npz(path: Path, watcher: Watcher) -> FileCodes:
    """Read the arrays ``codes``, ``n_bits`` and ``ids`` of a ``.npz`` file; only codes must be."""
    with zipfile.ZipFile(path) as archive:
        sizes = {item.filename: item.file_size for item in archive.infolist()}
        if "codes.npy" not in sizes:
            raise refuse(str(path), "an archive with an array codes", words("none of that name"))
        with archive.open("codes.npy") as file:
            codes = _matrix(path, file, sizes["codes.npy"], watcher)
        others: list[NDArray[Any] | None] = []
        for name, n_dims in (("ids", 1), ("n_bits", 0)):
            others.append(None)
            if f"{name}.npy" in sizes:
                with archive.open(f"{name}.npy") as file:
                    others[-1] = _integers(path, name, file, sizes[f"{name}.npy"], n_dims)
    ids, n_bits = others
    return FileCodes(codes, ids, None if n_bits is None else int(n_bits))


def write_npz(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write the arrays ``codes``, ``n_bits`` and, where there are any, ``ids``."""
    arrays = {"codes": code_set.codes, "n_bits": np.array(code_set.n_bits)}
    if code_set.ids is not None:
        arrays["ids"] = code_set.ids
    with path.open("wb") as file:  # of a path, savez would change the ending
        np.savez(file, allow_pickle=False, **arrays)
    watcher.advance(len(code_set), len(code_set))


def _matrix(path: Path, file: IO[bytes], size: int, watcher: Watcher) -> NDArray[np.uint8]:
    shape, by_columns, dtype = _header(path, file, size)
    if dtype != np.uint8 or len(shape) != 2:
        raise refuse(str(path), PACKED, words(f"an array of {dtype} with shape {shape}"))
    data = read_bytes(path, file, math.prod(shape), watcher)
    return np.ascontiguousarray(data.reshape(shape, order="F" if by_columns else "C"))


def _integers(path: Path, name: str, file: IO[bytes], size: int, n_dims: int) -> NDArray[Any]:
    shape, _, dtype = _header(path, file, size)
    if dtype.kind not in "iu" or len(shape) != n_dims:
        wanted = "an array of ints of shape (n,)" if n_dims else "one int"
        got = words(f"an array of {dtype} with shape {shape}")
        raise refuse(f"{path}, {name}", wanted, got)
    data = read_bytes(path, file, math.prod(shape) * dtype.itemsize, Watcher())
    return data.view(dtype).reshape(shape)


def _header(path: Path, file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read what an array of `size` bytes says of itself, and compare it with that size."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise FormatError(f"{path} must be of .npy version 1.0 or 2.0. Got {version}.")
    shape, by_columns, dtype = _HEADERS[version](file)
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if dtype.hasobject or min(shape, default=0) < 0 or wanted != there:
        kind = f"{dtype} with shape {shape}"
        raise FormatError(f"{path} must hold an array of {kind}. Got {there} bytes behind it.")
    return shape, by_columns, dtype
