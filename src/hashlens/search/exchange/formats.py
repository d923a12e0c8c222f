"""Codes from and to the files of other programs, without losing a bit or an id."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hashlens.checks import MAX_BITS, check_choice, check_n_bits, refuse, words
from hashlens.codes import code_size
from hashlens.errors import FormatError, HashlensError, InputError
from hashlens.search.exchange import (
    array_codes,
    bulk_codes,
    faiss_file,
    parquet_codes,
    text_codes,
)
from hashlens.search.exchange.code_set import CodeSet, FileCodes
from hashlens.search.index import HammingIndex
from hashlens.watcher import Watcher
from hashlens.whole_file import whole_file


def _read_index(path: Path, watcher: Watcher) -> FileCodes:
    index = HammingIndex.load(path, mmap=False)
    watcher.advance(index.n_items, index.n_items)
    return FileCodes(index.codes(), index.ids, index.n_bits)


def _write_index(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    HammingIndex(code_set.codes, code_set.n_bits, ids=code_set.ids).save(path)
    watcher.advance(len(code_set), len(code_set))


class Format(NamedTuple):
    """How a format is read, written and recognised.

    Attributes
    ----------
    read, write : callable
    suffixes : tuple of str
    magic : bytes
        How its files begin; empty where that does not tell.
    keeps_length : bool
        Whether a file tells the length in bits, not only in bytes.
    """

    read: Callable[[Path, Watcher], FileCodes]
    write: Callable[[Path, CodeSet, Watcher], None]
    suffixes: tuple[str, ...]
    magic: bytes = b""
    keeps_length: bool = False


FORMATS: dict[str, Format] = {
    "npy": Format(array_codes.read_npy, array_codes.write_npy, (".npy",), b"\x93NUMPY"),
    "npz": Format(array_codes.read_npz, array_codes.write_npz, (".npz",), b"PK", True),
    "hex": Format(text_codes.read_hex, text_codes.write_hex, (".hex", ".txt")),
    "parquet": Format(
        parquet_codes.read_parquet, parquet_codes.write_parquet, (".parquet",), b"PAR1", True
    ),
    "faiss": Format(faiss_file.read_faiss, faiss_file.write_faiss, (".faiss",), b"IB"),
    "hashlens": Format(_read_index, _write_index, (".hlx",), b"HASHLENS", True),
    "pgvector": Format(
        text_codes.read_pgvector, text_codes.write_pgvector, (".pgvector",), b"", True
    ),
    "elasticsearch": Format(bulk_codes.read_bulk, bulk_codes.write_bulk, (".ndjson",)),
}
_ENDINGS = ", ".join(ending for one in FORMATS.values() for ending in one.suffixes)


def format_of(path: str | Path, format: str | None = None, *, reading: bool) -> str:
    """Name the format of a file: what was said, else its ending, else how the file begins.

    Parameters
    ----------
    path : str or Path
    format : str, optional
    reading : bool
        Whether the file exists, so that its beginning can tell.

    Returns
    -------
    format : str
        A name in ``FORMATS``.

    Raises
    ------
    InputError
        If nothing tells, or there is no format of that name.

    Examples
    --------
    >>> format_of("codes.parquet", reading=False)
    'parquet'
    """
    if format is not None:
        return check_choice("format", format, FORMATS)
    suffix = Path(path).suffix.lower()
    for name, known in FORMATS.items():
        if suffix in known.suffixes:
            return name
    if reading:
        with Path(path).open("rb") as file:
            start = file.read(8)
        for name, known in FORMATS.items():
            if known.magic and start.startswith(known.magic):
                return name
    wanted = f"a file that ends in {_ENDINGS}, or its format given: {', '.join(FORMATS)}"
    raise refuse(str(path), wanted, suffix or words("no ending"))


def read_codes(
    path: str | Path,
    *,
    n_bits: int | None = None,
    format: str | None = None,
    watcher: Watcher | None = None,
) -> CodeSet:
    r"""Read packed codes from a file of any format (see :doc:`formats`).

    Parameters
    ----------
    path : str or Path
    n_bits : int, 1 to 4096, optional
        The length of the codes, where the file tells it in bytes alone: 8 bits a byte where None.
    format : str, optional
        By the ending of the file, or by how it begins, where None.
    watcher : Watcher, optional
        Told how far it is.

    Returns
    -------
    codes : CodeSet
        In the order of the file; in the order of their ids where the file is an index that keeps
        no other. Its ids are None where they are 0 to n - 1 in this order.

    Raises
    ------
    InputError
        If the file does not hold packed codes, or none of `n_bits` bits.
    FormatError
        If the file is damaged.
    MissingExtraError
        If only faiss can read it, and faiss is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "codes.hex"
    ...     _ = path.write_text("7\t05\n2\t06\n")
    ...     codes = read_codes(path, n_bits=3)
    >>> codes.codes.tolist(), codes.ids
    ([[5], [6]], array([7, 2]))
    """
    place, watcher = Path(path), watcher or Watcher()
    if n_bits is not None:
        check_n_bits(n_bits)
    if place.is_dir():
        raise refuse(str(place), "a file of codes", words("a folder"))
    name = format_of(place, format, reading=True)
    watcher.stage(f"reading {place.name}")
    content = _read(place, name, watcher)
    length, codes = _length(place, content, n_bits), content.codes
    if not codes.shape[1]:
        codes = np.empty((0, code_size(length)), np.uint8)
    ids = content.ids
    if ids is not None and (ids == np.arange(len(codes))).all():
        ids = None
    try:
        return CodeSet(codes, length, ids)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _read(path: Path, name: str, watcher: Watcher) -> FileCodes:
    with path.open("rb"):  # a missing file is the system's own error, whatever reads it
        pass
    try:
        return FORMATS[name].read(path, watcher)
    except HashlensError:
        raise
    except Exception as error:  # what a damaged file raises differs with the library that reads it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FormatError(f"{path} must be a readable {name} file. Got: {reason}") from error


def _length(path: Path, content: FileCodes, n_bits: int | None) -> int:
    """Bits of a code: what the file tells, or what was said, or all bits of its bytes."""
    size = content.codes.shape[1]
    if content.n_bits is not None:
        if not 1 <= content.n_bits <= MAX_BITS or size not in (0, code_size(content.n_bits)):
            got = words(f"codes of {size} bytes")
            raise refuse(str(path), f"of codes of {content.n_bits} bits, as it says", got)
        if n_bits not in (None, content.n_bits):
            raise refuse("n_bits", f"that of {path}, {content.n_bits}", n_bits)
        return content.n_bits
    if not size and n_bits is None:
        raise refuse("n_bits", f"given: {path} is empty and does not tell it", None)
    if size > MAX_BITS // 8:
        wanted = f"of codes of 1 to {MAX_BITS // 8} bytes"
        raise refuse(str(path), wanted, words(f"codes of {size} bytes"))
    length = 8 * size if n_bits is None else n_bits
    if size and code_size(length) != size:
        wanted = f"{8 * size - 7} to {8 * size}, as a code of {path} has {size} bytes"
        raise refuse("n_bits", wanted, n_bits)
    return length


def write_codes(
    path: str | Path,
    code_set: CodeSet,
    *,
    format: str | None = None,
    watcher: Watcher | None = None,
) -> None:
    r"""Write packed codes to a file of any format (see :doc:`formats`): whole, or not at all.

    Parameters
    ----------
    path : str or Path
        Replaced if it is there, once the new file is complete.
    code_set : CodeSet
    format : str, optional
        By the ending of the file where None.
    watcher : Watcher, optional
        Told how far it is.

    Raises
    ------
    InputError
        If the format is unknown, or has no room for the ids.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "codes.pgvector"
    ...     write_codes(path, CodeSet(np.array([[5], [6]], np.uint8), 3, [7, 2]))
    ...     path.read_text()
    '7\t101\n2\t011\n'
    """
    place, watcher = Path(path), watcher or Watcher()
    known = FORMATS[format_of(place, format, reading=False)]
    watcher.stage(f"writing {place.name}", len(code_set))
    place.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(place) as partial:
        known.write(partial, code_set, watcher)
