"""Training deep models from data sets: labels, sizes, budgets."""

import numpy as np
import pytest

from hashlens.data import ArrayImages, Dataset, Splits, synthetic_images
from hashlens.errors import ImageError, InputError
from hashlens.model import Model
from hashlens.training import TrainOptions, train
from hashlens.training.material import natural_preprocessing
from hashlens.watcher import Watcher

SMALL = {"trunk": "resnet-8"}


def test_several_labels_an_image_can_be_learnt():
    data = synthetic_images(120, 3, size=12, seed=0)
    labels = np.eye(3, dtype=bool)[data.labels]
    labels[::5, 0] = True
    several = Dataset("several", data.images, labels, data.classes)
    options = TrainOptions(epochs=2)
    model = train(Splits(several, several), n_bits=8, settings=SMALL, options=options)
    assert model.card["validation"]["accuracy"] >= 0


def test_unlabelled_images_are_refused_by_a_deep_method():
    data = synthetic_images(20, 2, size=8, seed=0)
    bare = Dataset("bare", data.images, None, ())
    with pytest.raises(InputError, match=r"the training data must be labelled with at least 2"):
        train(Splits(bare, bare), settings=SMALL)


def test_time_budget_chooses_epochs_and_is_written_down():
    data = synthetic_images(300, 3, size=8, seed=0)
    options = TrainOptions(time_budget=3.0)
    model = train(Splits(data, data), n_bits=8, settings=SMALL, options=options)
    recipe = model.card["recipe"]
    assert recipe["epochs"] >= 1
    assert recipe["min_steps"] == 0
    assert len(model.card["history"]) == recipe["epochs"]


def test_small_images_keep_their_size_and_others_are_scaled():
    small = ArrayImages(np.zeros((4, 28, 28, 1), np.uint8))
    large = ArrayImages(np.zeros((4, 200, 300, 3), np.uint8))
    assert natural_preprocessing(small, None).shape == (28, 28, 1)
    assert natural_preprocessing(large, None).shape == (64, 64, 3)
    assert natural_preprocessing(large, 96).shape == (96, 96, 3)


@pytest.mark.parametrize("trunk", ["resnet-8", "cifarnet"])
def test_images_on_disk_train_as_images_in_memory_do(monkeypatch, trunk):
    data = synthetic_images(90, 3, size=12, seed=0)
    options = TrainOptions(epochs=2, precision="32-true")
    codes = []
    for limit in (1 << 30, 0):
        monkeypatch.setattr("hashlens.training.images.open_images.__defaults__", (False, limit))
        model = train(Splits(data, data), n_bits=8, settings={"trunk": trunk}, options=options)
        codes.append(model.encode(data))
        assert len(model.training_digests) == 90
    np.testing.assert_array_equal(codes[0], codes[1])


def test_progress_and_bad_files_are_reported(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for label in ("dark", "light"):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(12):
                value = rng.integers(0, 80, (12, 12, 3)) + (150 if label == "light" else 0)
                image = Image.fromarray(value.astype(np.uint8))
                image.save(tmp_path / part / label / f"{i}.png")
    (tmp_path / "train" / "dark" / "broken.png").write_bytes(b"\x89PNG broken")
    heard = []

    class Ear(Watcher):
        def note(self, text):
            heard.append(text)

    options = TrainOptions(epochs=4)
    model = train(tmp_path, n_bits=4, settings=SMALL, options=options, watcher=Ear())
    assert model.classes == ("dark", "light")
    skipped = [text for text in heard if text.startswith("skipped ")]
    assert len(skipped) == 1
    assert "broken.png" in skipped[0]
    with pytest.raises(ImageError, match=r"broken\.png"):
        train(tmp_path, n_bits=4, settings=SMALL, options=TrainOptions(epochs=1, strict=True))


class Stopping(Watcher):
    """Interrupts the training after its second step."""

    def advance(self, done, total, note=""):
        super().advance(done, total, note)
        if note and done == 2:
            raise KeyboardInterrupt


def test_a_resumed_training_keeps_the_precision_that_was_measured(tmp_path, monkeypatch):
    import hashlens.deep.loop as loop
    import hashlens.training.deep as deep

    data = synthetic_images(60, 2, size=8, seed=0)
    options = TrainOptions(epochs=2, out=tmp_path / "m")
    monkeypatch.setattr(loop, "WATCH_SECONDS", 0.0)
    monkeypatch.setattr(deep, "resolve_precision", lambda *_: "32-true")
    made = loop.Run.__init__

    def often(self, *args, **more):
        made(self, *args, **more)
        self.checkpoint_seconds = 0.0

    monkeypatch.setattr(loop.Run, "__init__", often)
    arguments = {"n_bits": 8, "settings": SMALL, "options": options}
    with pytest.raises(KeyboardInterrupt):
        train(Splits(data, data), **arguments, watcher=Stopping())
    monkeypatch.setattr(deep, "resolve_precision", lambda *_: "bf16-mixed")
    assert train(Splits(data, data), **arguments).card["precision"] == "32-true"


def test_flip_average_gives_an_image_and_its_mirror_image_one_embedding(tmp_path):
    data = synthetic_images(90, 3, size=12, seed=0)
    options = TrainOptions(epochs=2, precision="32-true", flip_average=True, out=tmp_path / "model")
    train(Splits(data, data), n_bits=8, settings=SMALL, options=options)
    model = Model.load(tmp_path / "model")
    images = data.images.pixels
    one, other = (model.embed_pixels(pixels) for pixels in (images, images[:, :, ::-1].copy()))
    np.testing.assert_allclose(one.features, other.features, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(one.codes, other.codes)
    model.encoder.flip_average = False
    plain = model.embed_pixels(images)
    mirrored = model.embed_pixels(images[:, :, ::-1].copy())
    mean = (plain.features + mirrored.features) / 2
    np.testing.assert_allclose(one.features, mean, rtol=1e-4, atol=1e-5)
    assert not np.allclose(plain.features, mirrored.features, rtol=1e-2)


def test_flip_average_is_refused_where_the_training_does_not_mirror():
    data = synthetic_images(30, 3, size=8, seed=0)
    options = TrainOptions(epochs=1, flip=False, flip_average=True)
    with pytest.raises(InputError, match=r"flip_average must be left out where"):
        train(Splits(data, data), n_bits=8, settings=SMALL, options=options)
