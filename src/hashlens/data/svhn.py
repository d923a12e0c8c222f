"""SVHN, the cropped digits in MATLAB files.

References
----------
Y. Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import ArrayImages
from hashlens.data.layout import find_folder
from hashlens.errors import FormatError

_FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}


def svhn(data_dir: Path) -> Splits:
    """Read SVHN: 73,257 + 26,032 colour images of 32 x 32 in the classes 0 to 9.

    ``train_32x32.mat`` and ``test_32x32.mat`` lie in ``svhn/``, ``SVHN/`` or directly in
    `data_dir`. The files write the digit 0 as label 10; here it is 0.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If one is damaged.
    """
    folder = find_folder("svhn", data_dir, ("svhn", "SVHN", ""), list(_FILES.values()))
    found = {split: _read_split(folder / file, split) for split, file in _FILES.items()}
    return Splits(found["train"], found["test"])


def _read_split(path: Path, split: str) -> Dataset:
    content = _read_mat(path)
    pixels, labels = np.asarray(content.get("X")), np.asarray(content.get("y"))
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[2] != 3:
        raise FormatError(
            f"{path}: 'X' must be uint8 of shape (32, 32, 3, n). "
            f"Got {pixels.dtype} of shape {pixels.shape}."
        )
    n = pixels.shape[3]
    if labels.dtype.kind not in "iuf" or labels.size != n or not np.isin(labels, range(11)).all():
        raise FormatError(
            f"{path}: 'y' must be {n} labels from 0 to 10. "
            f"Got {labels.dtype} of shape {labels.shape}."
        )
    images = ArrayImages(np.ascontiguousarray(pixels.transpose(3, 0, 1, 2)), split)
    digits = labels.reshape(-1).astype(np.int64) % 10
    return Dataset(f"svhn/{split}", images, digits, tuple("0123456789"))


def _read_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        content: dict[str, Any] = loadmat(path, variable_names=["X", "y"])
    except Exception as error:
        # scipy's reader meets damaged files with errors of many kinds.
        raise FormatError(f"{path}: is not a readable MATLAB file ({error})") from None
    return content
