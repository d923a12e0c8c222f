"""Searching as far as a precision is promised, and hits that say what their distance means."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.errors import InputError
from hashlens.evaluation import DistanceMeaning
from hashlens.model import Model


def falling(n_bits: int) -> DistanceMeaning:
    """All pairs are of one class at 0 bits, none at the other end."""
    pairs = np.full(n_bits + 1, 1000)
    same = np.linspace(1000, 0, n_bits + 1).astype(int)
    return DistanceMeaning(pairs, same, np.full(n_bits + 1, 400), n_queries=800)


@pytest.fixture
def meaning() -> DistanceMeaning:
    return falling(24)


@pytest.fixture
def knowing(tmp_path: Path, model: Model, photos: Path, meaning: DistanceMeaning) -> Collection:
    """A collection whose model knows what its distances mean."""
    card = {"distances": {"24": meaning.to_dict()}}
    collection = Collection.create(tmp_path / "k.hl", replace(model, card=card))
    collection.add(photos)
    return collection


def test_hits_say_what_their_distance_means(knowing: Collection, meaning: DistanceMeaning) -> None:
    hits = knowing.search(3, 10)
    assert hits.same_class is not None
    assert hits.same_class.tolist() == meaning.at[hits.distances].tolist()
    assert [hit.same_class for hit in hits] == hits.same_class.tolist()
    assert hits.radius is None


@pytest.mark.parametrize("rerank", [True, False])
def test_a_precision_is_the_radius_that_promises_it(
    knowing: Collection, meaning: DistanceMeaning, rerank: bool
) -> None:
    radius = meaning.radius_for(0.8)
    assert radius is not None
    hits = knowing.search(3, 30, precision=0.8, rerank=rerank)
    assert hits.radius == radius
    assert hits.ids.tolist() == knowing.search(3, 30, radius=radius, rerank=rerank).ids.tolist()
    assert hits.distances.max() <= radius


def test_a_stated_share_changes_the_radius_and_the_shares(
    knowing: Collection, meaning: DistanceMeaning
) -> None:
    rare = meaning.for_share(0.2)
    hits = knowing.search(3, 30, precision=0.8, share=0.2)
    assert hits.radius == rare.radius_for(0.8)
    assert hits.radius < (meaning.radius_for(0.8) or 0)
    assert hits.same_class is not None
    assert hits.same_class.tolist() == rare.at[hits.distances].tolist()


def test_a_model_that_knows_nothing_says_nothing(made: Collection) -> None:
    hits = made.search(3, 3)
    assert made.distance_meaning is None
    assert hits.same_class is None
    assert next(iter(hits)).same_class is None
    why = r"must be left out for a model that knows nothing of its distances, .*\. Got 0\.9\."
    for name in ("precision", "share"):
        with pytest.raises(InputError, match=f"{name} {why}"):
            made.search(3, **{name: 0.9})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": 0.9, "radius": 3}, "precision must be left out where radius is given"),
        ({"precision": 0.999}, r"at most 0\.993, the most that this model promises \(within 0"),
        ({"precision": 1.1}, r"precision must be a number from 0\.0 to 1\.0\. Got 1\.1"),
        ({"precision": 0}, r"precision must be above 0\. Got 0"),
        ({"share": 0.0}, r"share must be above 0 and below 1\. Got 0\.0"),
    ],
)
def test_wrong_wishes_are_refused(
    knowing: Collection, arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        knowing.search(3, **arguments)  # type: ignore[arg-type]


def test_the_most_that_is_promised_can_be_asked_for(knowing: Collection) -> None:
    assert knowing.search(3, precision=0.993).radius == 0


def test_codes_and_labels_are_those_of_the_items(knowing: Collection) -> None:
    codes, labels = knowing.stored_codes()
    paths = [knowing.item(i).path for i in range(1, 31)]
    assert codes.tolist() == knowing.model.encode(paths).tolist()
    assert labels.tolist() == [Path(path).parent.name for path in paths]
