"""Bits, collisions and distances between classes, against slow definitions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hashlens.codes import hamming, pack
from hashlens.errors import InputError
from hashlens.evaluation import relevance
from hashlens.evaluation.bits import bit_health
from hashlens.evaluation.collisions import collisions
from hashlens.evaluation.separation import Separation
from hashlens.search import HammingIndex


def lopsided_bits(n: int = 200, n_bits: int = 12) -> NDArray[np.bool_]:
    """Bits of all kinds: 2 is dead, 5 is the opposite of 1, 6 equals 0, 7 leans on 3."""
    rng = np.random.default_rng(0)
    bits = rng.random((n, n_bits)) < rng.uniform(0.1, 0.9, n_bits)
    bits[:, 2] = True
    bits[:, 5] = ~bits[:, 1]
    bits[:, 6] = bits[:, 0]
    bits[:, 7] = bits[:, 3] ^ (rng.random(n) < 0.1)
    return bits


@pytest.mark.parametrize("block", [1 << 24, 100])
def test_figures_are_those_of_numpy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlens.evaluation.bits._BLOCK", block)
    bits = lopsided_bits()
    health = bit_health(pack(bits), 12)
    live = [bit for bit in range(12) if bit != 2]
    wanted = np.corrcoef(bits[:, live].T)
    np.testing.assert_allclose(health.ones, bits.mean(axis=0))
    np.testing.assert_allclose(health.correlation[np.ix_(live, live)], wanted, atol=1e-9)
    assert not health.correlation[2].any()
    upper = np.abs(wanted[np.triu_indices(11, k=1)])
    assert health.mean_correlation == pytest.approx(upper.mean())
    eigenvalues = np.linalg.eigvalsh(wanted)
    assert health.effective_bits == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    p = bits[:, 4].mean()
    assert health.balance[4] == pytest.approx(2 * min(p, 1 - p))
    assert health.entropy[4] == pytest.approx(-p * np.log2(p) - (1 - p) * np.log2(1 - p))
    assert health.entropy[2] == health.balance[2] == 0


def test_dead_and_duplicate_bits_are_named() -> None:
    health = bit_health(pack(lopsided_bits()), 12)
    assert health.dead_bits == (2,)
    assert health.duplicate_bits == (5, 6)
    assert [pair[:2] for pair in health.most_correlated[:3]] == [(0, 6), (1, 5), (3, 7)]
    assert [round(pair[2]) for pair in health.most_correlated[:2]] == [1, -1]


def test_a_bit_that_differs_once_is_no_duplicate() -> None:
    bits = np.repeat([[0, 0], [1, 1]], 50_000, axis=0)
    bits[0, 1] = 1
    assert bit_health(pack(bits), 2).duplicate_bits == ()


def test_one_code_has_only_dead_bits() -> None:
    health = bit_health(pack([[1, 0, 1]]), 3)
    assert health.dead_bits == (0, 1, 2)
    assert (health.mean_correlation, health.effective_bits, health.duplicate_bits) == (0, 0, ())


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("n_bits", [3, 70])
def test_collisions_are_those_of_two_loops(several: bool, n_bits: int) -> None:
    rng = np.random.default_rng(n_bits)
    bits = np.zeros((60, n_bits), bool)
    bits[:, -3:] = rng.random((60, 3)) < 0.3
    codes = pack(bits)
    labels = rng.random((60, 4)) < 0.4 if several else rng.integers(0, 3, 60)
    same_code = hamming(codes, codes, n_bits) == 0
    same_class = relevance(labels, labels)(0, 60).astype(bool)
    others = ~np.eye(60, dtype=bool)
    found = collisions(codes, n_bits, labels)
    assert found.distinct_codes == len({row.tobytes() for row in codes})
    assert found.shared == pytest.approx((same_code & others).any(axis=1).mean())
    assert found.largest_group == same_code.sum(axis=1).max()
    wanted = (same_code & others & ~same_class).any(axis=1)
    if several:  # images without any label share none with their like, but are no other class
        wanted &= labels.any(axis=1) | (same_code & labels.any(axis=1)).any(axis=1)
    assert found.across_classes == pytest.approx(wanted.mean())
    assert collisions(codes, n_bits).across_classes is None


def test_nearer_is_the_share_of_pairs_of_pairs() -> None:
    rng = np.random.default_rng(1)
    codes, labels = rng.integers(0, 256, (30, 1), dtype=np.uint8), rng.integers(0, 3, 30)
    itself = np.arange(30)
    counts = HammingIndex(codes, 8).histograms(codes, relevance(labels, labels), exclude=itself)
    found = Separation.of(counts)
    distances = hamming(codes, codes, 8)[~np.eye(30, dtype=bool)]
    same = (labels[:, None] == labels)[~np.eye(30, dtype=bool)]
    within, between = distances[same], distances[~same]
    wins = (within[:, None] < between).mean() + (within[:, None] == between).mean() / 2
    assert found.nearer == pytest.approx(wins)
    assert found.mean_distances == pytest.approx((within.mean(), between.mean()))
    alone = Separation(np.array([0, 0]), np.array([1, 2]), 3)
    assert alone.nearer is None
    assert alone.to_dict()["mean_within"] is None


@pytest.mark.parametrize("function", [bit_health, collisions])
def test_no_code_is_refused(function) -> None:
    with pytest.raises(InputError, match="codes must be at least one code"):
        function(np.empty((0, 1), np.uint8), 8)
