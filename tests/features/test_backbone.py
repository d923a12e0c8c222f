"""Backbones: the installed weights, timm's own configuration, and weights that are not there."""

import os
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from hashlens.data import load_dataset, load_pixels
from hashlens.errors import InputError
from hashlens.features import Backbone, load_features, restore_features
from hashlens.features import pretrained as module
from hashlens.testing import refused


@pytest.fixture(scope="module")
def lite0():
    return load_features("backbone")


def noise(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 224, 224, 3), np.uint8)


def test_the_installed_backbone_needs_no_network(lite0):
    assert (lite0.name, lite0.n_features) == ("tf_efficientnet_lite0", 1280)
    assert lite0.preprocessing.shape == (224, 224, 3)
    vectors = lite0.transform(noise(2))
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_pixels_reach_the_network_with_mean_and_deviation_one_half(lite0):
    pixels = noise(1)
    network = module.pretrained_network("tf_efficientnet_lite0").eval()
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        expected = network(scaled).numpy()
    plain = Backbone(normalize=False)
    np.testing.assert_allclose(plain.transform(pixels), expected, rtol=1e-3, atol=1e-4)
    unit = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(lite0.transform(pixels), unit, rtol=1e-3, atol=1e-5)


def test_rows_do_not_depend_on_their_batch(lite0):
    pixels = noise(3)
    together = lite0.transform(pixels)
    np.testing.assert_allclose(lite0.transform(pixels[1:2])[0], together[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_batches_side_by_side_give_the_same(lite0, n_threads):
    pixels, before = noise(9), torch.get_num_threads()
    one_by_one = np.concatenate([lite0.transform(pixels[i : i + 1]) for i in range(9)])
    torch.set_num_threads(n_threads)
    try:
        together = lite0.transform(pixels)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(together, one_by_one, rtol=0, atol=1e-5)


def test_settings_build_the_same_backbone(lite0):
    again = restore_features(lite0.settings())
    np.testing.assert_array_equal(again.transform(noise(1)), lite0.transform(noise(1)))


def test_weights_that_are_not_here_are_asked_for_by_name(monkeypatch):
    monkeypatch.setattr(module, "try_to_load_from_cache", lambda *_: None)
    with refused("no weights"):
        Backbone("resnet18")
    with pytest.raises(InputError, match="download=True"):
        Backbone("resnet18")


def test_weights_fetched_once_are_found_without_the_network(monkeypatch, tmp_path):
    torch.manual_seed(0)
    full = timm.create_model("resnet10t", pretrained=False)
    save_file(full.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(
        module, "try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors")
    )
    backbone = Backbone("resnet10t.c3_in1k", normalize=False)
    height, width, _ = backbone.preprocessing.shape
    pixels = noise(1)[:, :height, :width]
    config = timm.get_pretrained_cfg("resnet10t.c3_in1k")
    scaled = (torch.from_numpy(pixels) / 255 - torch.tensor(config.mean)) / torch.tensor(config.std)
    with torch.inference_mode():
        full = full.eval()
        expected = full.forward_head(
            full.forward_features(scaled.permute(0, 3, 1, 2)), pre_logits=True
        )
    np.testing.assert_allclose(backbone.transform(pixels), expected.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif("HASHLENS_DATA_DIR" not in os.environ, reason="HASHLENS_DATA_DIR is not set")
@pytest.mark.parametrize(("folder", "chance"), [("clothing", 0.1), ("grocery", 1 / 43)])
def test_nearest_photos_share_their_class(lite0, folder, chance):
    data = load_dataset(Path(os.environ["HASHLENS_DATA_DIR"]) / "photos" / folder)
    loaded = load_pixels(data.images, lite0.preprocessing)
    labels, vectors = data.labels[loaded.kept], lite0.transform(loaded.pixels)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    nearest = labels[(-similar).argsort(axis=1)[:, :10]]
    precision = (nearest == labels[:, None]).mean()
    assert precision > max(4 * chance, 0.3), f"precision@10 is {precision:.3f}"
