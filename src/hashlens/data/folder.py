"""A folder of images as a data set: labels from sub-folders, splits from train/ and test/."""

from pathlib import Path

import numpy as np

from hashlens.checks import refuse, words
from hashlens.data.dataset import Dataset, Splits
from hashlens.data.images import FileImages

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif"}
    | {".tiff", ".pbm", ".pgm", ".ppm", ".pnm", ".avif", ".jp2", ".j2k", ".jpx"}
)
"""Extensions that make a file a candidate whatever it holds."""

_SPLIT_NAMES = ("train", "test")
_SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
)
# BMP and the PNM family have signatures of two letters, which text can begin with too: those are
# known by their extension alone.


def read_folder(root: Path) -> Dataset | Splits:
    """Read a folder of images; nothing is decoded yet.

    * A class is a sub-folder: ``cat/1.jpg`` is of class ``cat``, ``pets/cat/1.jpg`` of
      ``pets/cat``. An image directly in the folder makes it an album, without labels.
    * If the folder has exactly the sub-folders ``train`` and ``test`` and no image beside them,
      they are the splits, and the classes are the folders inside them.
    * A file is a candidate by its extension or by its first bytes, so that a photo without an
      extension is found and a LICENSE is passed over. A candidate that proves to be no image is
      reported when the images load.
    * Hidden files and folders are passed over; links are followed, but never in a circle.

    Parameters
    ----------
    root : Path

    Returns
    -------
    data : Dataset or Splits
        In the order of the sorted paths; names are relative to `root`.

    Raises
    ------
    InputError
        If there is no image, or only one of train/ and test/ has classes.
    """
    paths = find_images(root)
    if not paths:
        raise refuse("source", "a folder with images", words(f"{str(root)!r} with none"))
    parts = {path.relative_to(root).parts[0] for path in paths}
    if parts != set(_SPLIT_NAMES) or not all((root / name).is_dir() for name in _SPLIT_NAMES):
        classes = _class_names(paths, root)
        return _dataset(root.name, paths, root, root, classes)
    train, test = ([p for p in paths if p.is_relative_to(root / name)] for name in _SPLIT_NAMES)
    in_train, in_test = _class_names(train, root / "train"), _class_names(test, root / "test")
    if bool(in_train) != bool(in_test):
        got = words("classes in one of them only")
        raise refuse("source", "a folder whose train/ and test/ both have class folders", got)
    classes = tuple(sorted({*in_train, *in_test}))
    return Splits(
        _dataset(f"{root.name}/train", train, root, root / "train", classes),
        _dataset(f"{root.name}/test", test, root, root / "test", classes),
    )


def find_images(root: Path) -> list[Path]:
    """List the files under `root` that are images by extension or first bytes, sorted."""
    found = _walk(root, frozenset({root.resolve()}))
    return sorted(found, key=lambda path: path.relative_to(root).parts)


def _walk(folder: Path, above: frozenset[Path]) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            resolved = path.resolve()
            if resolved not in above:
                found.extend(_walk(path, above | {resolved}))
        elif path.is_file() and (path.suffix.lower() in EXTENSIONS or _has_signature(path)):
            found.append(path)
    return found


def _has_signature(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    is_riff = start[:4] == b"RIFF" and start[8:] == b"WEBP"
    return is_riff or start[4:12] == b"ftypavif" or start.startswith(_SIGNATURES)


def _class_names(paths: list[Path], root: Path) -> tuple[str, ...]:
    names = {path.parent.relative_to(root).as_posix() for path in paths}
    return () if "." in names else tuple(sorted(names))


def _dataset(
    name: str, paths: list[Path], root: Path, class_root: Path, classes: tuple[str, ...]
) -> Dataset:
    images = FileImages(paths, root)
    if not classes:
        return Dataset(name, images, None, ())
    number = {folder: i for i, folder in enumerate(classes)}
    labels = [number[path.parent.relative_to(class_root).as_posix()] for path in paths]
    return Dataset(name, images, np.array(labels, np.int64), classes)
