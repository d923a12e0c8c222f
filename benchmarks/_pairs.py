"""Pairs of pictures, judged: right are those that were made of one photo."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hashlens.codes import hamming
from hashlens.collection.dedup.alignment import N_COLUMNS, SIDE, agree
from hashlens.collection.dedup.links import Limit

RADII = 17
COSINES = np.arange(70, 100) / 100
PIXELS = np.arange(90, 100) / 100
_ROWS = 256


class Coded(NamedTuple):
    """Pictures by photo: picture ``e * n + p`` is photo p, edited in way e (0 is not at all)."""

    codes: np.ndarray
    features: np.ndarray  # float32, rows of length 1
    pixels: np.ndarray  # signatures
    hashes: np.ndarray | None  # perceptual hashes, as packed codes
    n: int

    def of(self, photos: np.ndarray) -> "Coded":
        """Return the pictures of some photos."""
        chosen = (np.arange(len(self.codes) // self.n)[:, None] * self.n + photos).ravel()
        hashes = None if self.hashes is None else self.hashes[chosen]
        codes, features, pixels = (each[chosen] for each in self[:3])
        return Coded(codes, features, pixels, hashes, len(photos))

    def origins(self) -> np.ndarray:
        """Number the photo of each picture."""
        return np.arange(len(self.codes)) % self.n


class Tally(NamedTuple):
    """Pairs by distance and cosine: [radius, cosine] counts what lies within both limits."""

    right: np.ndarray
    wrong: np.ndarray
    n_right: int

    def precision(self) -> np.ndarray:
        """Share of the pairs found that are right."""
        return self.right / np.maximum(self.right + self.wrong, 1)

    def recall(self) -> np.ndarray:
        """Share of the right pairs that are found."""
        return self.right / max(self.n_right, 1)

    def widest(self, least: float, radius: int = 0) -> tuple[int, int]:
        """Of the limits that are right often enough, those that find most; then the narrowest.

        The radius is at least the one given.
        """
        found = np.where((self.precision() >= least) & (self.right > 0), self.right, -1)
        found[:radius] = -2
        radius, cosine = np.nonzero(found == found.max())
        best = np.lexsort((-cosine, radius))[0]
        return int(radius[best]), int(cosine[best])


def tally(codes: np.ndarray, features: np.ndarray | None, groups: np.ndarray) -> Tally:
    """Judge all pairs by code and features: those of one group are right."""
    edges = np.append(-1.0, COSINES) if features is not None else np.array([-1.0])
    counts = np.zeros((2, RADII, len(edges)), np.int64)
    for rows, later, bits in _blocks(codes):
        near = (bits < RADII) & later
        level = np.zeros(near.sum(), np.int64)
        if features is not None:
            level = np.searchsorted(edges, (features[rows] @ features.T)[near], "right") - 1
        wrong = (groups[rows][:, None] != groups)[near].astype(int)
        np.add.at(counts, (wrong, bits[near], level), 1)
    within = counts.cumsum(axis=1)[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return Tally(within[0], within[1], n_pairs_within(groups))


def n_pairs_within(groups: np.ndarray) -> int:
    """Count the pairs of one group."""
    sizes = np.unique(groups, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _blocks(codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for start in range(0, len(codes), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(codes)))
        later = rows[:, None] < np.arange(len(codes))
        yield rows, later, hamming(codes[rows], codes, 8 * codes.shape[1])


class Near(NamedTuple):
    """The pairs within a radius, and what is known of each."""

    first: np.ndarray
    second: np.ndarray
    bits: np.ndarray
    cosine: np.ndarray
    level: np.ndarray  # how many of PIXELS their pixels reach
    right: np.ndarray
    n_right: int

    def within(self, limit: Limit) -> np.ndarray:
        """Tell which pairs are within a limit; a cosine of -1 looks at no features."""
        sure = (self.cosine >= limit.sure) & (limit.similarity > -1)
        same = self.level > np.searchsorted(PIXELS, limit.pixels - 1e-9)
        near = (self.bits <= limit.radius) & (self.cosine >= limit.similarity)
        return near & (sure | same | (limit.pixels <= -1))


def near_pairs(coded: Coded, radius: int) -> Near:
    """Compare all pairs within a radius."""
    firsts, seconds, distances = [], [], []
    for rows, later, bits in _blocks(coded.codes):
        row, second = np.nonzero((bits <= radius) & later)
        firsts.append(rows[row])
        seconds.append(second)
        distances.append(bits[row, second])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    cosines = np.empty(len(first), np.float32)
    for start in range(0, len(first), 8192):
        part = slice(start, start + 8192)
        product = coded.features[first[part]] * coded.features[second[part]]
        cosines[part] = product.sum(axis=1)
    groups, compare = coded.origins(), PixelLevels()
    pairs = zip(coded.pixels[first], coded.pixels[second], strict=True)
    level = np.fromiter((compare(a, b) for a, b in pairs), np.int64, len(first))
    right = groups[first] == groups[second]
    bits = np.concatenate(distances)
    return Near(first, second, bits, cosines, level, right, n_pairs_within(groups))


class PixelLevels:
    """Tells how many of PIXELS two signatures reach."""

    def __init__(self) -> None:
        self._work = np.empty((N_COLUMNS + 2, SIDE * SIDE), np.float32)

    def __call__(self, a: np.ndarray, b: np.ndarray) -> int:
        for level, least in enumerate(PIXELS):
            if not agree(a, b, np.float32(least), self._work):
                return level
        return len(PIXELS)
