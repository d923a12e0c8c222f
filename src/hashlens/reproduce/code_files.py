"""Codes that any program wrote: what they are is recognised, and said."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import MAX_BITS, check_n_bits, refuse, words
from hashlens.codes import Codes, binarize, code_size, pack
from hashlens.reproduce.array_files import StoredArray, read_array
from hashlens.reproduce.label_files import Labels, read_labels

_KINDS = (
    "bool, 0/1 or -1/+1 with a bit a column; packed uint8 with --bits; "
    "or reals with --sign (bit = value >= 0)"
)
_SIGNS = "the signs of reals"
_LOWEST, _HIGHEST = "lowest bit of a byte first", "highest bit of a byte first"
_EITHER = "bytes whose first bit is open"
_COLUMNS = "a bit a column"


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Packed codes with their labels, and what their files were taken to be.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    n_bits : int
    labels : Labels
    taken : dict
        Of the codes: file, SHA-256, dtype, shape, kind, transposed; JSON-able.
    doubts : tuple of str
        What may not be as it was meant.
    """

    codes: Codes
    n_bits: int
    labels: Labels
    taken: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def name(self) -> str:
        """The file, with the variable where it has one."""
        variable = self.taken.get("variable")
        return f"{self.taken.get('file')}{'' if variable is None else f':{variable}'}"

    @property
    def words(self) -> str:
        """One line that says what the two files were taken to be."""
        return f"{_in_words(self.taken)}; labels {_in_words(self.labels.taken)}"


def _in_words(taken: dict[str, Any]) -> str:
    name = taken["file"] if taken["variable"] is None else f"{taken['file']}:{taken['variable']}"
    turned = ", taken transposed" if taken["transposed"] else ""
    return f"{name}: {taken['kind']}, {taken['dtype']} {tuple(taken['shape'])}{turned}"


def read_codes(
    codes: str | Path,
    labels: str | Path,
    *,
    n_bits: int | None = None,
    sign: bool = False,
    like: LabelledCodes | None = None,
) -> LabelledCodes:
    """Read codes and their labels from files that any program wrote.

    Parameters
    ----------
    codes : str or Path
        A file of :func:`hashlens.reproduce.array_files.read_array`, ``FILE:NAME`` for a variable
        of several. An array of shape (n, n_bits) that is bool, or holds only 0 and 1 or only -1
        and +1; or packed bytes, uint8 of shape (n, ceil(n_bits / 8)), in either bit order. It is
        taken transposed where only so there are as many codes as labels.
    labels : str or Path
        As for :func:`hashlens.reproduce.label_files.read_labels`.
    n_bits : int, 1 to 4096, optional
        Needed for packed codes: bytes do not tell it.
    sign : bool
        Make codes of other reals, such as a network's outputs: bit = ``value >= 0``.
    like : LabelledCodes, optional
        What these are to be compared with: of the same length, and turned the same way where the
        shape leaves it open.

    Returns
    -------
    codes : LabelledCodes

    Raises
    ------
    InputError, FormatError, MissingExtraError
        If a file is not as above.
    """
    if n_bits is not None:
        check_n_bits(n_bits)
    if like is not None:
        if n_bits not in (None, like.n_bits):
            raise refuse("n_bits", f"that of {like.name}, {like.n_bits}", n_bits)
        n_bits = like.n_bits
    several = like is not None and like.labels.values.ndim == 2
    stored, named = read_array(codes, matrix=True), read_labels(labels, several=several)
    if stored.values.ndim != 2 or stored.values.dtype.kind not in "biuf":
        raise refuse(stored.name, f"codes: a matrix, {_KINDS}", stored.values)
    turned, labels_turned = _orientation(stored, named, like)
    matrix = stored.values.T if turned else stored.values
    order = None if like is None else like.taken.get("byte_order")
    taken = _recognised(stored.name, matrix, n_bits, sign, order)
    if like is not None:
        _check_alike(stored.name, taken, like)
    return LabelledCodes(
        np.ascontiguousarray(taken.codes),
        taken.n_bits,
        named.turned() if labels_turned else named,
        {**stored.to_dict(), "transposed": turned, **taken.to_dict()},
        tuple(_doubts(stored, matrix, taken, like)),
    )


def _orientation(
    stored: StoredArray, labels: Labels, like: LabelledCodes | None
) -> tuple[bool, bool]:
    """Whether the codes, and the labels, lie in columns: as they are wherever that fits."""
    shape = stored.values.shape
    if shape[0] == shape[1] == len(labels.values) and like is not None:
        return bool(like.taken.get("transposed")), False
    for labels_turned, n_items in enumerate(labels.values.shape):
        for turned, n_codes in enumerate(shape):
            if n_codes == n_items:
                return bool(turned), bool(labels_turned)
    wanted = f"as many codes as {labels.name} has labels, {len(labels.values)}"
    raise refuse(stored.name, wanted, stored.values)


class _Taken(NamedTuple):
    """Codes, and what the matrix was taken to be."""

    codes: Codes
    n_bits: int
    kind: str
    byte_order: str | None = None  # of packed codes: which bit of a byte comes first

    def to_dict(self) -> dict[str, Any]:
        """Everything but the codes."""
        packed = self.byte_order is not None
        return {
            "n_bits": self.n_bits,
            "kind": self.kind,
            "packed": packed,
            "byte_order": self.byte_order,
        }


def _recognised(
    name: str, matrix: NDArray[Any], n_bits: int | None, sign: bool, order: str | None
) -> _Taken:
    """Make packed codes of a matrix; bytes are in `order` where nothing speaks against it."""
    width = matrix.shape[1]
    if n_bits is not None and width != n_bits:
        return _packed(name, matrix, n_bits, order)
    if not 1 <= width <= MAX_BITS:
        raise refuse(name, f"codes of 1 to {MAX_BITS} bits", matrix)
    if matrix.dtype.kind == "f" and not np.isfinite(matrix).all():
        raise refuse(name, "finite everywhere", words("NaN or infinity"))
    kind = _unpacked_kind(matrix)
    if kind is not None:
        bytes_too = matrix.dtype == np.uint8 and n_bits is None
        but = " (not packed: that needs --bits)" if bytes_too else ""
        return _Taken(pack(matrix > 0), width, f"{width} bits, {kind}, a column each{but}")
    if not sign or matrix.dtype.kind == "u":
        raise _not_codes(name, matrix)
    return _Taken(binarize(matrix), width, f"{width} bits, {_SIGNS}")


def _unpacked_kind(matrix: NDArray[Any]) -> str | None:
    if matrix.dtype.kind == "b":
        return "bool"
    ones = matrix == 1
    if (ones | (matrix == 0)).all():
        return "0/1"
    return "-1/+1" if (ones | (matrix == -1)).all() else None


def _not_codes(name: str, matrix: NDArray[Any]) -> Exception:
    span = f"{matrix.dtype} of shape {matrix.shape} from {matrix.min():g} to {matrix.max():g}"
    if matrix.dtype != np.uint8:
        return refuse(name, f"codes: {_KINDS}", words(span))
    most = 8 * matrix.shape[1]
    wanted = f"0/1, or packed codes with their length given by --bits, {most - 7} to {most}"
    return refuse(name, wanted, words(f"{span} and no such length"))


def _packed(name: str, matrix: NDArray[Any], n_bits: int, order: str | None) -> _Taken:
    """Take bytes of either bit order, which the zero bits after the last tell.

    To a distance between bytes of one order it does not matter which that is.
    """
    size = code_size(n_bits)
    if matrix.dtype != np.uint8 or matrix.shape[1] != size:
        wanted = f"of {n_bits} bits: uint8 of shape (n, {size}), or a bit a column, (n, {n_bits})"
        raise refuse(name, wanted, matrix)
    padding = 8 * size - n_bits
    last = int(np.bitwise_or.reduce(matrix[:, -1]))
    found = [_LOWEST] if last >> (8 - padding) == 0 else []
    found += [_HIGHEST] if last & ((1 << padding) - 1) == 0 else []
    if not found:
        wanted = f"zero in the {padding} bits after the last of {n_bits}"
        raise refuse(name, wanted, words("set bits there"))
    kind = f"packed codes of {n_bits} bits"
    if len(found) == 2 and order not in found:
        return _Taken(matrix, n_bits, kind, _EITHER)
    chosen = order if order in found else found[0]
    if chosen == _HIGHEST:
        matrix = pack(np.unpackbits(matrix, axis=1, count=n_bits))
    return _Taken(matrix, n_bits, f"{kind}, {chosen}", chosen)


def _check_alike(name: str, taken: _Taken, like: LabelledCodes) -> None:
    """Refuse codes whose bits cannot be told to be in the order of those they are compared with.

    Of whole bytes nothing tells the order, so bytes are never compared with a bit a column.
    """
    theirs, own = like.taken.get("byte_order"), taken.byte_order
    if theirs != own and (theirs, own) != (_EITHER, _LOWEST):
        wanted = f"written like {like.name} ({theirs or _COLUMNS})"
        raise refuse(name, wanted, words(own or _COLUMNS))


def _doubts(
    stored: StoredArray, matrix: NDArray[Any], taken: _Taken, like: LabelledCodes | None
) -> list[str]:
    doubts = []
    if taken.kind.endswith(_SIGNS) and matrix.min() >= 0:
        doubts.append(f"{stored.name}: no value is below 0, so every bit is on")
    if like is not None:
        return doubts
    if stored.values.shape[0] == stored.values.shape[1]:
        doubts.append(f"{stored.name}: as many rows as columns; a row is taken as a code")
    elif taken.byte_order is None and matrix.shape[1] > matrix.shape[0]:
        doubts.append(f"{stored.name}: more bits than codes, {matrix.shape[1]} and {len(matrix)}")
    return doubts
