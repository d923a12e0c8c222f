"""What a distance means: the counts, the smoothed shares, and whether promises hold."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from hashlens.codes import hamming, pack
from hashlens.errors import FormatError, InputError
from hashlens.evaluation import DistanceMeaning, meaning_in, relevance
from hashlens.evaluation.calibration import QUANTILE
from hashlens.neighbors import DistanceHistograms
from hashlens.search import HammingIndex

N_BITS = 16


class World:
    """Ten classes of images whose bits are those of their class, each flipped now and then."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.centres = self.rng.random((10, N_BITS)) < 0.5
        self.noise = self.rng.uniform(0.03, 0.2, 10)

    def draw(self, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        labels = self.rng.integers(0, 10, n)
        # Some images are far harder than others, so that the pairs of one image go together.
        flips = self.noise[labels, None] * self.rng.gamma(1, 1, (n, 1))
        return pack(self.centres[labels] ^ (self.rng.random((n, N_BITS)) < flips)), labels


def among_themselves(codes: NDArray[np.uint8], labels: NDArray[np.int64]) -> DistanceHistograms:
    same, itself = relevance(labels, labels), np.arange(len(labels))
    return HammingIndex(codes, N_BITS).histograms(codes, same, exclude=itself)


def measured(seed: int, n: int) -> DistanceMeaning:
    return DistanceMeaning.measure(among_themselves(*World(seed).draw(n)))


def made(pairs: list[int], same: list[int], support: int = 100) -> DistanceMeaning:
    counts = np.array(pairs), np.array(same)
    return DistanceMeaning(*counts, np.full(len(pairs), support), n_queries=200)


def test_pairs_are_those_of_two_loops() -> None:
    codes, labels = World(0).draw(40)
    pairs, same = np.zeros(N_BITS + 1, int), np.zeros(N_BITS + 1, int)
    distances = hamming(codes, codes, N_BITS)
    for i in range(40):
        for j in range(40):
            if i != j:
                pairs[distances[i, j]] += 1
                same[distances[i, j]] += labels[i] == labels[j]
    meaning = DistanceMeaning.measure(among_themselves(codes, labels))
    assert meaning.pairs.tolist() == pairs.tolist()
    assert meaning.same.tolist() == same.tolist()
    assert (meaning.n_bits, meaning.n_queries) == (N_BITS, 40)


def test_shares_are_isotonic_regression_with_one_pair_added_to_each_distance() -> None:
    meaning = measured(1, 60)
    base = meaning.same.sum() / meaning.pairs.sum()
    weights = meaning.pairs + 1
    regression = IsotonicRegression(increasing=False)
    wanted = regression.fit_transform(
        np.arange(N_BITS + 1), (meaning.same + base) / weights, sample_weight=weights
    )
    np.testing.assert_allclose(meaning.at, wanted, atol=1e-12)
    assert meaning.precision_at(3) == meaning.at[3]
    assert (np.diff(meaning.at) <= 0).all()


def test_shares_are_defined_where_no_pair_was_seen() -> None:
    meaning = made([0, 0, 10, 0, 90, 0], [0, 0, 9, 0, 1, 0])
    assert 0.7 < meaning.precision_at(0) == meaning.precision_at(2) < 0.9
    assert 0 < meaning.precision_at(5) <= meaning.precision_at(4) < 0.1
    assert meaning.precision_within(0) == pytest.approx(0.1)
    nothing = made([0, 0, 0], [0, 0, 0], support=0)
    assert nothing.at.tolist() == nothing.promised.tolist() == [0, 0, 0]
    assert nothing.radius_for(0.1) is None


def test_a_single_pair_is_not_sure() -> None:
    meaning = made([1, 99], [1, 9])
    assert meaning.precision_at(0) == pytest.approx((1 + 0.1) / 2)


def test_without_a_wrong_pair_the_bound_is_wilsons_closed_form() -> None:
    codes = pack(np.repeat(np.eye(2, N_BITS, dtype=bool), 30, axis=0))
    meaning = DistanceMeaning.measure(among_themselves(codes, np.repeat([0, 1], 30)))
    assert meaning.support[0] == 30  # half the number of queries that find something
    assert meaning.promised_within(0) == pytest.approx(30 / (30 + QUANTILE**2))


def test_the_support_is_what_repeated_draws_spread_by() -> None:
    """A big group of images of one code and many small ones: its size decides over most pairs."""
    rng = np.random.default_rng(2)
    shares, supports, n_pairs = [], [], 0
    for _ in range(200):
        group = rng.choice(9, 200, p=[0.2] + [0.1] * 8)
        wrong = rng.random(200) < np.where(group == 0, 0.6, 0.02)
        labels = np.where(wrong, 100 + np.arange(200), group)
        codes = np.stack([group, np.zeros_like(group)], 1).astype(np.uint8)
        meaning = DistanceMeaning.measure(among_themselves(codes, labels))
        n_pairs = int(meaning.pairs[0])
        shares.append(meaning.same[0] / n_pairs)
        supports.append(meaning.support[0])
    mean = float(np.mean(shares))
    independent = mean * (1 - mean) / float(np.var(shares))
    assert np.median(supports) == pytest.approx(independent, rel=0.25)
    assert independent < 0.05 * n_pairs


@pytest.mark.parametrize("n", [100, 400])
def test_promises_hold_on_unseen_queries(n: int) -> None:
    """Of 30 trainings, at most 2 may promise too much, and what is promised is not far too low."""
    missed, slack = 0, []
    for seed in range(30):
        world = World(seed)
        meaning = DistanceMeaning.measure(among_themselves(*world.draw(n)))
        (codes, labels), (items, classes) = world.draw(300), world.draw(2000)
        counts = HammingIndex(items, N_BITS).histograms(codes, relevance(labels, classes))
        found = np.cumsum(counts.total.sum(axis=0))
        precision = np.cumsum(counts.relevant.sum(axis=0)) / found
        for wanted in (0.6, 0.8):
            radius = meaning.radius_for(wanted)
            if radius is not None:
                missed += precision[radius] < wanted
                slack.append(np.flatnonzero(precision >= wanted)[-1] - radius)
    assert missed <= 2
    assert len(slack) > 30
    assert np.mean(slack) < 1.5  # bits short of the best radius


def test_the_radius_is_the_largest_that_promises_enough() -> None:
    meaning = made([100, 100, 100, 100], [100, 90, 40, 0])
    for wanted in (0.3, 0.5, 0.7, 0.9):
        radius = meaning.radius_for(wanted)
        assert radius is not None
        assert meaning.promised_within(radius) >= wanted
        assert (meaning.promised[radius + 1 :] < wanted).all()
    assert meaning.radius_for(0.99) is None


def test_another_share_is_what_weighted_pairs_give() -> None:
    meaning = made([50, 100, 300], [45, 40, 5])
    wanted = meaning.for_share(0.02)
    share = 90 / 450
    same = meaning.same * 0.02 / share
    other = (meaning.pairs - meaning.same) * 0.98 / (1 - share)
    within = np.cumsum(same) / np.cumsum(same + other)
    raw = np.cumsum(meaning.same) / np.cumsum(meaning.pairs)
    moved = wanted.odds * raw / (wanted.odds * raw + 1 - raw)
    np.testing.assert_allclose(moved, within)
    assert wanted.share == pytest.approx(0.02)
    assert (wanted.promised < meaning.promised).all()
    np.testing.assert_allclose(meaning.for_share(share).at, meaning.at)


def test_a_share_moves_promises_to_a_collection_of_other_frequencies() -> None:
    """Trained on ten classes alike; searched in a collection where each is rare among strangers."""
    world = World(3)
    meaning = DistanceMeaning.measure(among_themselves(*world.draw(1000)))
    (codes, labels), (items, classes) = world.draw(400), world.draw(4000)
    strangers = np.flatnonzero(classes != labels[0])
    rare = np.concatenate([np.flatnonzero(classes == labels[0])[:40], strangers])
    asking = labels == labels[0]
    counts = HammingIndex(items[rare], N_BITS).histograms(
        codes[asking], relevance(labels[asking], classes[rare])
    )
    share = counts.relevant.sum() / counts.total.sum()
    precision = np.cumsum(counts.relevant.sum(0)) / np.maximum(np.cumsum(counts.total.sum(0)), 1)
    expected, moved = meaning.within[2], meaning.for_share(float(share)).within[2]
    assert abs(moved - precision[2]) < abs(expected - precision[2])


def test_several_labels_an_image_are_counted_by_a_shared_one() -> None:
    codes = pack([[0, 0], [0, 0], [1, 1]])
    labels = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    counts = HammingIndex(codes, 2).histograms(
        codes, relevance(labels, labels), exclude=np.arange(3)
    )
    meaning = DistanceMeaning.measure(counts)
    assert (meaning.pairs.tolist(), meaning.same.tolist()) == ([2, 0, 4], [2, 0, 0])


def test_it_is_the_same_after_a_card() -> None:
    meaning = measured(4, 80)
    card = {"distances": {str(N_BITS): meaning.to_dict()}}
    again = meaning_in(card, N_BITS)
    assert again is not None
    for name in ("pairs", "same", "support"):
        assert getattr(again, name).tolist() == getattr(meaning, name).tolist()
    assert again.n_queries == 80
    assert meaning_in(card, 8) is None
    assert meaning_in({}, N_BITS) is None


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"n_queries": 3, "pairs": "1 2", "same": "1 3", "support": "1 1"},
        {"n_queries": 3, "pairs": "1 2", "same": "1", "support": "1 1"},
        {"n_queries": 3, "pairs": [1, 2], "same": "1 1", "support": "1 1"},
        {"n_queries": 3, "pairs": "1 x", "same": "1 1", "support": "1 1"},
    ],
)
def test_other_fields_are_refused(stored: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="distances must be counts by distance"):
        DistanceMeaning.from_dict(stored)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.precision_at(5), "distance must be an int from 0 to 2. Got 5"),
        (lambda m: m.precision_within(-1), "radius must be an int from 0 to 2. Got -1"),
        (lambda m: m.promised_within(3), "radius must be an int from 0 to 2. Got 3"),
        (lambda m: m.radius_for(0), "precision must be above 0. Got 0"),
        (lambda m: m.radius_for(1.5), "precision must be a number from 0.0 to 1.0. Got 1.5"),
        (lambda m: m.for_share(1), "share must be above 0 and below 1. Got 1"),
        (lambda _: made([1, 1], [0, 0]).for_share(0.5), "share must be left out where all pairs"),
        (
            lambda _: DistanceMeaning.measure(DistanceHistograms(*np.ones((2, 1, 3), int))),
            "histograms must be of at least two queries",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, message) -> None:
    with pytest.raises(InputError, match=message):
        call(made([10, 10, 10], [9, 5, 1]))
