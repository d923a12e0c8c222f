"""Counting in blocks of queries, for each grade of relevance."""

import numpy as np
import pytest

from hashlens.neighbors import SameLabel
from hashlens.reproduce.counting import counts_by_grade, relevance_grades
from hashlens.search import HammingIndex

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 256, (40, 2), np.uint8)
LABELS = RNG.integers(0, 3, 40)


@pytest.mark.parametrize("labels", [LABELS, np.eye(3, dtype=bool)[LABELS]])
def test_blocks_of_queries_count_what_all_of_them_count(labels):
    index, grades = HammingIndex(CODES, 16), relevance_grades(labels, labels)
    whole = counts_by_grade(index, CODES, grades, exclude_self=True)
    blocks = [
        counts_by_grade(index, CODES[part], grades, exclude_self=True, start=part.start)
        for part in (slice(0, 15), slice(15, 40))
    ]
    for i, each in enumerate(whole):
        for counted in ("total", "relevant"):
            parts = [getattr(block[i], counted) for block in blocks]
            np.testing.assert_array_equal(np.concatenate(parts), getattr(each, counted))


def test_a_block_of_queries_makes_no_matrix_of_single_labels(monkeypatch):
    """Each block is compared as quickly as all queries at once are."""
    monkeypatch.setattr(SameLabel, "__call__", lambda *_: pytest.fail("a matrix was made"))
    index, grades = HammingIndex(CODES, 16), relevance_grades(LABELS, LABELS)
    for start in (0, 15):
        counts_by_grade(index, CODES[start : start + 15], grades, exclude_self=True, start=start)
