"""Argument checks. One message shape: ``<name> must be <wanted>. Got <got>.``.

NumPy loads with the first check of an array: a command's options are checked without it.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from hashlens.errors import FormatError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BITS = 4096
_ROWS_AT_ONCE = 4096


def refuse(name: str, wanted: str, got: object) -> InputError:
    """Build the one error of this project, to be raised by the caller.

    Examples
    --------
    >>> raise refuse("k", "an int >= 1", 0)
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: k must be an int >= 1. Got 0.
    """
    return InputError(f"{name} must be {wanted}. Got {_shown(got)}.")


def _shown(got: object) -> str:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(got, numpy.ndarray):
        return f"an array of {got.dtype} with shape {got.shape}"
    text = got if isinstance(got, _Words) else repr(got)
    return text if len(text) <= 200 else text[:197] + "..."


class _Words(str):
    """Text shown as it is, without quotation marks."""


def printable(text: str) -> str:
    r"""Replace what a file's name may hold, and a terminal, a page or JSON may not.

    Examples
    --------
    >>> printable("owl\udcff.jpg")
    'owl?.jpg'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def words(text: str) -> str:
    """Mark text as a description, so that ``refuse`` prints it without quotation marks."""
    return _Words(text)


def check_int(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return `value` as an int within [low, high], or raise InputError (bool is refused)."""
    wanted = f"an int >= {low}" if high is None else f"an int from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise refuse(name, wanted, value)
    number = int(value)
    if number < low or (high is not None and number > high):
        raise refuse(name, wanted, number)
    return number


def check_float(name: str, value: object, low: float, high: float | None = None) -> float:
    """Return `value` as a finite float within [low, high], or raise InputError."""
    wanted = f"a number >= {low}" if high is None else f"a number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise refuse(name, wanted, value)
    number = float(value)
    if not math.isfinite(number) or number < low or (high is not None and number > high):
        raise refuse(name, wanted, value)
    return number


def check_n_bits(value: object) -> int:
    """Return a code length in bits, 1 to 4096, or raise InputError."""
    return check_int("n_bits", value, 1, MAX_BITS)


def check_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`; otherwise raise with the nearest name."""
    known = list(choices)
    if isinstance(value, str) and value in known:
        return value
    import difflib

    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"{name} must be one of {', '.join(known)}. Got {value!r}.{hint}")


def check_matrix(
    name: str,
    value: object,
    *,
    n_columns: int | None = None,
    min_rows: int = 1,
    any_real: bool = False,
) -> "NDArray[np.floating[Any]]":
    """Return a finite real matrix as float32 or float64, or raise InputError.

    float16 and integers become float32 (int64 and uint64: float64), unless `any_real`; float32
    and float64 are returned as they are, without a copy.
    """
    import numpy as np

    matrix = np.asarray(value)
    wanted = f"a real matrix of shape (n_samples >= {min_rows}, {n_columns or 'n_features'})"
    if matrix.dtype.kind not in "fiub" or matrix.ndim != 2:
        raise refuse(name, wanted, matrix)
    if matrix.shape[0] < min_rows or matrix.shape[1] < 1:
        raise refuse(name, wanted, matrix)
    if n_columns is not None and matrix.shape[1] != n_columns:
        raise refuse(name, wanted, matrix)
    for start in range(0, len(matrix), _ROWS_AT_ONCE):  # no mask as long as the matrix
        if not _is_finite(matrix[start : start + _ROWS_AT_ONCE]):
            raise refuse(name, "finite everywhere", words("NaN or infinity"))
    if not any_real and matrix.dtype not in (np.float32, np.float64):
        matrix = matrix.astype(np.result_type(matrix.dtype, np.float32))
    return matrix


def _is_finite(block: "NDArray[Any]") -> bool:
    """Say whether all numbers are; first by their squares' sum, which is so only if they are."""
    import numpy as np

    if block.dtype in (np.float32, np.float64) and block.flags.c_contiguous:
        numbers = block.ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(np.dot(numbers, numbers)):
                return True
    return bool(np.isfinite(block).all())


def check_labels(name: str, value: object, n_rows: int | None = None) -> "NDArray[Any]":
    """Return labels: int64 (n,) for one label a row, or bool (n, n_classes) for several."""
    import numpy as np

    labels = np.asarray(value)
    wanted = "labels: ints of shape (n,), or a 0/1 matrix of shape (n, n_classes)"
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iub":
        raise refuse(name, wanted, labels)
    if labels.ndim == 2:
        if not np.isin(labels, (0, 1)).all():
            raise refuse(name, wanted, words("values other than 0 and 1"))
        labels = labels.astype(bool)
    else:
        labels = labels.astype(np.int64)
    if n_rows is not None and len(labels) != n_rows:
        raise refuse(name, f"labels of {n_rows} rows", labels)
    return labels


def check_state(
    name: str, state: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]]
) -> "dict[str, NDArray[Any]]":
    """Return learnt arrays whose names and shapes are exactly `shapes`, or raise FormatError.

    Values must be real and finite; they are copied, so that a memory-mapped file can be closed.
    """
    import numpy as np

    unknown, missing = sorted(set(state) - set(shapes)), sorted(set(shapes) - set(state))
    if unknown or missing:
        raise FormatError(
            f"{name} must be the arrays {', '.join(sorted(shapes))}. "
            f"Got missing {missing or 'none'} and unknown {unknown or 'none'}."
        )
    arrays = {key: np.array(state[key]) for key in shapes}
    for key, array in arrays.items():
        if array.shape != shapes[key] or array.dtype.kind not in "fiu":
            raise FormatError(
                f"{name}, {key} must be real numbers of shape {shapes[key]}. Got {_shown(array)}."
            )
        if not np.isfinite(array).all():
            raise FormatError(f"{name}, {key} must be finite everywhere. Got NaN or infinity.")
    return arrays
