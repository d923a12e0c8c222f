"""Which images go into which shard: fixed by the list of images and the size of a shard alone."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hashlens.checks import check_int, refuse
from hashlens.data import Dataset, EncodedImages, Images
from hashlens.data.candidates import as_dataset, label_of
from hashlens.data.sheet import Sheet, read_sheet

DEFAULT_SHARD_SIZE = 4096

Part = Dataset | Sheet
"""The images of a shard, light enough to be sent to another machine."""


@dataclass(frozen=True)
class Plan:
    """Images cut into shards; see `plan_shards`.

    Attributes
    ----------
    images : Dataset or Sheet
    shard_size : int
    manifest_sha256 : str
        Digest of the names, labels and order of the images and of `shard_size`, in hex. Images
        without a file count with their bytes, those inside a Parquet file with its footer.
    """

    images: Part
    shard_size: int
    manifest_sha256: str

    @property
    def n_images(self) -> int:
        """Images in all shards."""
        return len(self.images)

    @property
    def n_shards(self) -> int:
        """How many shards there are."""
        return -(-self.n_images // self.shard_size)

    def part(self, shard: int) -> Part:
        """Give the images of a shard, by its number from 0."""
        start = self.shard_size * shard
        stop = min(start + self.shard_size, self.n_images)
        if isinstance(self.images, Sheet):
            return self.images.part(start, stop)
        return self.images.subset(range(start, stop))


def plan_shards(
    source: object,
    *,
    shard_size: int = DEFAULT_SHARD_SIZE,
    data_dir: str | Path | None = None,
    download: bool = False,
) -> Plan:
    """Cut a list of images into shards.

    Parameters
    ----------
    source : str, Path, sequence of paths, Dataset or Images
        A folder, a manifest, one image, or the name of a benchmark. Of a Parquet manifest with
        the images inside, only labels are read now, and a part at a time later.
    shard_size : int >= 1
        Images in a shard; the last may have fewer.
    data_dir : str or Path, optional
        Folder with the files of a benchmark.
    download : bool
        Fetch a benchmark that is not there.

    Returns
    -------
    plan : Plan

    Raises
    ------
    InputError
        If there are no images.

    Examples
    --------
    >>> plan = plan_shards("digits", shard_size=500)
    >>> plan.n_shards, len(plan.part(3))
    (4, 297)
    """
    check_int("shard_size", shard_size, 1)
    images = _images(source, data_dir, download)
    if not len(images):
        raise refuse("source", "at least one image", str(source))
    return Plan(images, shard_size, _digest(images, shard_size))


def loaded(part: Part) -> Dataset:
    """Give the images of a part, with absolute paths for those that are files."""
    return part if isinstance(part, Dataset) else _absolute(part.load())


def _images(source: object, data_dir: str | Path | None, download: bool) -> Part:
    path = Path(source) if isinstance(source, str | Path) else None
    if path is not None and path.suffix.lower() == ".parquet" and path.is_file():
        sheet = read_sheet(path)
        if sheet is not None:
            return sheet
    return _absolute(as_dataset(source, data_dir=data_dir, download=download))


def _absolute(data: Dataset) -> Dataset:
    """Name files by their absolute paths: they are read by processes in other folders."""
    images = data.images
    if not isinstance(images, EncodedImages):
        return data
    sources: list[Path | bytes] = [
        Path(os.path.abspath(source)) if isinstance(source, Path) else source  # noqa: PTH100 - as data/candidates.py has it
        for source in images.sources
    ]
    names = [
        str(source) if isinstance(source, Path) else images.name(i)
        for i, source in enumerate(sources)
    ]
    return Dataset(data.name, EncodedImages(sources, names), data.labels, data.classes)


def _digest(images: Part, shard_size: int) -> str:
    digest = hashlib.sha256(json.dumps([len(images), shard_size]).encode())
    if isinstance(images, Sheet):
        digest.update(str(images.path).encode("utf-8", "surrogateescape"))
        digest.update(images.fingerprint())
        digest.update(images.rows.tobytes())
    else:
        _add_images(digest, images.images)
    for i in range(len(images) if images.labels is not None else 0):
        digest.update(json.dumps(label_of(images, i)).encode())
    return digest.hexdigest()


def _add_images(digest: "hashlib._Hash", images: Images) -> None:
    if not isinstance(images, EncodedImages):
        digest.update(images.fingerprint())
    for i in range(len(images)):
        digest.update(json.dumps(images.name(i)).encode())
        source = images.sources[i] if isinstance(images, EncodedImages) else None
        if isinstance(source, bytes):
            digest.update(hashlib.sha256(source).digest())
