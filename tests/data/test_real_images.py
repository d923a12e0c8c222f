import os
from pathlib import Path

import numpy as np
import pytest

from hashlens.data import Preprocessing, load, load_dataset, load_pixels

pytestmark = pytest.mark.data


@pytest.fixture
def folder():
    stated = os.environ.get("HASHLENS_DATA_DIR")
    if not stated:
        pytest.skip("HASHLENS_DATA_DIR names no folder of benchmark images")
    return Path(stated)


def test_mnist_has_the_published_counts(folder):
    splits = load("mnist", data_dir=folder)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(splits.train.labels).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(splits.test.labels).tolist() == counts
    pixels = splits.train.images.pixels
    assert pixels.shape == (60000, 28, 28, 1)
    assert pixels.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


def test_cifar10_is_balanced_and_decodes(folder):
    splits = load("cifar10", data_dir=folder)
    assert np.bincount(splits.train.labels).tolist() == [5000] * 10
    assert np.bincount(splits.test.labels).tolist() == [1000] * 10
    assert splits.test.classes[0] == "airplane"
    assert splits.test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    loaded = load_pixels(splits.test.images, Preprocessing(32, 32))
    assert loaded.skipped == ()
    channels = loaded.pixels.reshape(-1, 3).mean(0) / 255
    np.testing.assert_allclose(channels, [0.4942, 0.4851, 0.4504], atol=2e-4)


def test_photos_all_decode(folder):
    data = load_dataset(folder / "photos")
    assert len(data) == 630
    assert data.n_classes == 53
    loaded = load_pixels(data.images, Preprocessing(64, 64, resize="crop"))
    assert loaded.skipped == ()
    assert loaded.pixels.std() > 30
    assert load_dataset(folder / "photos" / "clothing").n_classes == 10
