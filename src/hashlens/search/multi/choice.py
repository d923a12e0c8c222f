"""Into how many substrings codes are best cut: judged by a sample of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.search.blocks import LANES, Blocks
from hashlens.search.compiled import kernel, popcount
from hashlens.search.multi.build import MAX_WIDTH, substrings_of
from hashlens.search.multi.found import Int
from hashlens.search.multi.keys import WIDTH, WORD, n_keys_at

Array = NDArray[Any]

_K = 10  # neighbours that the typical search asks for
_SAMPLE, _QUERIES = 1 << 14, 64
_CHOICES = 8  # numbers of tables that are compared
_PROBE_COST = 10  # a jump to another place in memory, in codes read in a run (measured)
_WIDE, _NARROW = 2, 10  # keys of log2(n) + 2 bits are mostly unused; of log2(n) - 10, too full


def choose_tables(blocks: Blocks, n_items: int, n_bits: int) -> int:
    """Choose the number of tables that makes a search for 10 neighbours cheapest.

    The distance of the tenth neighbour, and how many codes are met on the way to it, are those of
    some codes of the sample to the others. So codes that lie in crowds get longer keys.
    """
    scale = max(1, n_items).bit_length()
    widest = min(MAX_WIDTH, max(4, scale + _WIDE))
    fewest = -(-n_bits // widest)
    most = max(fewest, n_bits // max(8, scale - _NARROW))
    if n_items < 2 or fewest == most:
        return fewest
    sample = _sample(blocks, n_items)
    n_queries = min(_QUERIES, len(sample) // 2)
    queries, others = sample[:n_queries], sample[n_queries:]
    share = n_queries * len(others) / n_items  # pairs of the sample for one pair of all
    levels = np.cumsum(_count_levels(queries, others, np.zeros(64 * sample.shape[1] + 1, np.int64)))
    radius = int(np.searchsorted(levels, max(1.0, _K * share)))
    choices = np.unique(np.linspace(fewest, most, _CHOICES).round().astype(int))
    costs = []
    for n_tables in choices:
        substrings, masks = substrings_of(n_bits, int(n_tables))
        radii = np.full(n_tables, radius // n_tables, np.int64)
        radii[radius % n_tables + 1 :] -= 1
        n_met = _count_met(queries, others, substrings[:, WORD], masks, radii)
        probes = _count_probes(substrings[:, WIDTH], radii)
        costs.append(min(float(n_items), _PROBE_COST * probes + n_met / share))
    return int(choices[np.argmin(costs)])


def _sample(blocks: Blocks, n_items: int) -> NDArray[np.uint64]:
    """Draw codes as rows of words."""
    draws = np.random.default_rng(0).permutation(min(n_items, _SAMPLE))
    at = draws * n_items // len(draws)
    return blocks[at // LANES, :, at % LANES].astype(np.uint64)


@kernel
def _count_levels(queries: Array, others: Array, counts: Array) -> Array:
    """Count the pairs at each distance."""
    for query in range(queries.shape[0]):
        for other in range(others.shape[0]):
            distance = np.int64(0)
            for word in range(others.shape[1]):
                distance += np.int64(popcount(queries[query, word] ^ others[other, word]))
            counts[distance] += 1
    return counts


@kernel
def _count_met(queries: Array, others: Array, words: Array, masks: Array, radii: Array) -> Int:
    """Count the pairs within a table's radius of each other, over all tables."""
    n_met = np.int64(0)
    for table in range(words.shape[0]):
        word, radius = words[table], radii[table]
        after = min(word + 1, others.shape[1] - 1)
        for query in range(queries.shape[0]):
            for other in range(others.shape[0]):
                differing = (queries[query, word] ^ others[other, word]) & masks[table, 0]
                distance = np.int64(popcount(differing))
                differing = (queries[query, after] ^ others[other, after]) & masks[table, 1]
                distance += np.int64(popcount(differing))
                n_met += distance <= radius
    return n_met


@kernel
def _count_probes(widths: Array, radii: Array) -> float:
    """Count the keys within each table's radius."""
    n_probes = 0.0
    for table in range(widths.shape[0]):
        for radius in range(min(widths[table], radii[table]) + 1):
            n_probes += n_keys_at(widths[table], radius)
    return n_probes
