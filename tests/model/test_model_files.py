"""Models: round trip through files, and every kind of damage."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import hashlens
from hashlens.data import Splits, as_images, synthetic_images
from hashlens.errors import FormatError, ImageError, InputError
from hashlens.model import Model
from hashlens.model_store import _signed, check_free
from hashlens.training import TrainOptions, train


@pytest.fixture(scope="module")
def data():
    return synthetic_images(160, 4, size=12, seed=0)


@pytest.fixture(scope="module")
def deep(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "deep"
    options = TrainOptions(epochs=3, out=out)
    train(Splits(data, data), n_bits=12, settings={"trunk": "resnet-8"}, options=options)
    return out


@pytest.fixture(scope="module")
def shallow(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "shallow"
    options = TrainOptions(features="gist", out=out)
    train(Splits(data, data), method="itq", n_bits=20, options=options)
    return out


@pytest.mark.parametrize("kind", ["deep", "shallow"])
def test_saved_and_loaded_models_give_the_same_codes(kind, request, data, tmp_path):
    folder = request.getfixturevalue(kind)
    model = Model.load(folder)
    codes = model.encode(data)
    assert codes.shape == (160, (model.n_bits + 7) // 8)
    assert codes.dtype == np.uint8
    model.save(tmp_path / "again")
    again = Model.load(tmp_path / "again")
    np.testing.assert_array_equal(again.encode(data), codes)
    assert again.card == model.card
    assert len(again.training_digests) == len(data)


def test_settings_that_were_not_named_are_saved_too(shallow):
    settings = Model.load(shallow).settings
    assert settings["n_iterations"] == 20
    assert settings["momentum"] == 1.0


def test_a_model_saved_before_momentum_is_loaded(data, tmp_path):
    wanted = {"n_iterations": 50, "momentum": 0.0}
    options = TrainOptions(features="gist")
    model = train(Splits(data, data), method="itq", n_bits=20, settings=wanted, options=options)
    folder = model.save(tmp_path / "former")
    card = json.loads((folder / "model.json").read_text())["model"]
    card["settings"] = {"n_bits": 20, "seed": 0}
    (folder / "model.json").write_text(_signed(card))
    again = Model.load(folder)
    np.testing.assert_array_equal(again.encode(data), model.encode(data))
    assert again.encoder.hasher.get_params()["n_iterations"] == 50
    saved = again.save(tmp_path / "again")
    assert (saved / "model.json").read_bytes() == (folder / "model.json").read_bytes()


@pytest.mark.parametrize("kind", ["deep", "shallow"])
def test_codes_do_not_depend_on_the_batch(kind, request, data):
    model = Model.load(request.getfixturevalue(kind))
    one = model.embed(data, batch_size=160)
    several = model.embed(data, batch_size=7)
    np.testing.assert_allclose(several.features, one.features, rtol=1e-3, atol=1e-4)
    assert (several.codes != one.codes).mean() < 0.01


def test_bfloat16_changes_few_bits_and_leaves_the_model_as_it_is(deep, data):
    model = Model.load(deep)
    exact, other = model.embed(data), model.at_precision("bfloat16").embed(data)
    assert not np.array_equal(exact.features, other.features)
    np.testing.assert_allclose(exact.features, other.features, rtol=0.1, atol=0.1)
    assert other.features.dtype == np.float32
    again = model.at_precision("bfloat16").at_precision("float32").embed(data)
    np.testing.assert_array_equal(again.features, exact.features)


def test_precision_is_for_networks(shallow, deep):
    model = Model.load(shallow)
    assert model.at_precision("float32") is model
    with pytest.raises(InputError, match="precision must be float32"):
        model.at_precision("bfloat16")
    with pytest.raises(InputError, match="precision must be one of float32, bfloat16"):
        Model.load(deep).at_precision("float16")


def test_read_only_pixels_are_taken(deep, data):
    pixels = np.stack([data.images.read(i) for i in range(3)])
    pixels.flags.writeable = False
    assert Model.load(deep).encode(pixels).shape == (3, 2)


def test_paths_bytes_and_arrays_give_the_same_codes(deep, data, tmp_path):
    model = Model.load(deep)
    pixels = np.stack([data.images.read(i) for i in range(3)])
    paths = []
    for i, image in enumerate(pixels):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(image).save(paths[-1])
    expected = model.encode(pixels)
    np.testing.assert_array_equal(model.encode(paths), expected)
    np.testing.assert_array_equal(model.encode([str(p) for p in paths]), expected)
    np.testing.assert_array_equal(model.encode([p.read_bytes() for p in paths]), expected)
    np.testing.assert_array_equal(model.encode(pixels[0]), expected[:1])
    np.testing.assert_array_equal(model.encode(paths[0]), expected[:1])
    assert model.encode([]).shape == (0, 2)


def test_bad_images_are_skipped_by_embed_and_refused_by_encode(deep):
    model = Model.load(deep)
    sources = [b"not an image", b""]
    embedding = model.embed(sources)
    assert [name for name, _ in embedding.skipped] == ["image 0", "image 1"]
    assert len(embedding.codes) == 0
    with pytest.raises(ImageError, match="image 0"):
        model.encode(sources)


def test_what_is_not_an_image_is_refused():
    with pytest.raises(InputError, match=r"images must be paths, bytes, a uint8 array"):
        as_images(3)
    with pytest.raises(InputError, match=r"pixels must be uint8"):
        as_images(np.zeros((2, 4, 4, 3)))


def copy_of(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_every_flipped_byte_is_found(deep, tmp_path, name):
    folder = copy_of(deep, tmp_path)
    content = bytearray((folder / name).read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.choice(len(content), 60, replace=False):
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(changed)
        with pytest.raises(FormatError, match=r"(model\.json|weights\.safetensors)"):
            Model.load(folder)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_or_cut_file_is_named(deep, tmp_path, name):
    folder = copy_of(deep, tmp_path)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-20])
    with pytest.raises(FormatError, match=name):
        Model.load(folder)
    (folder / name).unlink()
    with pytest.raises(FormatError, match=rf"{name} must be a readable file"):
        Model.load(folder)


def test_a_newer_version_is_told_apart_from_damage(deep, tmp_path):
    folder = copy_of(deep, tmp_path)
    card = json.loads((folder / "model.json").read_text())
    card["model"]["version"] = 99
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(FormatError, match=r"format version 1 or older. Got 99. A newer hashlens"):
        Model.load(folder)


def test_nothing_foreign_is_overwritten(deep, data, tmp_path):
    model = Model.load(deep)
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    with pytest.raises(InputError, match=r"out must be a new folder, or one that holds a model"):
        model.save(tmp_path)
    with pytest.raises(InputError, match=r"out must be a folder without a finished model"):
        train(Splits(data, data), options=TrainOptions(out=deep))
    assert (tmp_path / "photo.jpg").read_bytes() == b"precious"


def test_a_checkpoint_that_a_kill_cut_short_does_not_block_its_folder(deep, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"whole")
    (tmp_path / "checkpoint.safetensors.4711.partial").write_bytes(b"ha")
    check_free(tmp_path, overwrite=False)
    Model.load(deep).save(tmp_path)
    assert {item.name for item in tmp_path.iterdir()} == {"model.json", "weights.safetensors"}


def test_public_train_on_digits_beats_chance():
    options = TrainOptions(features="pixels")
    model = hashlens.train("digits", method="itq", n_bits=32, options=options)
    assert model.card["data"]["name"].startswith("digits")


def test_unknown_settings_and_methods_are_refused(data):
    with pytest.raises(InputError, match=r"method must be one of .* Did you mean 'ritq'"):
        train(Splits(data, data), method="ritqq")
    with pytest.raises(InputError, match=r"setting must be one of .* Did you mean 'trunk'"):
        train(Splits(data, data), settings={"trunkk": "resnet-8"})
    with pytest.raises(InputError, match=r"n_bits must be an int from 1 to 4096. Got 0"):
        train(Splits(data, data), n_bits=0)
    with pytest.raises(InputError, match=r"time_budget must be left out where epochs is given"):
        TrainOptions(epochs=1, time_budget=60.0)
