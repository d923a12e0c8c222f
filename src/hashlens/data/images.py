"""Images by number: in memory, in files, or as the bytes of files. Nothing decodes before read."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.data.decode import MAX_PIXELS, decode_image, decode_picture

if TYPE_CHECKING:
    from hashlens.data.preprocess import Preprocessing

Pixels = NDArray[np.uint8]


class Images(ABC):
    """A read-only sequence of named images."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the images."""

    @abstractmethod
    def read(self, i: int) -> Pixels:
        """Decode image `i`: uint8 (height, width, channels), channels 1 or 3.

        Raises
        ------
        ImageError
            If the image cannot be decoded; it carries ``name(i)``.
        """

    def prepared(self, i: int, preprocessing: "Preprocessing") -> Pixels:
        """Decode image `i` and bring it to its size: uint8 of the shape `preprocessing` gives.

        Raises
        ------
        ImageError
            As `read` does.
        """
        return preprocessing.apply(self.read(i))

    @abstractmethod
    def name(self, i: int) -> str:
        """Name image `i`: its path, or its place such as ``"train[17]"``."""

    @abstractmethod
    def subset(self, ids: object) -> Self:
        """Return the images with these numbers, in this order, under their old names."""

    @abstractmethod
    def fingerprint(self) -> bytes:
        """SHA-256 of the names and contents: 32 bytes."""

    def block(self, start: int, stop: int) -> Pixels | None:
        """Return images `start` to `stop` as one array if they lie in memory so, else None."""
        del start, stop
        return None


class ArrayImages(Images):
    """Images that lie in memory as one array.

    Parameters
    ----------
    pixels : uint8 array of shape (n, height, width, channels), channels 1 or 3
        Kept as it is, without a copy.
    name : str
        Image 17 is called ``"<name>[17]"``.
    names : sequence of str, optional
        Names to use instead, one an image.

    Examples
    --------
    >>> images = ArrayImages(np.zeros((5, 8, 8, 1), np.uint8), "train")
    >>> images.subset([4, 2]).name(0)
    'train[4]'
    """

    def __init__(
        self, pixels: Pixels, name: str = "images", *, names: Sequence[str] | None = None
    ) -> None:
        array = np.asarray(pixels)
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3):
            wanted = "uint8 of shape (n, height, width, channels) with 1 or 3 channels"
            raise refuse("pixels", wanted, array)
        if names is not None and len(names) != len(array):
            raise refuse("names", f"one name for each of {len(array)} images", len(names))
        self.pixels = array
        self._name = name
        self._names = names

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, i: int) -> Pixels:
        """Return image `i`: uint8 (height, width, channels)."""
        image: Pixels = self.pixels[i]
        return image

    def name(self, i: int) -> str:
        """Name image `i`."""
        return f"{self._name}[{i}]" if self._names is None else self._names[i]

    def subset(self, ids: object) -> Self:
        """Return the images with these numbers (a copy), under their old names."""
        chosen = check_ids("ids", ids, len(self))
        return type(self)(
            self.pixels[chosen], self._name, names=[self.name(int(i)) for i in chosen]
        )

    def fingerprint(self) -> bytes:
        """SHA-256 of shape and pixels: 32 bytes."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        for start in range(0, len(self), 4096):
            digest.update(self.pixels[start : start + 4096].tobytes())
        return digest.digest()

    def block(self, start: int, stop: int) -> Pixels:
        """Return images `start` to `stop` as one view."""
        view: Pixels = self.pixels[start:stop]
        return view


class EncodedImages(Images):
    """Images as files, or as the bytes of files, or some of each; decoded when read.

    Parameters
    ----------
    sources : sequence of Path or bytes
    names : sequence of str, one an image
    """

    def __init__(self, sources: Sequence[Path | bytes], names: Sequence[str]) -> None:
        if len(names) != len(sources):
            raise refuse("names", f"one name for each of {len(sources)} images", len(names))
        self.sources = sources
        self._names = names

    def __len__(self) -> int:
        return len(self.sources)

    def read(self, i: int) -> Pixels:
        """Decode image `i`: uint8 (height, width, 3)."""
        return decode_image(self.sources[i], name=self.name(i))

    def prepared(self, i: int, preprocessing: "Preprocessing") -> Pixels:
        """Decode image `i`, no larger than is needed, and bring it to its size."""
        return decode_prepared(self.sources[i], preprocessing, self.name(i))

    def name(self, i: int) -> str:
        """Name image `i`."""
        return self._names[i]

    def subset(self, ids: object) -> Self:
        """Return the images with these numbers, under their old names."""
        chosen = check_ids("ids", ids, len(self)).tolist()
        picked = object.__new__(type(self))
        picked.sources = [self.sources[i] for i in chosen]
        picked._names = [self._names[i] for i in chosen]
        return picked

    def fingerprint(self) -> bytes:
        """SHA-256 over each name and the digest of each file: 32 bytes."""
        digest = hashlib.sha256()
        for i, source in enumerate(self.sources):
            digest.update(self.name(i).encode("utf-8", "surrogateescape") + b"\0")
            digest.update(_content_digest(source))
        return digest.digest()


def decode_prepared(
    source: Path | bytes, preprocessing: "Preprocessing", name: str, max_pixels: int = MAX_PIXELS
) -> Pixels:
    """Decode an image, no larger than is needed, and bring it to its size.

    All roads from a file to a code lead through here: so the same file has the same code.
    """
    enough = preprocessing.enough
    image = decode_picture(source, name=name, max_pixels=max_pixels, enough=enough)
    if isinstance(image, np.ndarray):
        return preprocessing.apply(image)
    return preprocessing.apply_to_picture(image)


class FileImages(EncodedImages):
    """Images in files.

    Parameters
    ----------
    paths : sequence of str or Path
    root : str or Path, optional
        Names are relative to this folder, so that they survive a move of the folder.

    Examples
    --------
    >>> FileImages(["photos/owl/1.jpg"], root="photos").name(0)
    'owl/1.jpg'
    """

    def __init__(self, paths: Sequence[str | Path], root: str | Path | None = None) -> None:
        files = [Path(path) for path in paths]
        super().__init__(files, [_relative(path, root) for path in files])

    @property
    def paths(self) -> list[Path]:
        """The files, in order."""
        return [source for source in self.sources if isinstance(source, Path)]


class BytesImages(EncodedImages):
    """Images as the bytes of encoded files (JPEG, PNG, WebP, ...).

    Parameters
    ----------
    blobs : sequence of bytes
    names : sequence of str, optional
        Default ``"image[0]"``, ``"image[1]"``, ...

    Examples
    --------
    >>> BytesImages([b"P5 1 1 255 A"]).read(0).tolist()
    [[[65, 65, 65]]]
    """

    def __init__(self, blobs: Sequence[bytes], names: Sequence[str] | None = None) -> None:
        super().__init__(blobs, names or [f"image[{i}]" for i in range(len(blobs))])


def check_ids(name: str, value: object, n: int) -> NDArray[np.int64]:
    """Return row numbers as int64 (k,), each within [0, n), or raise InputError.

    Examples
    --------
    >>> check_ids("ids", [2, 0], 3)
    array([2, 0])
    """
    ids = np.asarray(value)
    wanted = f"ints from 0 to {n - 1} of shape (k,)"
    if ids.size == 0 and ids.ndim == 1:
        return np.zeros(0, np.int64)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise refuse(name, wanted, ids)
    if int(ids.min()) < 0 or int(ids.max()) >= n:
        raise refuse(name, wanted, words(f"{int(ids.min())} to {int(ids.max())}"))
    return ids.astype(np.int64)


def _relative(path: Path, root: str | Path | None) -> str:
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.as_posix()


def _content_digest(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        # A file that cannot be read is skipped when images load; it counts as one without bytes.
        return hashlib.sha256(b"").digest()
