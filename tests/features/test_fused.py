"""The offline backbone in fused calls says what the network layer by layer says."""

import numpy as np
import pytest
import torch

from hashlens.features import fused as module
from hashlens.features.backbone import Backbone
from hashlens.features.side_by_side import side_by_side, spans


@pytest.fixture(scope="module")
def backbone():
    return Backbone()


def noise(n):
    return np.random.default_rng(0).integers(0, 256, (n, 224, 224, 3), np.uint8)


def test_fused_layers_give_the_networks_features(backbone):
    pixels = noise(2)
    network, mean, std = backbone.parts()
    images = ((torch.from_numpy(pixels).float() - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        wanted = network(images).numpy()
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(backbone.transform(pixels), wanted, atol=2e-6)


def test_the_network_serves_where_there_is_no_fused_call(backbone, monkeypatch):
    monkeypatch.setattr(module.torch.backends.mkldnn, "is_available", lambda: False)
    assert module.fused(backbone.parts()[0]) is None


def test_a_call_that_torch_no_longer_has_is_not_missed(backbone, monkeypatch):
    def gone(*_):
        raise AttributeError("_reorder_convolution_weight")

    monkeypatch.setattr(module, "_Layer", gone)
    assert module.fused(backbone.parts()[0]) is None


def test_calls_that_say_something_else_are_not_used(backbone, monkeypatch):
    monkeypatch.setattr(module, "_RELU6", ("hardtanh", [0.0, 5.0]))
    assert module.fused(backbone.parts()[0]) is None


def test_what_a_thread_raises_is_raised_and_the_number_of_threads_stays():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            side_by_side(lambda part: 1 // part, [1, 0, 2])
        assert torch.get_num_threads() == 2
        assert spans(4, 16) == [slice(0, 2), slice(2, 4)]
    finally:
        torch.set_num_threads(before)
