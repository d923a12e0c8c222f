import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.data import (
    ArrayImages,
    Dataset,
    Splits,
    join_splits,
    stratified_split,
    synthetic_images,
)
from hashlens.errors import InputError

IMAGES = ArrayImages(np.arange(4 * 12, dtype=np.uint8).reshape(4, 2, 2, 3))


def data(labels=(0, 1, 1, 0), classes=("a", "b")):
    return Dataset("d", IMAGES, None if labels is None else np.array(labels), classes)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 2, 0], ("a", "b")),
        ([0, -1, 1, 0], ("a", "b")),
        ([0, 1, 1], ("a", "b")),
        ([0.0, 1, 1, 0], ("a", "b")),
        ([[1, 0, 1]] * 4, ("a", "b")),
        ([[2, 0]] * 4, ("a", "b")),
        (None, ("a",)),
    ],
)
def test_parts_that_do_not_fit_are_refused(labels, classes):
    with pytest.raises(InputError, match="must be"):
        data(labels, classes)


def test_images_must_be_images():
    with pytest.raises(InputError, match=r"images must be an Images\. Got ndarray"):
        Dataset("d", np.zeros(4), None, ())


def test_subset_and_kinds_of_labels():
    part = data().subset([2, 0])
    assert part.labels.tolist() == [1, 0]
    assert part.images.name(0) == "images[2]"
    assert not part.is_multi_label
    several = data([[1, 0], [1, 1], [0, 0], [0, 1]])
    assert several.is_multi_label
    assert several.labels.dtype == bool
    assert several.subset([1]).labels.tolist() == [[True, True]]
    assert data(None, ()).subset([0]).labels is None
    assert data(None, ()).n_classes == 0


def test_checksum_covers_pixels_labels_and_classes():
    sums = {
        data().checksum,
        data([0, 1, 1, 1]).checksum,
        data(classes=("a", "c")).checksum,
        data(None, ()).checksum,
        data([[1, 0], [0, 1], [0, 1], [1, 0]]).checksum,
        Dataset("d", ArrayImages(IMAGES.pixels + 1), data().labels, ("a", "b")).checksum,
    }
    assert len(sums) == 6
    assert data().checksum == data().checksum
    assert len(data().checksum) == 64


def test_splits_must_agree_and_join():
    with pytest.raises(InputError, match="of the same classes"):
        Splits(data(), data(classes=("a", "c")))
    both = join_splits(Splits(data(), data().subset([1])), "all")
    assert both.labels.tolist() == [0, 1, 1, 0, 1]
    assert both.name == "all"


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(0, 5), max_size=60), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_split_is_a_partition_and_stratified(labels, fraction, seed):
    labels = np.array(labels, np.int64)
    first, second = stratified_split(labels, fraction, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    assert (np.diff(first) > 0).all()
    for value in np.unique(labels):
        n, n_first = (labels == value).sum(), (labels[first] == value).sum()
        assert abs(n_first - fraction * n) <= 1
        if n > 1:
            assert 0 < n_first < n


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(5, 40), st.floats(0.2, 0.8))
def test_large_classes_give_the_exact_total(n_classes, per_class, fraction):
    labels = np.repeat(np.arange(n_classes), per_class)
    first, _ = stratified_split(labels, fraction, 0)
    assert len(first) == round(fraction * len(labels))


def test_split_depends_on_the_seed_alone():
    labels = np.arange(100) % 7
    once, again = stratified_split(labels, 0.3, 5), stratified_split(labels, 0.3, 5)
    np.testing.assert_array_equal(once[0], again[0])
    assert once[0].tolist() != stratified_split(labels, 0.3, 6)[0].tolist()


def test_split_of_several_labels_keeps_rare_ones_in_both_parts():
    rng = np.random.default_rng(0)
    labels = np.zeros((200, 3), bool)
    labels[:, 0] = rng.random(200) < 0.9
    labels[rng.choice(200, 6, replace=False), 2] = True
    first, second = stratified_split(labels, 0.5, 0)
    assert labels[first, 2].sum() == labels[second, 2].sum() == 3


def test_split_without_labels_needs_a_count():
    first, second = stratified_split(None, 0.8, 0, n=10)
    assert (len(first), len(second)) == (8, 2)
    with pytest.raises(InputError, match="n must be an int"):
        stratified_split(None, 0.8, 0)
    with pytest.raises(InputError, match="fraction must be a number"):
        stratified_split(None, 1.5, 0, n=10)


def test_synthetic_images_are_seeded_and_can_be_learnt():
    train, test = synthetic_images(200, 5, seed=1), synthetic_images(100, 5, seed=2)
    assert train.checksum == synthetic_images(200, 5, seed=1).checksum != test.checksum
    assert np.bincount(train.labels).tolist() == [40] * 5
    x, y = (d.images.pixels.reshape(len(d), -1).astype(float) for d in (train, test))
    nearest = ((y[:, None] - x[None]) ** 2).sum(-1).argmin(1)
    assert (train.labels[nearest] == test.labels).mean() > 0.7
