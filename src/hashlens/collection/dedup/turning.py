"""Pictures encoded again, mirrored or rotated."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.dedup.links import Turned
from hashlens.data import Images, Skipped
from hashlens.model import Model
from hashlens.vectors import as_stored_vectors
from hashlens.watcher import Watcher

Pixels = NDArray[Any]

_ENCODED_AT_ONCE = 64

TURNS: dict[str, Callable[[Pixels], Pixels]] = {
    "": lambda pixels: pixels,
    "mirrored": lambda pixels: pixels[:, ::-1],
    "rotated 90": lambda pixels: np.rot90(pixels, -1),
    "rotated 180": lambda pixels: np.rot90(pixels, 2),
    "rotated 270": lambda pixels: np.rot90(pixels, 1),
    "mirrored, rotated 90": lambda pixels: np.rot90(pixels[:, ::-1], -1),
    "mirrored, rotated 180": lambda pixels: np.rot90(pixels[:, ::-1], 2),
    "mirrored, rotated 270": lambda pixels: np.rot90(pixels[:, ::-1], 1),
}
"""What is done to a picture, by name; degrees clockwise, after mirroring left and right."""

_NAMES = tuple(TURNS)


def turn_name(turn: int) -> str:
    """Name a turn by its number.

    Examples
    --------
    >>> turn_name(0), turn_name(1)
    ('', 'mirrored')
    """
    return _NAMES[turn]


def wanted_turns(mirrored: bool, rotated: bool) -> tuple[int, ...]:
    """Number the turns that are to be looked for.

    Examples
    --------
    >>> [turn_name(turn) for turn in wanted_turns(False, True)]
    ['rotated 90', 'rotated 180', 'rotated 270']
    """
    if mirrored and rotated:
        return tuple(range(1, len(_NAMES)))
    return (1,) * mirrored + (2, 3, 4) * rotated


class TurnedImages(Images):
    """Images that are turned when they are read.

    Parameters
    ----------
    images : Images
    turn : int
    """

    def __init__(self, images: Images, turn: int) -> None:
        self._images = images
        self._turn = turn

    def __len__(self) -> int:
        return len(self._images)

    def read(self, i: int) -> Pixels:
        """Decode image `i` and turn it."""
        return np.ascontiguousarray(TURNS[turn_name(self._turn)](self._images.read(i)))

    def name(self, i: int) -> str:
        """Name image `i`."""
        return self._images.name(i)

    def subset(self, ids: object) -> Self:
        """Return the images with these numbers."""
        return type(self)(self._images.subset(ids), self._turn)

    def fingerprint(self) -> bytes:
        """SHA-256 of the images and the turn: 32 bytes."""
        return hashlib.sha256(self._images.fingerprint() + bytes([self._turn])).digest()


def encode_turned(
    model: Model, images: Images, turns: Sequence[int], watcher: Watcher
) -> tuple[Turned, tuple[Skipped, ...]]:
    """Encode images turned in each way.

    The features go to a file that has no name: a large collection's may be more than the memory
    holds.

    Returns
    -------
    turned : Turned
        ``owner`` numbers `images`.
    unread : tuple of Skipped
        Images that could not be read.
    """
    codes, owners, ways, unread = [], [], [], dict[str, Skipped]()
    n_features, n_wanted = 0, len(images) * len(turns)
    watcher.stage("encoding turned pictures", n_wanted)
    with tempfile.TemporaryFile() as file:
        for number, turn in enumerate(turns):
            done = number * len(images)
            turned = TurnedImages(images, turn)
            for part in model.iter_embed(turned, batch_size=_ENCODED_AT_ONCE):
                file.write(as_stored_vectors(part.features).tobytes())
                n_features = part.features.shape[1]
                codes.append(part.codes)
                owners.append(part.kept)
                ways.append(np.full(len(part.kept), turn, np.int8))
                unread |= {bad.name: bad for bad in part.skipped}
                done += len(part.kept) + len(part.skipped)
                watcher.advance(done, n_wanted)
        file.flush()
        rows = np.arange(sum(map(len, owners)))
        features = np.empty((0, n_features), np.float16)
        if len(rows):  # the map keeps the file
            features = np.memmap(file, np.float16, "r", shape=(len(rows), n_features))
    found = Turned(
        np.concatenate(owners), np.concatenate(ways), np.concatenate(codes), rows, features
    )
    return found, tuple(unread.values())
