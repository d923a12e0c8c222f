"""Fetch the files of a benchmark from their public source, only ever when asked to.

Every file is checked against the MD5 its publishers (or torchvision, for those that give none)
state, and takes its final name only when it is whole.
"""

import hashlib
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hashlens.errors import FormatError, HashlensError, InputError

Progress = Callable[[str, int, int], None]
"""Called as ``progress(file_name, bytes_done, bytes_in_all)``; 0 in all: not known."""

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60


class Remote(NamedTuple):
    """A public file: where it is, what it must hash to, the sub-folder it goes to."""

    url: str
    md5: str
    folder: str
    unpack: bool = False


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_SVHN = "http://ufldl.stanford.edu/housenumbers/"
_CALTECH = "https://data.caltech.edu/records/"

SOURCES: dict[str, tuple[Remote, ...]] = {
    "mnist": (
        Remote(_MNIST + "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", "mnist"),
        Remote(_MNIST + "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", "mnist"),
        Remote(_MNIST + "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", "mnist"),
        Remote(_MNIST + "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", "mnist"),
    ),
    "fashion-mnist": tuple(
        Remote(_FASHION + name, md5, "fashion-mnist")
        for name, md5 in (
            ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
            ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        )
    ),
    "cifar10": (
        Remote(_CIFAR + "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", "", True),
    ),
    "cifar100": (
        Remote(_CIFAR + "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", "", True),
    ),
    "svhn": (
        Remote(_SVHN + "train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", "svhn"),
        Remote(_SVHN + "test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", "svhn"),
    ),
    "caltech101": (
        Remote(
            _CALTECH + "mzrjq-6wc02/files/caltech-101.zip",
            "3138e1922a9193bfa496528edbbc45d0",
            "caltech101",
            True,
        ),
    ),
    "caltech256": (
        Remote(
            _CALTECH + "nyy15-4j048/files/256_ObjectCategories.tar",
            "67b4f42ca05d46448c6bb8ecd2220f6d",
            "caltech256",
            True,
        ),
    ),
}
"""Benchmarks that can be downloaded. NUS-WIDE has no public source; the digits need none."""


def fetch(benchmark: str, data_dir: Path, progress: Progress | None = None) -> None:
    """Download the files of a benchmark into `data_dir`, where its loader looks for them.

    Parameters
    ----------
    benchmark : str
        A name in ``SOURCES``.
    data_dir : Path
        Made if it does not exist. A file that is there with the right MD5 is not fetched again.
    progress : callable, optional
        Called as ``progress(file_name, bytes_done, bytes_in_all)``.

    Raises
    ------
    InputError
        If the benchmark has no public source.
    HashlensError
        If a file cannot be fetched.
    FormatError
        If what came is not what was published.
    """
    if benchmark not in SOURCES:
        raise InputError(
            f"download must be False for {benchmark}: it has no public source. Got True. "
            f"Ask its authors for the files and place them in '{data_dir}'."
        )
    for remote in SOURCES[benchmark]:
        folder = data_dir / remote.folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / remote.url.rsplit("/", 1)[1]
        if not path.exists() or _md5(path) != remote.md5:
            _download(remote, path, progress)
        if remote.unpack:
            _unpack(path, folder)
            path.unlink()


def _download(remote: Remote, path: Path, progress: Progress | None) -> None:
    part = path.with_name(path.name + ".part")
    try:
        _copy(remote.url, part, path.name, progress)
        found = _md5(part)
        if found != remote.md5:
            raise FormatError(f"{remote.url}: must have the MD5 {remote.md5}. Got {found}.")
        part.replace(path)
    except (urllib.error.URLError, OSError) as error:
        raise HashlensError(f"{remote.url}: cannot be downloaded ({error})") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(url: str, part: Path, name: str, progress: Progress | None) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, part.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(name, done, total)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside, archives inside archives too, then move into place."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking-") as temporary:
            inside = Path(temporary)
            _extract(archive, inside)
            for inner in sorted([*inside.rglob("*.tar"), *inside.rglob("*.tar.gz")]):
                _extract(inner, inner.parent)
                inner.unlink()
            for entry in inside.iterdir():
                if (folder / entry.name).is_dir():
                    shutil.rmtree(folder / entry.name)
                entry.replace(folder / entry.name)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise FormatError(f"{archive}: cannot be unpacked ({error})") from None


def _extract(archive: Path, folder: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        return
    with tarfile.open(archive) as tar:
        # "data": no absolute paths, no links or names that lead out of the folder, no devices.
        tar.extractall(folder, filter="data")
