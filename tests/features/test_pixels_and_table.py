"""Pixels, z-scores, the table of features, and what all of them refuse."""

import json

import numpy as np
import pytest

from hashlens.data import Preprocessing
from hashlens.errors import FormatError, InputError, NotFittedError
from hashlens.features import FEATURES, GIST, Pixels, Standardizer, load_features, restore_features
from hashlens.testing import refused


def test_pixels_are_the_image_row_by_row():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    features = Pixels(2, 2)
    vectors = features.transform(pixels)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.arange(24).reshape(2, 12) / 255, rtol=1e-6)


def test_pixels_keep_the_natural_size_that_load_features_is_told():
    features = load_features("pixels", preprocessing=Preprocessing(28, 28, 1))
    assert features.preprocessing == Preprocessing(28, 28, 1)
    assert features.n_features == 784


def test_normalised_vectors_have_length_one_and_black_stays_zero():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    pixels[2] = 0
    lengths = np.linalg.norm(Pixels(8, 8, normalize=True).transform(pixels), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 0, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("features", [Pixels(8, 6, n_channels=1), GIST(36, normalize=True)])
def test_settings_build_the_same_features(features):
    again = restore_features(json.loads(json.dumps(features.settings())))
    shape = (3, *features.preprocessing.shape)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert again.preprocessing == features.preprocessing
    np.testing.assert_array_equal(again.transform(pixels), features.transform(pixels))


@pytest.mark.parametrize("features", [Pixels(), GIST()], ids=lambda features: features.name)
def test_input_is_untouched_and_bad_input_is_refused(features):
    good = np.random.default_rng(0).integers(0, 256, (2, *features.preprocessing.shape), np.uint8)
    good.setflags(write=False)
    assert features.transform(good).shape == (2, features.n_features)
    bad = {
        "floats": good.astype(np.float32),
        "one image": good[0],
        "no image": good[:0],
        "another size": good[:, :-1],
        "another number of channels": np.concatenate([good, good[..., :1]], axis=3),
        "None": None,
    }
    for what, pixels in bad.items():
        with refused(what):
            features.transform(pixels)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Pixels(0),
        lambda: Pixels(8, 999),
        lambda: Pixels(n_channels=2),
        lambda: Pixels(normalize=1),
        lambda: GIST(16),
        lambda: GIST(34),
        lambda: GIST(True),
        lambda: GIST(normalize="yes"),
        lambda: load_features("gits"),
        lambda: load_features("resnet-18"),
        lambda: load_features(3),
        lambda: restore_features({"size": 32}),
        lambda: restore_features({"name": "gist", "size": 32}),
        lambda: restore_features({"name": "gist", "size": 32, "normalize": False, "sise": 1}),
    ],
)
def test_bad_settings_are_refused(make):
    with refused("bad settings"):
        make()


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(InputError, match="Did you mean 'gist'"):
        load_features("gits")
    with pytest.raises(InputError, match="Did you mean 'resnet18'"):
        load_features("resnet_18")


def test_every_row_of_the_table_is_a_class():
    for entry in FEATURES.values():
        module, _, attribute = entry.partition(":")
        assert module.startswith("hashlens.features.")
        assert attribute.isidentifier()
    assert load_features("gist", normalize=True).settings()["normalize"] is True


def test_z_scores_have_mean_zero_and_deviation_one_on_the_training_set():
    vectors = np.random.default_rng(0).normal(5, [1, 10, 0.1], (500, 3)).astype(np.float32)
    scores = Standardizer().fit(vectors).transform(vectors)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scores.std(axis=0), 1, rtol=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_column_is_only_shifted(constant):
    vectors = np.full((50, 2), constant, np.float32)
    vectors[:, 1] = np.arange(50)
    scores = Standardizer().fit(vectors).transform(vectors + np.float32([1, 0]))
    np.testing.assert_allclose(scores[:, 0], 1, atol=0.1)


def test_z_scores_restore_and_refuse():
    fitted = Standardizer().fit([[1.0, 2.0], [3.0, 6.0]])
    again = Standardizer().restore(fitted.learnt())
    np.testing.assert_array_equal(again.transform([[5.0, 5.0]]), fitted.transform([[5.0, 5.0]]))
    with refused("unfitted", NotFittedError):
        Standardizer().transform([[1.0]])
    with refused("another width"):
        fitted.transform([[1.0]])
    for broken in (
        {},
        {"mean_": np.zeros(2)},
        {"mean_": np.zeros(2), "scale_": np.ones(3)},
        {"mean_": np.zeros(2), "scale_": np.zeros(2)},
        {"mean_": np.zeros(2), "scale_": np.array([1, np.nan])},
        {"mean_": np.zeros(2), "scale_": np.ones(2), "var_": np.ones(2)},
    ):
        with refused(f"restore of {broken}", FormatError):
            Standardizer().restore(broken)
