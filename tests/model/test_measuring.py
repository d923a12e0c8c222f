"""What every training measures on the labelled images that it keeps out."""

import json

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.data import Dataset, Splits, synthetic_images
from hashlens.evaluation import meaning_in
from hashlens.model import Model
from hashlens.model_store import read_card
from hashlens.training import TrainOptions, train
from hashlens.training.measuring import MAX_VALIDATION, keep_out, measure

PIXELS = TrainOptions(features="pixels", validation=0.2)


@pytest.fixture(scope="module")
def data():
    return synthetic_images(160, 4, size=8, seed=0)


@pytest.fixture
def fitted_on(monkeypatch):
    """Numbers of vectors, and of labels, that hashers were fitted on."""
    seen = []
    import hashlens.training.hasher as module

    fit = module.fit_encoder

    def listening(features, vectors, hasher, labels=None, progress=None):
        seen.append((len(vectors), None if labels is None else len(labels)))
        return fit(features, vectors, hasher, labels, progress)

    monkeypatch.setattr(module, "fit_encoder", listening)
    return seen


def test_a_hasher_is_measured_on_images_it_was_not_fitted_on(data, fitted_on):
    model = train(Splits(data, data), method="itq", n_bits=16, options=PIXELS)
    assert fitted_on == [(128, 128)]
    assert model.card["validation"]["n_images"] == 32
    assert len(model.training_digests) == 160
    kept_out = keep_out(data.labels, 0.2, 0)[0]
    codes, labels = model.encode(data)[kept_out], data.labels[kept_out]
    meaning = model.distance_meaning
    pairs = hamming(codes, codes, 16)[~np.eye(32, dtype=bool)]
    same = (labels[:, None] == labels)[~np.eye(32, dtype=bool)]
    assert meaning.pairs.tolist() == np.bincount(pairs, minlength=17).tolist()
    assert meaning.same.tolist() == np.bincount(pairs[same], minlength=17).tolist()


@pytest.mark.parametrize(("method", "settings"), [("pcah", None), ("ritq", {"trunk": "resnet-8"})])
def test_each_length_has_its_own_counts(data, method, settings, tmp_path):
    options = TrainOptions(features="pixels", epochs=1, validation=0.2, out=tmp_path / "m")
    lengths = (8, 16) if method == "pcah" else 8
    train(Splits(data, data), method=method, n_bits=lengths, settings=settings, options=options)
    model = Model.load(tmp_path / "m")
    n_bits = [model.n_bits, *model.lengths[:-1]]
    for n in n_bits:
        assert model.shortened(n).distance_meaning.n_bits == n
        assert model.shortened(n).distance_meaning.n_queries == 32
    text = json.dumps(read_card(tmp_path / "m")["card"]["distances"])
    assert len(text) < 300 * len(n_bits)


def test_without_labels_there_is_nothing_to_measure(data, fitted_on):
    bare = Dataset("bare", data.images, None, ())
    model = train(Splits(bare, bare), method="itq", n_bits=16, options=PIXELS)
    assert fitted_on == [(160, None)]
    assert model.distance_meaning is None
    assert "validation" not in model.card


def test_a_model_from_before_knows_nothing_of_its_distances(data, tmp_path):
    model = train(Splits(data, data), method="lsh", n_bits=16, options=PIXELS)
    del model.card["distances"]
    model.save(tmp_path / "old")
    assert Model.load(tmp_path / "old").distance_meaning is None


def test_at_most_two_thousand_are_kept_out_and_two_are_left_to_train_on():
    labels = np.arange(100_000) % 10
    kept_out, training = keep_out(labels, 0.04, 0)
    assert len(kept_out) == MAX_VALIDATION
    assert len(training) == 98_000
    assert not np.isin(kept_out, training).any()
    assert np.bincount(labels[kept_out]).tolist() == [200] * 10
    kept_out, training = keep_out(np.array([3, 3]), 0.04, 0)
    assert (len(kept_out), training.tolist()) == (0, [0, 1])


def test_fewer_than_two_images_say_nothing():
    assert measure(np.ones((1, 4)), np.array([0]), (4,)) == ({}, {})


def test_images_with_several_labels_count_by_a_shared_one():
    labels = np.array([[1, 0], [1, 1], [0, 1]], bool)
    found = measure(np.array([[1.0, 1], [1, 1], [1, -1]]), labels, (1, 2))
    assert meaning_in({"distances": found.distances}, 2).same.tolist() == [2, 2, 0]
    assert meaning_in({"distances": found.distances}, 1).pairs.tolist() == [6, 0]
