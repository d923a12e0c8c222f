"""One door for all data: a folder, a manifest, or the name of a benchmark."""

import difflib
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from hashlens.checks import check_int, refuse, words
from hashlens.data.dataset import Dataset, Splits, join_splits, stratified_split
from hashlens.data.download import SOURCES, Progress, fetch
from hashlens.data.folder import read_folder
from hashlens.data.layout import MissingDataError
from hashlens.data.manifest import read_manifest
from hashlens.errors import InputError

BENCHMARKS: dict[str, str] = {
    "caltech101": "hashlens.data.caltech:caltech101",
    "caltech256": "hashlens.data.caltech:caltech256",
    "cifar10": "hashlens.data.cifar:cifar10",
    "cifar100": "hashlens.data.cifar:cifar100",
    "digits": "hashlens.data.digits:digits",
    "fashion-mnist": "hashlens.data.idx:fashion_mnist",
    "mnist": "hashlens.data.idx:mnist",
    "nuswide": "hashlens.data.nuswide:nuswide",
    "svhn": "hashlens.data.svhn:svhn",
}
"""Benchmarks by name; each loader takes the data folder and returns Splits, or a whole Dataset."""

TRAIN_FRACTION = 0.8
"""Share of the training set of a folder or manifest that names no splits."""

BENCHMARK_TRAIN_FRACTION = 0.7
"""Share of the training set of a benchmark without an official split (RITQ paper, section 4)."""

_DATA_DIR_VARIABLE = "HASHLENS_DATA_DIR"
_MANIFESTS = (".csv", ".parquet")


def load(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Splits:
    """Load a training set and a test set.

    Parameters
    ----------
    source : str or Path
        The name of a benchmark (a key of ``BENCHMARKS``; write ``./cifar10`` for a folder of that
        name), a folder (see :func:`hashlens.data.folder.read_folder`), or a ``.csv`` or
        ``.parquet`` manifest (see :mod:`hashlens.data.manifest`).
    data_dir : str or Path, optional
        Folder with the files of the benchmarks. Default: the environment variable
        ``HASHLENS_DATA_DIR``, else ``~/.cache/hashlens``. Not read for folders and manifests.
    download : bool
        Fetch the files of a benchmark that are missing. Nothing is ever fetched without it.
    seed : int >= 0
        Draws the split where the source has none: 80 % of each class to train (70 % for
        Caltech), the rest to test.
    progress : callable, optional
        Called as ``progress(file_name, bytes_done, bytes_in_all)`` while downloading.

    Returns
    -------
    splits : Splits

    Raises
    ------
    InputError
        If the source is not one of these, or a benchmark's files are missing.
    FormatError
        If a file is damaged; the message names the place.

    Examples
    --------
    >>> splits = load("digits")
    >>> splits.train.name, len(splits.test), splits.test.n_classes
    ('digits/train', 500, 10)
    >>> load("cifer10")
    Traceback (most recent call last):
    ...
    hashlens.errors.InputError: source must be a folder, ... Did you mean 'cifar10'?
    """
    check_int("seed", seed, 0)
    found = _read(source, data_dir, download, progress)
    if isinstance(found, Splits):
        return found
    is_benchmark = isinstance(source, str) and source in BENCHMARKS
    fraction = BENCHMARK_TRAIN_FRACTION if is_benchmark else TRAIN_FRACTION
    train, test = stratified_split(found.labels, fraction, seed, n=len(found))
    return Splits(
        found.subset(train, f"{found.name}/train"), found.subset(test, f"{found.name}/test")
    )


def load_dataset(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Load all images of a source as one data set, training images first.

    Parameters
    ----------
    source, data_dir, download, progress
        As for :func:`load`.

    Returns
    -------
    data : Dataset

    Examples
    --------
    >>> len(load_dataset("digits"))
    1797
    """
    found = _read(source, data_dir, download, progress)
    if isinstance(found, Dataset):
        return found
    return join_splits(found, found.train.name.removesuffix("/train"))


def _read(
    source: str | Path, data_dir: str | Path | None, download: bool, progress: Progress | None
) -> Dataset | Splits:
    if not isinstance(source, str | Path) or source == "":
        raise refuse("source", _wanted(), source)
    if isinstance(source, str) and source in BENCHMARKS:
        return _read_benchmark(source, _data_folder(data_dir), download, progress)
    path = Path(source)
    if path.is_dir():
        return read_folder(path)
    if path.suffix.lower() in _MANIFESTS and path.is_file():
        return read_manifest(path)
    near = difflib.get_close_matches(str(source), BENCHMARKS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    state = "" if path.exists() else ", which does not exist"
    raise InputError(f"source must be {_wanted()}. Got {str(source)!r}{state}.{hint}")


def _wanted() -> str:
    return f"a folder, a .csv or .parquet manifest, or one of {', '.join(BENCHMARKS)}"


def _data_folder(data_dir: str | Path | None) -> Path:
    if data_dir is None:
        stated = os.environ.get(_DATA_DIR_VARIABLE)
        return Path(stated) if stated else Path.home() / ".cache" / "hashlens"
    if not isinstance(data_dir, str | Path):
        raise refuse("data_dir", "a path", words(type(data_dir).__name__))
    return Path(data_dir)


def _read_benchmark(
    name: str, folder: Path, download: bool, progress: Progress | None
) -> Dataset | Splits:
    module, _, attribute = BENCHMARKS[name].partition(":")
    loader: Any = getattr(import_module(module), attribute)
    try:
        found: Dataset | Splits = loader(folder)
    except MissingDataError as error:
        if not download:
            raise MissingDataError(f"{error} {_how_to_get(name)}") from None
        fetch(name, folder, progress)
        found = loader(folder)
    return found


def _how_to_get(name: str) -> str:
    if name in SOURCES:
        return "To fetch them from their public source: --download (download=True)."
    return "They have no public source to download from."
