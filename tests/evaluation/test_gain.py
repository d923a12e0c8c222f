"""Graded gain over ties equals the mean over all orders."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from hashlens.codes import pack
from hashlens.errors import InputError
from hashlens.evaluation import graded_relevance, ndcg
from hashlens.search import HammingIndex


def by_all_orders(distances, shared, k):
    """Mean of the gain over every order of the items that respects the distances."""
    total, count = 0.0, 0
    for order in permutations(range(len(distances))):
        if all(distances[a] <= distances[b] for a, b in pairwise(order)):
            gains = [2.0 ** shared[i] - 1 for i in order][:k]
            total += sum(g / np.log2(i + 2) for i, g in enumerate(gains))
            count += 1
    best = sorted((2.0**g - 1 for g in shared), reverse=True)[:k]
    ideal = sum(g / np.log2(i + 2) for i, g in enumerate(best))
    return total / count / ideal if ideal else 0.0


@pytest.mark.parametrize("k", [None, 1, 3])
def test_expected_gain_is_the_mean_over_all_orders(k):
    rng = np.random.default_rng(0)
    for _ in range(5):
        bits = rng.integers(0, 2, (7, 3), np.uint8)
        labels = rng.random((7, 4)) < 0.5
        codes = pack(bits)
        queries, asked = codes[:2], labels[:2]
        grades = graded_relevance(asked, labels)
        index = HammingIndex(codes, 3)
        found = ndcg([index.histograms(queries, grade) for grade in grades], k=k)
        shared = asked.astype(int) @ labels.astype(int).T
        distances = (bits[:2, None] != bits).sum(2)
        wanted = [by_all_orders(distances[q], shared[q], k) for q in range(2)]
        assert found == pytest.approx(wanted)


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match="0/1 matrix"):
        graded_relevance([1, 2], [1, 2])
    with pytest.raises(InputError, match="at least one grade"):
        ndcg([])
