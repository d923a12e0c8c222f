"""Codes to measure on: made with a fixed seed, or taken from a file."""

from dataclasses import dataclass

import numpy as np

from hashlens.bench.case import Case
from hashlens.checks import refuse
from hashlens.codes import Codes, code_size
from hashlens.search.exchange.code_set import CodeSet

DATA: dict[str, float | None] = {
    "random": None,
    "clustered-05": 0.05,
    "clustered-10": 0.10,
    "clustered-15": 0.15,
}
"""Kinds of codes: the share of bits in which a code differs from its centre; None: no centres."""

SEED = 0
N_QUERIES = 1000
MOST_CENTRES = 10_000
_PER_CENTRE = 100  # codes, where that needs fewer centres
_ROWS = 1 << 20  # made at once


@dataclass(frozen=True)
class Sample:
    """Codes, and queries that are not among them."""

    codes: Codes
    queries: Codes


def sample_of(case: Case) -> Sample:
    """Make the codes and the queries of a case.

    Examples
    --------
    >>> sample = sample_of(Case("clustered-10", n_codes=2000, n_bits=12))
    >>> sample.codes.shape, sample.queries.shape, int(sample.codes[:, 1].max()) < 16
    ((2000, 2), (1000, 2), True)
    """
    rng = np.random.default_rng(SEED)
    share, size = DATA[case.data], code_size(case.n_bits)
    n_centres = max(1, min(MOST_CENTRES, case.n_codes // _PER_CENTRE))
    centres = rng.integers(0, 256, (n_centres, size), np.uint8)
    rows = np.empty((case.n_codes + N_QUERIES, size), np.uint8)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        if share is None:
            part[:] = rng.integers(0, 256, part.shape, np.uint8)
        else:
            part[:] = centres[rng.integers(0, n_centres, len(part))]
            part ^= flipped(rng, part.shape, share)
    if case.n_bits % 8:
        rows[:, -1] &= (1 << case.n_bits % 8) - 1
    return Sample(rows[: case.n_codes], rows[case.n_codes :])


def flipped(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> Codes:
    """Bytes of which each bit is set with a probability of `share`, to 1 / 256.

    Examples
    --------
    >>> bits = flipped(np.random.default_rng(0), (10_000, 8), 0.1)
    >>> float(np.bitwise_count(bits).mean() / 8).__round__(2)
    0.1
    """
    found = np.zeros(shape, np.uint8)
    for place in range(8):  # the digits of the share, the last one first
        noise = rng.integers(0, 256, shape, np.uint8)
        found = found | noise if round(256 * share) >> place & 1 else found & noise
    return found


def sample_from(given: CodeSet) -> Sample:
    """Take some codes of a file as queries, out of those that are searched."""
    n_queries = min(N_QUERIES, len(given) // 10)
    if not n_queries:
        raise refuse("codes", "a file of at least 10 codes", given.codes)
    chosen = np.random.default_rng(SEED).choice(len(given), n_queries, replace=False)
    return Sample(np.delete(given.codes, chosen, axis=0), given.codes[chosen])
