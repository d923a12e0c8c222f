"""Collisions: images that share a code, and so cannot be told apart by any radius."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_labels, refuse
from hashlens.codes import as_words, check_codes

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Collisions:
    """How many codes are shared.

    Attributes
    ----------
    distinct_codes : int
    shared : float, 0 to 1
        Share of the items whose code another item has too.
    largest_group : int
        Most items with one code.
    across_classes : float, 0 to 1, or None without labels
        Share of the items whose code is also that of an item of no common class.
    """

    distinct_codes: int
    shared: float
    largest_group: int
    across_classes: float | None = None


def collisions(codes: object, n_bits: int, labels: object = None) -> Collisions:
    """Count codes that several items share.

    Parameters
    ----------
    codes : uint8 array of shape (n >= 1, ceil(n_bits / 8))
    n_bits : int, 1 to 4096
    labels : int array (n,), or 0/1 array (n, n_classes), optional

    Returns
    -------
    collisions : Collisions

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> from hashlens.codes import pack
    >>> found = collisions(pack([[0, 1], [0, 1], [1, 0], [1, 1]]), 2, labels=[7, 8, 7, 7])
    >>> found.distinct_codes, found.shared, found.largest_group, found.across_classes
    (3, 0.5, 2, 0.5)
    """
    packed = check_codes("codes", codes, n_bits)
    if not len(packed):
        raise refuse("codes", "at least one code", packed)
    group = group_of(packed)
    sizes = np.bincount(group)
    across = None
    if labels is not None:
        across = float(_across(group, check_labels("labels", labels, len(packed))).mean())
    return Collisions(
        distinct_codes=len(sizes),
        shared=float((sizes[group] > 1).mean()),
        largest_group=int(sizes.max()),
        across_classes=across,
    )


def group_of(packed: NDArray[np.uint8]) -> Ints:
    """Number the distinct codes from 0, and give the number of each row's: int64 (n,)."""
    words = as_words(packed)
    order = np.lexsort(words.T)  # many times as fast as np.unique along an axis
    new = (words[order[1:]] != words[order[:-1]]).any(axis=1)
    group = np.empty(len(packed), np.int64)
    group[order] = np.concatenate([[0], np.cumsum(new)])
    return group


def _across(group: Ints, labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether an item of the same code shares no label with it: bool (n,)."""
    sets, label_set = np.unique(labels, axis=0, return_inverse=True)
    keys = group * len(sets) + label_set.reshape(-1)
    pairs, of_pair = np.unique(keys, return_inverse=True)
    of_group, of_set = np.divmod(pairs, len(sets))
    clash = np.zeros(len(pairs), bool)
    # Pairs come by group: a group of two or more label sets is a run of rows.
    starts = np.flatnonzero(np.concatenate([[True], np.diff(of_group) > 0]))
    ends = np.append(starts[1:], len(pairs))
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        clash[start:end] = _clashing(sets[of_set[start:end]])
    return clash[of_pair]


def _clashing(sets: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether each of several distinct labels, or sets of labels, has nothing with one of them."""
    if sets.ndim == 1:
        return np.ones(len(sets), bool)
    several = sets.astype(np.float32)
    disjoint = several @ several.T == 0
    np.fill_diagonal(disjoint, False)
    clashing: NDArray[np.bool_] = disjoint.any(axis=1)
    return clashing
