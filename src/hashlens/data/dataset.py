"""A data set is a value: images, labels and class names that belong together."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_float, check_int, check_labels, refuse, words
from hashlens.data.images import ArrayImages, EncodedImages, Images, check_ids

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels.

    Parameters
    ----------
    name : str
        What reports call it, such as ``"cifar10/train"``.
    images : Images
    labels : array or None
        int64 (n,), one class a row; or bool (n, n_classes), several; or None: no labels.
    classes : tuple of str
        Name of each class; empty without labels.

    Raises
    ------
    InputError
        If the parts do not fit together.

    Examples
    --------
    >>> images = ArrayImages(np.zeros((3, 8, 8, 1), np.uint8))
    >>> data = Dataset("toy", images, np.array([0, 1, 1]), ("cat", "dog"))
    >>> len(data), data.n_classes, data.subset([2]).labels
    (3, 2, array([1]))
    """

    name: str
    images: Images
    labels: NDArray[Any] | None
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.images, Images):
            raise refuse("images", "an Images", words(type(self.images).__name__))
        object.__setattr__(self, "classes", tuple(self.classes))
        if self.labels is None:
            if self.classes:
                raise refuse("classes", "empty where there are no labels", self.classes)
            return
        labels = check_labels("labels", self.labels, len(self.images))
        _check_range(labels, len(self.classes))
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 without labels."""
        return len(self.classes)

    @property
    def is_multi_label(self) -> bool:
        """Whether an image may have several labels."""
        return self.labels is not None and self.labels.ndim == 2

    def subset(self, ids: object, name: str | None = None) -> "Dataset":
        """Return the rows with these numbers, in this order; the classes stay."""
        chosen = check_ids("ids", ids, len(self))
        labels = None if self.labels is None else self.labels[chosen]
        return Dataset(name or self.name, self.images.subset(chosen), labels, self.classes)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of image names and contents, labels and classes, as 64 hex digits.

        Files are read, not decoded. It is computed once.
        """
        digest = hashlib.sha256(self.images.fingerprint())
        digest.update(repr(self.classes).encode())
        if self.labels is not None:
            digest.update(repr(self.labels.shape).encode())
            digest.update(self.labels.tobytes())
        return digest.hexdigest()


def _check_range(labels: NDArray[Any], n_classes: int) -> None:
    if labels.ndim == 2:
        if labels.shape[1] != n_classes:
            raise refuse("labels", f"one column for each of {n_classes} classes", labels)
    elif len(labels) and not 0 <= labels.min() <= labels.max() < n_classes:
        got = words(f"{labels.min()} to {labels.max()}")
        raise refuse("labels", f"from 0 to {n_classes - 1}, the classes", got)


@dataclass(frozen=True, eq=False)
class Splits:
    """A training set and a test set with the same classes.

    Raises
    ------
    InputError
        If the classes differ.
    """

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        if self.train.classes != self.test.classes:
            raise refuse("test", "of the same classes as train", self.test.classes)
        if self.train.is_multi_label != self.test.is_multi_label:
            raise refuse("test", "labelled as train is", words("one single, one several labels"))


def join_splits(splits: Splits, name: str) -> Dataset:
    """Put the training and the test set behind each other: one data set, train first.

    Examples
    --------
    >>> from hashlens.data.synthetic import synthetic_images
    >>> data = synthetic_images(6, 2, seed=0)
    >>> len(join_splits(Splits(data.subset([0, 1]), data.subset([2, 3])), "all"))
    4
    """
    train, test = splits.train, splits.test
    labels = None
    if train.labels is not None and test.labels is not None:
        labels = np.concatenate([train.labels, test.labels])
    return Dataset(name, join_images(train.images, test.images), labels, train.classes)


def join_images(first: Images, second: Images) -> Images:
    """Put two sequences of the same kind behind each other, names kept.

    Raises
    ------
    InputError
        If one is encoded and the other is not, or two arrays differ in image size.

    Examples
    --------
    >>> pixels = np.zeros((2, 4, 4, 3), np.uint8)
    >>> join_images(ArrayImages(pixels, "train"), ArrayImages(pixels, "test")).name(3)
    'test[1]'
    """
    names = [part.name(i) for part in (first, second) for i in range(len(part))]
    if isinstance(first, ArrayImages) and isinstance(second, ArrayImages):
        if first.pixels.shape[1:] != second.pixels.shape[1:]:
            raise refuse("second", f"images of shape {first.pixels.shape[1:]}", second.pixels)
        return ArrayImages(np.concatenate([first.pixels, second.pixels]), names=names)
    if isinstance(first, EncodedImages) and isinstance(second, EncodedImages):
        return EncodedImages([*first.sources, *second.sources], names)
    raise refuse("second", f"a {type(first).__name__}", words(type(second).__name__))


def stratified_split(
    labels: NDArray[Any] | None, fraction: float, seed: int, *, n: int | None = None
) -> tuple[Ids, Ids]:
    """Split row numbers in two at random, each class in the same proportion.

    The first part has ``round(fraction * n)`` rows, shared among the classes by the largest
    remainder; a class of two or more images has at least one in each part, which can move that
    total by a few. A row with several labels counts as of its rarest one. Without labels the
    split is plainly random.

    Parameters
    ----------
    labels : int (n,), or bool (n, n_classes), or None
    fraction : float, 0 to 1
        Share of the first part.
    seed : int >= 0
    n : int, optional
        Number of rows; needed when `labels` is None.

    Returns
    -------
    first_ids, second_ids : int64 arrays, ascending, that share no row and leave none out

    Examples
    --------
    >>> first, second = stratified_split(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)
    >>> len(first), len(second)
    (3, 3)
    """
    share = check_float("fraction", fraction, 0.0, 1.0)
    rng = np.random.default_rng(check_int("seed", seed, 0))
    strata = _strata(labels, n)
    values, counts = np.unique(strata, return_counts=True)
    first = np.zeros(len(strata), bool)
    for value, n_first in zip(values, _shares(counts, share), strict=True):
        first[rng.permutation(np.flatnonzero(strata == value))[:n_first]] = True
    return np.flatnonzero(first), np.flatnonzero(~first)


def _strata(labels: NDArray[Any] | None, n: int | None) -> Ids:
    if labels is None:
        return np.zeros(check_int("n", n, 0), np.int64)
    checked = check_labels("labels", labels, n)
    if checked.ndim == 1:
        return checked.astype(np.int64)
    frequency = np.where(checked, checked.sum(axis=0), len(checked) + 1)
    rarest: Ids = np.where(checked.any(axis=1), frequency.argmin(axis=1), -1)
    return rarest


def _shares(counts: Ids, fraction: float) -> Ids:
    exact = counts * fraction
    shares: Ids = np.floor(exact + 1e-9).astype(np.int64)
    missing = round(float(counts.sum()) * fraction) - int(shares.sum())
    # Stable: of equal remainders the lower class is served first.
    shares[np.argsort(shares - exact, kind="stable")[: max(missing, 0)]] += 1
    if 0 < fraction < 1:
        inner = np.clip(shares, 1, np.maximum(counts - 1, 1))
        shares = np.where(counts > 1, inner, shares)
    return shares
