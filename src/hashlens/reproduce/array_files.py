"""Arrays from the files that other programs write: NumPy, MATLAB and HDF5, never unpickled."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.errors import FormatError, HashlensError, MissingExtraError

Array = NDArray[Any]


class StoredArray(NamedTuple):
    """An array as it lies in a file.

    Attributes
    ----------
    values : array
    file : str
    variable : str or None
        Its name in a file of several.
    sha256 : str
        Of the file's bytes.
    """

    values: Array
    file: str
    variable: str | None
    sha256: str

    @property
    def name(self) -> str:
        """The file, with the variable where it has one."""
        return self.file if self.variable is None else f"{self.file}:{self.variable}"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the values, JSON-able."""
        return {
            "file": self.file,
            "variable": self.variable,
            "sha256": self.sha256,
            "dtype": str(self.values.dtype),
            "shape": list(self.values.shape),
        }


class Variables(NamedTuple):
    """What is in an open file: the names, the shape of each, and how to read one."""

    names: tuple[str | None, ...]
    shape: Callable[[Any], tuple[int, ...]]
    read: Callable[[Any], Array]


def read_array(source: str | Path, *, matrix: bool) -> StoredArray:
    """Read one array from a ``.npy``, ``.npz``, ``.mat``, ``.h5`` or ``.hdf5`` file.

    Parameters
    ----------
    source : str or Path
        A file, or ``FILE:NAME`` for a variable of a file of several.
    matrix : bool
        Of several variables without a name given, take the only one with more than one row and
        column; the only one that is no single value where False.

    Returns
    -------
    stored : StoredArray
        With the dtype and the shape it has in the program that wrote it: logical and double
        matrices of MATLAB are bool and float64, whatever they were compressed to.

    Raises
    ------
    InputError
        If the kind of file is unknown, or the name is missing or not in the file.
    FormatError
        If the file is damaged, or holds Python objects.
    MissingExtraError
        If it is an HDF5 file, which MATLAB v7.3 files are too, and h5py is not installed.
    """
    path, name = split_source(source)
    digest = file_digest(path)
    try:
        with _opener(path)(path) as variables:
            chosen = _chosen(path, variables, name, matrix)
            return StoredArray(variables.read(chosen), str(path), chosen, digest)
    except HashlensError:
        raise
    except Exception as error:  # what a damaged file raises differs with the library that reads it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FormatError(
            f"{path} must be a readable {path.suffix} file of numbers. Got: {reason}"
        ) from error


def split_source(source: str | Path) -> tuple[Path, str | None]:
    """Split ``FILE:NAME``; a file that exists under the whole text is that file.

    Examples
    --------
    >>> path, name = split_source("runs/codes.mat:B_test")
    >>> path.name, name
    ('codes.mat', 'B_test')
    """
    text = str(source)
    head, _, name = text.rpartition(":")
    if Path(text).exists() or not name or Path(head).suffix.lower() not in _OPENERS:
        return Path(text), None
    return Path(head), name


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opener(path: Path) -> "Opener":
    known = ", ".join(_OPENERS)
    found = _OPENERS.get(path.suffix.lower())
    if found is None:
        raise refuse(str(path), f"a file that ends in {known}", path.suffix or words("no ending"))
    return found


def _chosen(path: Path, variables: Variables, name: str | None, matrix: bool) -> str | None:
    """Name the variable to read: the one asked for, the only one, or the only one that fits."""
    known = variables.names
    if name is not None:
        if name not in known:
            named = ", ".join(str(n) for n in known if n is not None)
            wanted = f"a variable of {path} ({named})" if named else "left out for a file of one"
            raise refuse(f"the name behind {path}:", wanted, name)
        return name
    if len(known) == 1:
        return known[0]
    shapes = {n: variables.shape(n) for n in known}
    sides = {n: sum(side > 1 for side in shape) for n, shape in shapes.items()}
    fitting = [n for n in known if (sides[n] == 2 if matrix else sides[n] >= 1)]
    if len(fitting) != 1:
        shown = ", ".join(f"{n} {shape}" for n, shape in shapes.items()) or "none"
        kind = "matrix" if matrix else "array"
        raise refuse(str(path), f"a file of one {kind}, or FILE:NAME", words(shown))
    return fitting[0]


@contextmanager
def _npy(path: Path) -> Iterator[Variables]:
    values = np.load(path, allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise refuse(str(path), "an array as numpy.save writes it", words("an archive of several"))
    yield Variables((None,), lambda _: values.shape, lambda _: values)


@contextmanager
def _npz(path: Path) -> Iterator[Variables]:
    if not zipfile.is_zipfile(path):
        raise refuse(str(path), "an archive as numpy.savez writes it", words("no archive"))
    with np.load(path, allow_pickle=False) as file:
        yield Variables(tuple(file.files), lambda name: file[name].shape, file.__getitem__)


@contextmanager
def _mat(path: Path) -> Iterator[Variables]:
    import scipy.io

    try:
        shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    except NotImplementedError:  # how scipy says that the file is of v7.3, which is HDF5
        with _hdf5(path) as variables:
            yield variables
        return

    def read(name: str) -> Array:
        # mat_dtype: MATLAB stores a double matrix of 0 and 1 as bytes, and means doubles.
        values = scipy.io.loadmat(path, variable_names=[name], mat_dtype=True)[name]
        return np.asarray(values.toarray() if hasattr(values, "toarray") else values)

    yield Variables(tuple(shapes), shapes.__getitem__, read)


@contextmanager
def _hdf5(path: Path) -> Iterator[Variables]:
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise MissingExtraError("h5py", "hdf5") from error
    with h5py.File(path, "r") as file:
        names: list[str] = []

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and not name.startswith("#"):
                names.append(name)

        file.visititems(collect)
        yield Variables(
            tuple(names),
            lambda name: file[name].shape[:: -1 if _by_matlab(file[name]) else 1],
            lambda name: _dataset(file[name]),
        )


def _by_matlab(dataset: Any) -> bool:
    return "MATLAB_class" in dataset.attrs


def _dataset(dataset: Any) -> Array:
    """Read a dataset; MATLAB writes columns first, and logical values as bytes."""
    values = np.asarray(dataset[()])
    if not _by_matlab(dataset):
        return values
    logical = dataset.attrs["MATLAB_class"] in (b"logical", "logical")
    return values.T.astype(bool) if logical else values.T


Opener = Callable[[Path], AbstractContextManager[Variables]]
_OPENERS: dict[str, Opener] = {
    ".npy": _npy,
    ".npz": _npz,
    ".mat": _mat,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
