"""Images that a user names, and how one is told from another."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data.content import content_hash
from hashlens.data.dataset import Dataset
from hashlens.data.images import EncodedImages, FileImages, Images
from hashlens.data.source import load_dataset

Source = str | Path | Sequence[str | Path] | Dataset | Images


class Candidate(NamedTuple):
    """An image that may become an item.

    Attributes
    ----------
    position : int
        Its number in the data set it comes from.
    path : str
        Its absolute path, or its name where it is no file.
    content_hash : bytes
        SHA-256 of the file.
    label : str or None
    has_file : bool
        Whether `path` is a path. A name that looks like one is never taken for a file.
    """

    position: int
    path: str
    content_hash: bytes
    label: str | None
    has_file: bool


def as_dataset(
    source: object, *, data_dir: str | Path | None = None, download: bool = False
) -> Dataset:
    """Turn what a user names into a data set.

    Parameters
    ----------
    source : str, Path, sequence of paths, Dataset or Images
        A path is a folder, a manifest or one image; a str may also be the name of a benchmark.
    data_dir : str or Path, optional
        Folder with the files of a benchmark.
    download : bool
        Fetch a benchmark that is not there.

    Raises
    ------
    InputError
        If it is none of these, or a folder without images.

    Examples
    --------
    >>> as_dataset(["a.jpg", "b.jpg"]).name
    'images'
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Images):
        return Dataset("images", source, None, ())
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_file() and path.suffix.lower() not in (".csv", ".parquet"):
            return Dataset(path.name, FileImages([path]), None, ())
        return load_dataset(source, data_dir=data_dir, download=download)
    if isinstance(source, Sequence) and all(isinstance(path, str | Path) for path in source):
        return Dataset("images", FileImages(list(source)), None, ())
    raise refuse("source", "a path, a sequence of paths, a Dataset or Images", type(source))


def look_at(data: Dataset, position: int) -> Candidate:
    """Read enough of an image to know whether it is known already.

    Raises
    ------
    ImageError
        If its file cannot be read.
    """
    images = data.images
    digest = content_hash(images, position)
    source = images.sources[position] if isinstance(images, EncodedImages) else None
    has_file = isinstance(source, Path)
    path = os.path.abspath(source) if isinstance(source, Path) else images.name(position)  # noqa: PTH100 - Path.absolute keeps "..", and one file would have two paths
    return Candidate(position, path, digest, label_of(data, position), has_file)


class Labelled(Protocol):
    """Images with labels, as a `Dataset` has them."""

    @property
    def labels(self) -> NDArray[Any] | None:
        """One class a row, several in a row, or None: no labels."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of each class."""


def label_of(data: Labelled, position: int) -> str | None:
    """Give the class of an image in words, several with ``|`` between them; None without one."""
    if data.labels is None:
        return None
    label = data.labels[position]
    if data.labels.ndim == 2:
        return "|".join(data.classes[i] for i in label.nonzero()[0]) or None
    return data.classes[int(label)]
