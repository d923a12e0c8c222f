"""DRHN against its paper: size, the order of the layers, the threshold, the loss."""

import math

import pytest
import torch
from torch import nn

from hashlens.deep.base import make_targets
from hashlens.deep.drhn import DRHN
from hashlens.deep.drhn_trunk import DRHNBlock
from hashlens.errors import InputError


def parameters_by_hand(n_blocks, n_bits, n_classes, n_channels=3):
    """3x3 filters with an offset, two numbers a normalised channel, hash layer, classifier."""
    count = (9 * n_channels + 1 + 2) * 16
    width = 16
    for n_out in (16, 32, 64):
        for _ in range(n_blocks):
            count += (9 * width + 1 + 2) * n_out
            width = n_out
    return count + (64 + 1) * n_bits + (n_bits + 1) * n_classes


def test_the_network_has_the_papers_size():
    network = DRHN(n_bits=48).network(n_classes=10, n_channels=3)
    assert sum(p.numel() for p in network.parameters()) == parameters_by_hand(15, 48, 10) == 711_850
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 1 + 3 * 15
    assert [m.stride[0] for m in convolutions].count(2) == 2


def test_layers_come_in_the_papers_order():
    trunk = DRHN(n_blocks=2).network(10, 3).trunk
    stem, *blocks = trunk.layers
    assert [type(m) for m in stem] == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
    assert [type(block) for block in blocks] == [DRHNBlock] * 6
    assert trunk.layers(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)


def test_a_block_adds_its_input_last():
    torch.manual_seed(0)
    block = DRHNBlock(4, 6, 2)
    x = torch.randn(5, 4, 8, 8)
    convolution, _, norm = block.branch
    rectified = nn.functional.conv2d(x, convolution.weight, convolution.bias, 2, 1).clamp(min=0)
    mean, var = rectified.mean((0, 2, 3)), rectified.var((0, 2, 3), correction=0)
    expected = (rectified - mean[:, None, None]) / (var + norm.eps)[:, None, None].sqrt()
    expected[:, :4] += x[:, :, ::2, ::2]
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_a_bit_is_an_activation_of_at_least_the_threshold(threshold):
    torch.manual_seed(0)
    network = DRHN(n_bits=16, n_blocks=1, threshold=threshold).network(10, 1).eval()
    with torch.no_grad():
        network.hash_layer.weight.mul_(20)
        outputs = network(torch.randn(50, 1, 8, 8))
        activation = network.hash_layer(outputs.features).sigmoid()
    bits = outputs.projection >= 0
    assert torch.equal(bits, activation >= threshold)
    assert 0 < bits.float().mean() < 1
    logits = network.classifier(activation)
    torch.testing.assert_close(outputs.logits, logits, rtol=1e-5, atol=1e-5)
    shorter = network.prefix(outputs, 5).logits
    cut = activation[:, :5] @ network.classifier.weight[:, :5].T + network.classifier.bias
    torch.testing.assert_close(shorter, cut, rtol=1e-5, atol=1e-5)


def test_loss_is_cross_entropy_in_slow_loops():
    method = DRHN(n_bits=4, n_blocks=1)
    outputs = method.network(3, 1)(torch.randn(5, 1, 8, 8))
    labels = [0, 2, 1, 1, 0]
    expected = 0.0
    for row, label in zip(outputs.logits.tolist(), labels, strict=True):
        expected -= math.log(math.exp(row[label]) / sum(math.exp(score) for score in row)) / 5
    loss = method.loss(outputs, make_targets(torch.tensor(labels), 3, 0.0), 0.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_another_trunk_takes_the_place_of_the_papers():
    assert DRHN(trunk="cifarnet").network(10, 3).trunk.n_features == 256
    with pytest.raises(InputError, match=r"n_blocks must be left out where the trunk is cifarnet"):
        DRHN(trunk="cifarnet", n_blocks=3).check()


@pytest.mark.parametrize("threshold", [0, 1.0, 1.5, True, "0.5"])
def test_a_threshold_that_no_activation_crosses_is_refused(threshold):
    with pytest.raises(InputError, match="threshold must be"):
        DRHN(threshold=threshold).check()
