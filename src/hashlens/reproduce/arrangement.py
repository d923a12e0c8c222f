"""Who trains, who asks and who is searched: a protocol applied to a data set."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.data import Dataset, Splits, join_splits
from hashlens.evaluation.protocols import Protocol

Rows = NDArray[np.int64]
Parts = dict[str, Rows]

TRAINING, UNLABELLED, QUERY, DATABASE = PARTS = ("training", "unlabelled", "query", "database")


@dataclass(frozen=True, eq=False)
class Arrangement:
    """One protocol's parts of one data set, as a value.

    Attributes
    ----------
    splits : Splits
    protocol : Protocol
    rows : dict of int64 arrays
        For each of ``PARTS`` the numbers of its images: those of the training part first, those
        of the test part behind them. ``training`` is for methods that learn from labels,
        ``unlabelled`` for the others.
    """

    splits: Splits
    protocol: Protocol
    rows: Parts

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits: of the protocol, the images, and who plays which part."""
        digest = hashlib.sha256(self.protocol.digest.encode())
        for part in (self.splits.train, self.splits.test):
            digest.update(part.checksum.encode())
        for name in PARTS:
            digest.update(json.dumps([name, len(self.rows[name])]).encode())
            digest.update(self.rows[name].astype("<i8").tobytes())
        return digest.hexdigest()[:12]

    def part_key(self, name: str) -> str:
        """Twelve hexadecimal digits that tell the images and labels of one part."""
        what = [part.checksum for part in (self.splits.train, self.splits.test)]
        digest = hashlib.sha256(json.dumps([*what, self.protocol.parts == "unseen"]).encode())
        digest.update(self.rows[name].astype("<i8").tobytes())
        return digest.hexdigest()[:12]

    @cached_property
    def searches_itself(self) -> bool:
        """Whether those that ask are those that are searched."""
        return np.array_equal(self.rows[QUERY], self.rows[DATABASE])

    def labels_of(self, rows: Rows) -> NDArray[Any]:
        """Labels of images by their numbers, the classes as the whole data set has them."""
        return _labels(self.splits)[rows]

    @property
    def family(self) -> str:
        """Name of the data set, without its part."""
        return self.splits.test.name.partition("/")[0]

    def part(self, name: str) -> Dataset:
        """Give the images of a part; training images name only the classes that they have."""
        given = {"train": self.splits.train, "test": self.splits.test}
        if self.protocol.parts == "given":
            return given[_given(self.protocol)[name]]
        data = self._whole.subset(self.rows[name], f"{self.family}/{self.protocol.name} {name}")
        return _seen(data) if self.protocol.parts == "unseen" and name == TRAINING else data

    @cached_property
    def _whole(self) -> Dataset:
        return join_splits(self.splits, f"{self.family}/all")


def arrange(splits: Splits, protocol: Protocol) -> Arrangement:
    """Apply a protocol to a data set.

    Parameters
    ----------
    splits : Splits
        With labels.
    protocol : Protocol

    Returns
    -------
    arrangement : Arrangement

    Raises
    ------
    InputError
        If the data have no labels, or too few images or classes for the protocol.
    """
    for part in (splits.train, splits.test):
        if part.labels is None:
            raise refuse("the data", "labelled, to be measured on", part.name)
    draw = {"given": _as_given, "drawn": _drawn, "unseen": _unseen}[protocol.parts]
    return Arrangement(splits, protocol, draw(splits, protocol))


def _given(protocol: Protocol) -> dict[str, str]:
    return {
        TRAINING: "train",
        UNLABELLED: "train",
        QUERY: protocol.query,
        DATABASE: protocol.database,
    }


def _as_given(splits: Splits, protocol: Protocol) -> Parts:
    n_train, n_test = len(splits.train), len(splits.test)
    rows = {"train": np.arange(n_train), "test": n_train + np.arange(n_test)}
    return {name: rows[part] for name, part in _given(protocol).items()}


def _drawn(splits: Splits, protocol: Protocol) -> Parts:
    """Draw queries of each class from all images, then training images from the rest."""
    labels = _labels(splits)
    matrix = labels if labels.ndim == 2 else labels[:, None] == np.arange(splits.train.n_classes)
    frequent = np.argsort(-matrix.sum(0), kind="stable")[: protocol.n_labels]
    matrix = matrix[:, np.sort(frequent)]
    taking_part = matrix.any(1)
    rng = np.random.default_rng(protocol.seed)
    query = _each(matrix, protocol.n_queries_each, np.zeros(len(labels), bool), rng, protocol)
    rest = taking_part & ~query
    training = _each(matrix, protocol.n_training_each, query, rng, protocol)
    others = np.flatnonzero(rest)
    return {
        TRAINING: np.flatnonzero(training),
        UNLABELLED: others,
        QUERY: np.flatnonzero(query),
        DATABASE: others,
    }


def _each(
    matrix: NDArray[np.bool_],
    n: int | None,
    taken: NDArray[np.bool_],
    rng: np.random.Generator,
    protocol: Protocol,
) -> NDArray[np.bool_]:
    """Draw `n` images of each class that are not taken; of the rarest class first."""
    chosen = np.zeros(len(matrix), bool)
    for column in np.argsort(matrix.sum(0), kind="stable"):
        free = np.flatnonzero(matrix[:, column] & ~taken & ~chosen)
        if n is None or len(free) < n:
            wanted = f"{n} images of each class beside those drawn before ({protocol.name})"
            raise refuse("the data", wanted, words(f"{len(free)} of class number {column}"))
        chosen[rng.permutation(free)[:n]] = True
    return chosen


def _unseen(splits: Splits, protocol: Protocol) -> Parts:
    """Keep a share of the classes from the training; their images ask and are searched."""
    labels = _labels(splits)
    n_classes = splits.train.n_classes
    if labels.ndim == 2:
        raise refuse("the data", f"of one label an image ({protocol.name})", words("several"))
    n_unseen = round((protocol.unseen or 0.0) * n_classes)
    if not 0 < n_unseen < n_classes - 1:
        wanted = f"of enough classes to keep some from the training ({protocol.name})"
        raise refuse("the data", wanted, words(f"{n_classes} classes"))
    unseen = np.random.default_rng(protocol.seed).permutation(n_classes)[:n_unseen]
    is_unseen = np.isin(labels, unseen)
    is_test = np.arange(len(labels)) >= len(splits.train)
    training = np.flatnonzero(~is_unseen & ~is_test)
    return {
        TRAINING: training,
        UNLABELLED: training,
        QUERY: np.flatnonzero(is_unseen & is_test),
        DATABASE: np.flatnonzero(is_unseen & ~is_test),
    }


def _labels(splits: Splits) -> NDArray[Any]:
    return np.concatenate([np.asarray(splits.train.labels), np.asarray(splits.test.labels)])


def _seen(data: Dataset) -> Dataset:
    """Number the classes that occur anew: a network has no output for the others."""
    known, labels = np.unique(np.asarray(data.labels), return_inverse=True)
    return Dataset(data.name, data.images, labels, tuple(data.classes[c] for c in known))
