"""Who trains, who asks, who is searched: each protocol's parts, and what it cannot split."""

import numpy as np
import pytest

from hashlens.data import ArrayImages, Dataset, Splits, synthetic_images
from hashlens.errors import InputError
from hashlens.evaluation.protocols import PROTOCOLS, protocol_named
from hashlens.reproduce.arrangement import arrange

N_CLASSES = 8


def labelled(n, seed, n_classes=N_CLASSES):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 4, 4, 1), np.uint8)
    labels = np.arange(n) % n_classes
    return Dataset(f"toy/{seed}", ArrayImages(pixels), labels, tuple("abcdefgh"[:n_classes]))


@pytest.fixture(scope="module")
def splits():
    return Splits(labelled(6000, 0), labelled(1000, 1))


def test_five_thousand_are_drawn_as_the_paper_says(splits):
    drawn = arrange(splits, protocol_named("dnnh-5k"))
    rows = drawn.rows
    assert {name: len(ids) for name, ids in rows.items()} == {
        "training": 500 * N_CLASSES,
        "unlabelled": 7000 - 100 * N_CLASSES,
        "query": 100 * N_CLASSES,
        "database": 7000 - 100 * N_CLASSES,
    }
    assert not np.isin(rows["query"], rows["database"]).any()
    assert np.isin(rows["training"], rows["database"]).all()
    for part, each in (("query", 100), ("training", 500)):
        assert np.bincount(drawn.part(part).labels).tolist() == [each] * N_CLASSES
    image = drawn.part("query").images.read(0)
    source = int(rows["query"][0])
    whole = splits.train if source < 6000 else splits.test
    assert np.array_equal(image, whole.images.read(source % 6000))


def test_unseen_classes_take_no_part_in_the_training(splits):
    parts = arrange(splits, protocol_named("unseen-classes"))
    unseen = set(parts.part("query").labels.tolist())
    assert len(unseen) == 2
    assert set(parts.part("database").labels.tolist()) == unseen
    training = parts.part("training")
    names = {training.classes[c] for c in training.labels}
    assert names == set("abcdefgh") - {"abcdefgh"[c] for c in unseen}
    assert training.n_classes == 6


def test_of_several_labels_only_the_frequent_ones_take_part():
    rng = np.random.default_rng(0)
    labels = rng.random((30_000, 25)) < np.linspace(0.2, 0.05, 25)
    images = ArrayImages(np.zeros((30_000, 2, 2, 1), np.uint8))
    whole = Dataset("tags/all", images, labels, tuple(f"t{i}" for i in range(25)))
    splits = Splits(whole.subset(np.arange(20_000)), whole.subset(np.arange(20_000, 30_000)))
    rows = arrange(splits, protocol_named("dnnh-nuswide")).rows
    assert (len(rows["query"]), len(rows["training"])) == (2100, 10_500)
    frequent = labels[:, np.argsort(-labels.sum(0), kind="stable")[:21]]
    assert frequent[np.concatenate([rows["query"], rows["database"]])].any(1).all()
    assert len(rows["query"]) + len(rows["database"]) == frequent.any(1).sum()


@pytest.mark.parametrize("name", ["ritq-loo", "dlbh-full", "dnnh-5k", "unseen-classes"])
def test_the_digest_tells_images_parts_and_rules(splits, name):
    first = arrange(splits, protocol_named(name))
    assert first.digest == arrange(splits, protocol_named(name)).digest
    moved = Splits(splits.train.subset(np.arange(6000)[::-1]), splits.test)
    assert arrange(moved, protocol_named(name)).digest != first.digest
    others = [arrange(splits, PROTOCOLS[n]).digest for n in ("ritq-loo", "dlbh-full") if n != name]
    assert first.digest not in others


def test_too_little_is_refused_with_what_was_wanted():
    small = Splits(synthetic_images(60, 3, 8, seed=0), synthetic_images(30, 3, 8, seed=1))
    with pytest.raises(InputError, match=r"100 images of each class .*dnnh-5k.* Got 30 of class"):
        arrange(small, protocol_named("dnnh-5k"))
    two = Splits(labelled(20, 0, 2), labelled(10, 1, 2))
    with pytest.raises(InputError, match=r"enough classes .* Got 2 classes"):
        arrange(two, protocol_named("unseen-classes"))
