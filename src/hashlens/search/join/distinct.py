"""Codes sorted into buckets, and equal codes taken together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.search.blocks import as_rows
from hashlens.search.compiled import Array, kernel

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads keys in high bits
_ALL, _ONE, _WORD_BITS = np.uint64(2**64 - 1), np.uint64(1), np.uint64(64)


@dataclass(frozen=True)
class Distinct:
    """Codes that differ, ordered by the last item that has each, and the items of each.

    The items after item i then have the codes from a certain one on: a join of one set compares
    half of what it would, with no test for each pair.
    """

    codes: Codes
    last: NDArray[np.int64]  # (n_codes,)
    labels: NDArray[np.int32]  # (n_items,): the code of each item
    offsets: NDArray[np.int32]  # (n_codes + 1,)
    items: NDArray[np.int32]  # (n_items,): of the first code, of the second, ...; ascending in each

    @classmethod
    def of(cls, codes: Codes, n_bits: int) -> "Distinct":
        """Find equal codes: those in one bucket of all bits are compared."""
        rows, labels = as_rows(codes, n_bits), np.empty(len(codes), np.int32)
        offsets, ids = sort_by_key(*bucket_keys(rows, 0, n_bits, len(codes)))
        n_codes = _label_equal(rows, offsets, ids, labels)
        last = _number_by_last(labels, n_codes)
        return cls(codes[last], last, labels, *sort_by_key(labels, n_codes))

    def sizes(self) -> NDArray[np.int64]:
        """Count the items of each code."""
        return np.diff(self.offsets).astype(np.int64)

    def alone(self) -> "Distinct":
        """Return the codes as a set of their own: one item each."""
        n_codes = len(self.codes)
        numbers = np.arange(n_codes + 1, dtype=np.int32)
        return Distinct(
            self.codes, numbers[:-1].astype(np.int64), *(numbers[:-1], numbers, numbers[:-1])
        )


def bucket_keys(rows: Array, start: int, stop: int, n_codes: int) -> tuple[NDArray[np.uint64], int]:
    """Buckets of rows by the bits `start` to `stop`, and how many there are: about `n_codes`."""
    key_bits = min(stop - start, max(1, n_codes.bit_length()))
    return _keys(rows, start, stop, key_bits), 1 << key_bits


@kernel
def _keys(rows: Array, start: int, stop: int, key_bits: int) -> Array:
    """Bucket of the bits `start` to `stop` of each row: the bits themselves, or a hash of them."""
    keys = np.empty(rows.shape[0], np.uint64)
    word, shift, width = start // 64, np.uint64(start % 64), stop - start
    if width <= key_bits:
        mask = (_ONE << np.uint64(width)) - _ONE
        across = width > 0 and (stop - 1) // 64 > word
        for i in range(rows.shape[0]):
            key = np.uint64(rows[i, word]) >> shift
            if across:
                key |= np.uint64(rows[i, word + 1]) << (_WORD_BITS - shift)
            keys[i] = key & mask
        return keys
    last = (stop - 1) // 64
    above = _ALL >> np.uint64(64 * last + 64 - stop)
    for i in range(rows.shape[0]):
        key = np.uint64(0)
        for w in range(word, last + 1):
            part = np.uint64(rows[i, w])
            if w == word:
                part &= _ALL << shift
            if w == last:
                part &= above
            key = (key ^ part) * _ODD
            key ^= key >> np.uint64(32)
        keys[i] = (key * _ODD) >> np.uint64(64 - key_bits)
    return keys


@kernel
def sort_by_key(keys: Array, n_keys: int) -> tuple[Array, Array]:
    """Counting sort: the offset of each key (n_keys + 1,), and positions by (key, position)."""
    offsets = np.zeros(n_keys + 1, np.int32)
    for i in range(keys.shape[0]):
        offsets[np.int64(keys[i]) + 1] += 1
    for before in range(n_keys):
        offsets[before + 1] += offsets[before]
    places, ids = offsets[:-1].copy(), np.empty(keys.shape[0], np.int32)
    for i in range(keys.shape[0]):
        key = np.int64(keys[i])
        ids[places[key]] = i
        places[key] += 1
    return offsets, ids


@kernel
def _label_equal(rows: Array, offsets: Array, ids: Array, labels: Array) -> int:
    """Give equal rows one label and others another; equal ones are in the same bucket."""
    known, n_labels = np.empty(rows.shape[0], np.int64), 0
    for bucket in range(offsets.shape[0] - 1):
        start = n_labels
        for place in range(offsets[bucket], offsets[bucket + 1]):
            item, label = ids[place], start
            while label < n_labels and not _equal(rows, known[label], item):
                label += 1
            if label == n_labels:
                known[label] = item
                n_labels += 1
            labels[item] = label
    return n_labels


@kernel
def _equal(rows: Array, a: int, b: int) -> bool:
    equal = True
    for w in range(rows.shape[1]):
        equal &= rows[a, w] == rows[b, w]
    return equal


@kernel
def _number_by_last(labels: Array, n_labels: int) -> Array:
    """Renumber labels in place by the last item of each, and return these items."""
    last_of, number = np.empty(n_labels, np.int64), np.empty(n_labels, np.int32)
    for i in range(labels.shape[0]):
        last_of[labels[i]] = i
    last, n_numbered = np.empty(n_labels, np.int64), 0
    for i in range(labels.shape[0]):
        if last_of[labels[i]] == i:
            number[labels[i]] = n_numbered
            last[n_numbered] = i
            n_numbered += 1
    for i in range(labels.shape[0]):
        labels[i] = number[labels[i]]
    return last
