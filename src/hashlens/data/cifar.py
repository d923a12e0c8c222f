"""CIFAR-10 and CIFAR-100: the official Python batches, or Hugging Face image Parquet.

References
----------
A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import ArrayImages, BytesImages
from hashlens.data.layout import missing
from hashlens.data.parquet import image_source, read_columns
from hashlens.data.plain_pickle import read_plain_pickle
from hashlens.errors import FormatError


class _Layout(NamedTuple):
    name: str
    n_classes: int
    pickle_folders: tuple[str, ...]
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    meta_file: str
    meta_key: str
    label_key: str
    parquet_folders: tuple[str, ...]
    parquet_labels: tuple[str, ...]


_CIFAR10 = _Layout(
    name="cifar10",
    n_classes=10,
    pickle_folders=("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10", ""),
    train_files=tuple(f"data_batch_{i}" for i in range(1, 6)),
    test_files=("test_batch",),
    meta_file="batches.meta",
    meta_key="label_names",
    label_key="labels",
    parquet_folders=("cifar10/plain_text", "cifar10", ""),
    parquet_labels=("label",),
)
_CIFAR100 = _Layout(
    name="cifar100",
    n_classes=100,
    pickle_folders=("cifar-100-python", "cifar100/cifar-100-python", "cifar100", ""),
    train_files=("train",),
    test_files=("test",),
    meta_file="meta",
    meta_key="fine_label_names",
    label_key="fine_labels",
    parquet_folders=("cifar100/cifar100", "cifar100", ""),
    parquet_labels=("fine_label", "label"),
)


def cifar10(data_dir: Path) -> Splits:
    """Read CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 in 10 classes.

    The official batches lie in ``cifar-10-batches-py/``; or ``*train*.parquet`` and
    ``*test*.parquet`` in ``cifar10/`` or directly in `data_dir`.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If one is damaged.
    """
    return _read(_CIFAR10, data_dir)


def cifar100(data_dir: Path) -> Splits:
    """Read CIFAR-100 with its 100 fine labels: 50,000 + 10,000 colour images of 32 x 32.

    The official batches lie in ``cifar-100-python/``; or ``*train*.parquet`` and
    ``*test*.parquet`` in ``cifar100/`` or directly in `data_dir`.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If one is damaged.
    """
    return _read(_CIFAR100, data_dir)


def _read(layout: _Layout, data_dir: Path) -> Splits:
    files = (*layout.train_files, *layout.test_files, layout.meta_file)
    for folder in layout.pickle_folders:
        if all((data_dir / folder / file).exists() for file in files):
            return _read_pickles(layout, data_dir / folder)
    for folder in layout.parquet_folders:
        train = sorted((data_dir / folder).glob("*train*.parquet"))
        test = sorted((data_dir / folder).glob("*test*.parquet"))
        if train and test:
            return _read_parquet(layout, train, test)
    folders = dict.fromkeys(layout.pickle_folders + layout.parquet_folders)
    wanted = [*files, "or *train*.parquet and *test*.parquet"]
    raise missing(layout.name, data_dir, list(folders), wanted)


def _read_pickles(layout: _Layout, folder: Path) -> Splits:
    meta = folder / layout.meta_file
    names = _entry(read_plain_pickle(meta), layout.meta_key, meta)
    if not isinstance(names, list) or len(names) != layout.n_classes:
        raise FormatError(f"{meta}: must hold {layout.n_classes} class names. Got {names!r:.80}.")
    classes = tuple(x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in names)
    train = _read_batches(layout, "train", [folder / file for file in layout.train_files], classes)
    test = _read_batches(layout, "test", [folder / file for file in layout.test_files], classes)
    return Splits(train, test)


def _read_batches(
    layout: _Layout, split: str, files: Sequence[Path], classes: tuple[str, ...]
) -> Dataset:
    pixels, labels = [], []
    for file in files:
        content = read_plain_pickle(file)
        data, values = _entry(content, "data", file), _entry(content, layout.label_key, file)
        if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != 3072:
            raise FormatError(f"{file}: 'data' must be uint8 of shape (n, 3072). Got {data!r:.80}.")
        pixels.append(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.extend(_checked_labels(values, len(data), layout.n_classes, file))
    images = ArrayImages(np.concatenate(pixels), split)
    return Dataset(f"{layout.name}/{split}", images, np.array(labels, np.int64), classes)


def _entry(content: dict[str, Any], key: str, file: Path) -> Any:
    if key not in content:
        raise FormatError(f"{file}: must hold {key!r}. Got {sorted(content)}.")
    return content[key]


def _read_parquet(layout: _Layout, train: Sequence[Path], test: Sequence[Path]) -> Splits:
    parts = {"train": train, "test": test}
    found = {split: _read_tables(layout, split, files) for split, files in parts.items()}
    return Splits(found["train"], found["test"])


def _read_tables(layout: _Layout, split: str, files: Sequence[Path]) -> Dataset:
    blobs: list[bytes] = []
    labels: list[int] = []
    names: tuple[str, ...] = ()
    for file in files:
        columns = read_columns(file, ("image", "img", *layout.parquet_labels))
        image = _column(columns.values, ("image", "img"), file)
        label = _column(columns.values, layout.parquet_labels, file)
        rows = columns.values[image]
        blobs.extend(_blob(value, file, row) for row, value in enumerate(rows, 1))
        labels.extend(_checked_labels(columns.values[label], len(rows), layout.n_classes, file))
        names = columns.class_names.get(label, names)
    if len(names) != layout.n_classes:
        names = tuple(str(i) for i in range(layout.n_classes))
    images = BytesImages(blobs, [f"{split}[{i}]" for i in range(len(blobs))])
    return Dataset(f"{layout.name}/{split}", images, np.array(labels, np.int64), names)


def _column(values: dict[str, list[Any]], names: Sequence[str], file: Path) -> str:
    for name in names:
        if name in values:
            return name
    raise FormatError(f"{file}: must have a column {' or '.join(names)}. Got none.")


def _blob(value: object, file: Path, row: int) -> bytes:
    source = image_source(value)
    if not isinstance(source, bytes):
        raise FormatError(f"{file}, row {row}: must hold the bytes of an image. Got {source!r}.")
    return source


def _checked_labels(values: object, n: int, n_classes: int, file: Path) -> list[int]:
    if not isinstance(values, list) or len(values) != n:
        raise FormatError(f"{file}: must hold {n} labels, one an image. Got {values!r:.80}.")
    for row, value in enumerate(values, 1):
        if type(value) is not int or not 0 <= value < n_classes:
            wanted = f"label must be an int from 0 to {n_classes - 1}"
            raise FormatError(f"{file}, row {row}: {wanted}. Got {value!r:.80}.")
    return values
