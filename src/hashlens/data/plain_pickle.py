"""Pickles read as data, never run as programs: containers, text, numbers and uint8 arrays.

A pickle is a program for a stack machine. Here only the instructions that build plain values are
known, and the three numpy names an array needs stand for inert records of this file, so nothing
in a hostile pickle can name, import or call anything else.
"""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hashlens.errors import FormatError

_INSTRUCTIONS = (
    *("PROTO", "FRAME", "STOP", "MARK", "POP"),
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1"),
    *(
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINBYTES",
        "SHORT_BINBYTES",
    ),
    *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("APPEND", "APPENDS", "SETITEM", "SETITEMS"),
    *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "MEMOIZE"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
)


def read_plain_pickle(path: Path) -> dict[str, Any]:
    """Read a pickled dictionary of plain values and uint8 arrays.

    Parameters
    ----------
    path : Path
        Protocol 2 to 4, written by Python 2 or 3.

    Returns
    -------
    content : dict of str to int, bytes, str, list or uint8 array

    Raises
    ------
    FormatError
        If the pickle is damaged or asks for anything but plain values.
    """
    try:
        content = _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError("it is not a dictionary")
        return {_text(key): _plain(value) for key, value in content.items()}
    except Exception as error:
        # Hostile instructions fail in many ways; none of them is more than a bad file.
        raise FormatError(f"{path}: must be a pickle of plain values. Got: {error!r}.") from None


class _Array:
    """What a pickle says about an array, before any of it is believed."""

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def to_numpy(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        _, shape, dtype, is_fortran, data = self.state
        if not isinstance(dtype, _Dtype) or dtype.code not in ("u1", b"u1", "|u1", b"|u1"):
            raise pickle.UnpicklingError("an array is not of unsigned bytes")
        if not isinstance(data, bytes) or len(data) != math.prod(shape):
            raise pickle.UnpicklingError("an array's data does not fit its shape")
        order: Any = "F" if is_fortran else "C"
        return np.frombuffer(data, np.uint8).reshape(shape, order=order)


class _Dtype:
    def __init__(self, code: object, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Byte order and flags mean nothing for unsigned bytes."""


class _ArrayType:
    """Stands for ``numpy.ndarray``, which a pickle names but need not call."""


def _reconstruct(*_arguments: object) -> _Array:
    return _Array()


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Dtype,
}


# The unpickler written in Python: its table of instructions can be cut down.
class _PlainUnpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]]
        for name in _INSTRUCTIONS
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _NAMES[module, name]


def _text(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)


def _plain(value: object) -> object:
    return value.to_numpy() if isinstance(value, _Array) else value
