"""NUS-WIDE: photos with several labels each, in the official layout.

References
----------
T.-S. Chua et al., "NUS-WIDE: a real-world web image database from National University of
Singapore", 2009.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import FileImages
from hashlens.data.layout import find_folder, missing
from hashlens.errors import FormatError

N_LABELS = 21
"""The retrieval literature keeps this many labels, the most frequent ones."""

_LISTS = ("Imagelist.txt", "TrainImagelist.txt", "TestImagelist.txt")


def nuswide(data_dir: Path) -> Splits:
    """Read NUS-WIDE with its 21 most frequent labels and its official split.

    In ``nuswide/``, ``NUS-WIDE/`` or directly in `data_dir` lie ``ImageList/`` (``Imagelist.txt``,
    ``TrainImagelist.txt``, ``TestImagelist.txt``), ``Groundtruth/AllLabels/Labels_*.txt`` (a 0 or
    1 for each image), ``Groundtruth/TrainTestLabels/`` and the photos in ``Flickr/``. The most
    frequent labels are counted over all images; equal counts fall to the first name. An image
    with none of them is dropped; a photo that is missing is skipped when it loads.

    ``TrainTestLabels`` repeats what ``AllLabels`` says; for the labels kept, the two must agree.

    Raises
    ------
    MissingDataError
        If the files are not there.
    FormatError
        If they contradict each other.
    """
    lists = [f"ImageList/{file}" for file in _LISTS]
    wanted = [*lists, "Groundtruth/AllLabels", "Flickr"]
    root = find_folder("nuswide", data_dir, ("nuswide", "NUS-WIDE", ""), wanted)
    names, *parts = (_read_list(root / file) for file in lists)
    classes, labels = _frequent_labels(data_dir, root, len(names))
    row = {name: i for i, name in enumerate(names)}
    found = []
    for split, file, part in zip(("train", "test"), lists[1:], parts, strict=True):
        rows = _rows(part, row, root / file)
        _check_repeated(root, split, classes, labels[rows])
        kept = rows[labels[rows].any(axis=1)]
        paths = [root / "Flickr" / names[i] for i in kept]
        images = FileImages(paths, root / "Flickr")
        found.append(Dataset(f"nuswide/{split}", images, labels[kept], classes))
    return Splits(*found)


def _read_list(path: Path) -> list[str]:
    lines = path.read_text("utf-8", "replace").splitlines()
    # The published lists were written on Windows.
    return [line.strip().replace("\\", "/") for line in lines if line.strip()]


def _rows(part: list[str], row: dict[str, int], path: Path) -> NDArray[np.int64]:
    for line, name in enumerate(part, 1):
        if name not in row:
            raise FormatError(f"{path}, row {line}: must be in Imagelist.txt. Got {name!r}.")
    return np.array([row[name] for name in part], np.int64)


def _frequent_labels(
    data_dir: Path, root: Path, n: int
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    folder = root / "Groundtruth" / "AllLabels"
    files = sorted(folder.glob("Labels_*.txt"))
    if not files:
        raise missing("nuswide", data_dir, [str(folder)], ["Labels_*.txt"])
    columns = np.stack([_read_column(file, n) for file in files], axis=1)
    order = np.argsort(-columns.sum(axis=0), kind="stable")
    chosen = np.sort(order[:N_LABELS])
    classes = tuple(files[i].stem.removeprefix("Labels_") for i in chosen)
    return classes, columns[:, chosen]


def _check_repeated(
    root: Path, split: str, classes: tuple[str, ...], labels: NDArray[np.bool_]
) -> None:
    folder = root / "Groundtruth" / "TrainTestLabels"
    for column, name in enumerate(classes):
        path = folder / f"Labels_{name}_{split.capitalize()}.txt"
        if path.exists() and (_read_column(path, len(labels)) != labels[:, column]).any():
            raise FormatError(f"{path}: must agree with AllLabels. Got other labels.")


def _read_column(path: Path, n: int) -> NDArray[np.bool_]:
    values = path.read_text("ascii", "replace").split()
    if len(values) != n or not set(values) <= {"0", "1"}:
        got = f"{len(values)} values"
        raise FormatError(f"{path}: must be a 0 or 1 for each of {n} images. Got {got}.")
    return np.array([value == "1" for value in values], bool)
