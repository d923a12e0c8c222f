"""The bootstrap finds a difference that is there, and none that is not."""

import numpy as np
import pytest

from hashlens.errors import InputError
from hashlens.evaluation import mean_and_interval, paired_bootstrap


def test_the_interval_of_a_mean_difference_is_that_of_the_normal_limit():
    rng = np.random.default_rng(0)
    a = rng.random(400)
    b = a - 0.02 - 0.1 * rng.standard_normal(400)
    (found,) = paired_bootstrap({"a": a, "b": b}, n_resamples=4000)
    error = (a - b).std() / np.sqrt(400)
    assert found.low == pytest.approx(found.difference - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(found.difference + 1.96 * error, abs=0.1 * error)


def test_pairing_sees_what_the_spread_of_queries_hides():
    rng = np.random.default_rng(1)
    easy = rng.random(200)
    (found,) = paired_bootstrap({"a": easy + 0.001, "b": easy})
    assert found.is_clear
    assert found.p_value < 0.01
    (other,) = paired_bootstrap({"a": rng.random(200), "b": rng.random(200)})
    assert other.low < other.difference < other.high


def test_one_in_twenty_of_no_differences_looks_clear():
    rng = np.random.default_rng(2)
    clear = [
        paired_bootstrap(dict(zip("ab", rng.random((2, 60)), strict=True)), n_resamples=400)[0]
        for _ in range(200)
    ]
    assert 2 <= sum(found.is_clear for found in clear) <= 25


def test_intervals_over_runs():
    assert mean_and_interval([0.5]) == (0.5, None)
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        mean, half = mean_and_interval(rng.standard_normal(5))
        hits += abs(mean) <= half
    assert 0.91 < hits / 400 < 0.985


def test_unequal_queries_are_refused():
    with pytest.raises(InputError, match=r"as many queries .* Got \[2, 3\] queries"):
        paired_bootstrap({"a": np.ones(2), "b": np.ones(3)})
