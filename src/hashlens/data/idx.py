"""MNIST and Fashion-MNIST in the idx format, gzipped or not.

References
----------
Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998 (file formats).
H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import ArrayImages
from hashlens.data.layout import find_file, find_folder
from hashlens.errors import FormatError

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_UINT8 = 0x08
_PIECE_BYTES = 1 << 24
# Both sets use the same file names, so a folder of the one passes for the other. The first labels
# of the published test files tell them apart.
_FIRST_TEST_LABELS = {
    "mnist": (7, 2, 1, 0, 4, 1, 4, 9, 5, 9),
    "fashion-mnist": (9, 2, 1, 1, 6, 1, 4, 6, 5, 7),
}


def mnist(data_dir: Path) -> Splits:
    """Read MNIST: 60,000 + 10,000 grey images of 28 x 28.

    The four idx files lie in ``mnist/``, ``MNIST/raw/`` or directly in `data_dir`.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If one is damaged, or is Fashion-MNIST's.
    """
    return _read("mnist", data_dir, ("mnist", "MNIST/raw", ""), DIGITS)


def fashion_mnist(data_dir: Path) -> Splits:
    """Read Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28.

    The four idx files lie in ``fashion-mnist/``, ``FashionMNIST/raw/`` or directly in `data_dir`.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If one is damaged, or is MNIST's.
    """
    folders = ("fashion-mnist", "FashionMNIST/raw", "")
    return _read("fashion-mnist", data_dir, folders, CLOTHES)


def read_idx(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """Read one idx file of unsigned bytes.

    Parameters
    ----------
    path : Path
        Gzip is recognised by its content, not by the extension.
    n_axes : int
        1 for labels, 3 for images.

    Returns
    -------
    values : uint8 array of the shape in the header

    Raises
    ------
    FormatError
        If the magic number, the number of axes or the size does not fit.
    """
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if is_gzip:
                return _parse(cast("IO[bytes]", gzip.GzipFile(fileobj=file)), path, n_axes)
            return _parse(file, path, n_axes)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: is damaged or truncated ({error})") from None


def _parse(file: IO[bytes], path: Path, n_axes: int) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * n_axes)
    if len(header) < 4 + 4 * n_axes or header[:4] != bytes([0, 0, _UINT8, n_axes]):
        wanted = f"an idx file of unsigned bytes with {n_axes} axes"
        raise FormatError(f"{path}: must be {wanted}. Got the first bytes {header[:4].hex()}.")
    shape = struct.unpack(f">{n_axes}I", header[4:])
    size = math.prod(shape)
    body = _read_up_to(file, size + 1)
    if len(body) != size:
        more = "more" if len(body) > size else str(len(body))
        raise FormatError(f"{path}: must hold {size} bytes for shape {shape}. Got {more}.")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_up_to(file: IO[bytes], n: int) -> bytes:
    # In pieces: a damaged header may announce more than any memory holds.
    pieces = []
    while n > 0 and (piece := file.read(min(n, _PIECE_BYTES))):
        pieces.append(piece)
        n -= len(piece)
    return b"".join(pieces)


def _read(name: str, data_dir: Path, folders: Sequence[str], classes: tuple[str, ...]) -> Splits:
    wanted = [file for pair in _FILES.values() for file in pair]
    folder = find_folder(name, data_dir, folders, wanted)
    splits = {split: _read_split(name, folder, split, classes) for split in _FILES}
    _check_not_the_other(name, folder, splits["test"])
    return Splits(splits["train"], splits["test"])


def _read_split(name: str, folder: Path, split: str, classes: tuple[str, ...]) -> Dataset:
    image_file, label_file = (find_file(folder, file) or folder / file for file in _FILES[split])
    pixels, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if len(pixels) != len(labels):
        raise FormatError(
            f"{label_file}: must hold {len(pixels)} labels, one an image. Got {len(labels)}."
        )
    if len(labels) and labels.max() >= len(classes):
        raise FormatError(f"{label_file}: must hold labels from 0 to 9. Got {labels.max()}.")
    images = ArrayImages(pixels[..., None], split)
    return Dataset(f"{name}/{split}", images, labels.astype(np.int64), classes)


def _check_not_the_other(name: str, folder: Path, test: Dataset) -> None:
    first = () if test.labels is None else tuple(test.labels[:10].tolist())
    for other, published in _FIRST_TEST_LABELS.items():
        if other != name and first == published:
            raise FormatError(f"{folder}: must hold the files of {name}. Got those of {other}.")
