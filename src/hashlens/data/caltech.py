"""Caltech-101 and Caltech-256: one folder a class.

Neither has an official split: :func:`hashlens.data.load` draws 70 % for training and leaves the
rest as queries, as the RITQ paper does.

References
----------
L. Fei-Fei, R. Fergus, P. Perona, "Learning generative visual models from few training examples",
2004. G. Griffin, A. Holub, P. Perona, "Caltech-256 object category dataset", 2007.
"""

import re
from pathlib import Path

import numpy as np

from hashlens.data.dataset import Dataset
from hashlens.data.images import FileImages
from hashlens.data.layout import find_folder, missing

_BACKGROUND = "BACKGROUND_Google"


def caltech101(data_dir: Path) -> Dataset:
    """Read Caltech-101: 8,677 photos in 101 classes, without the background class.

    ``101_ObjectCategories/name/*.jpg`` lies in ``caltech101/``, ``caltech-101/`` or directly in
    `data_dir`. The folder ``BACKGROUND_Google`` is left out: it is no class of objects.

    Raises
    ------
    MissingDataError
        If the folder is not there or holds no photos.
    """
    folders = ("caltech101", "caltech101/caltech-101", "caltech-101", "")
    return _read("caltech101", data_dir, folders, "101_ObjectCategories")


def caltech256(data_dir: Path) -> Dataset:
    """Read Caltech-256: 30,607 photos in 257 classes, the last of them ``clutter``.

    ``256_ObjectCategories/NNN.name/*.jpg`` lies in ``caltech256/``, ``caltech-256/`` or directly
    in `data_dir`. The clutter class stays, as in the RITQ paper's count of images.

    Raises
    ------
    MissingDataError
        If the folder is not there or holds no photos.
    """
    folders = ("caltech256", "caltech-256", "")
    return _read("caltech256", data_dir, folders, "256_ObjectCategories")


def _read(name: str, data_dir: Path, folders: tuple[str, ...], categories: str) -> Dataset:
    root = find_folder(name, data_dir, folders, [categories]) / categories
    # One level only: the archives carry stray folders and scripts inside some classes.
    paths = sorted(path for path in root.glob("*/*.jpg") if path.parent.name != _BACKGROUND)
    if not paths:
        raise missing(name, data_dir, [str(root)], ["class/*.jpg"])
    names = [path.parent.name for path in paths]
    found = sorted(set(names))
    number = {folder: i for i, folder in enumerate(found)}
    labels = np.array([number[folder] for folder in names], np.int64)
    classes = tuple(re.sub(r"^\d{3}\.", "", folder) for folder in found)
    return Dataset(name, FileImages(paths, root), labels, classes)
