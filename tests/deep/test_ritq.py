"""RITQ against its paper: Table I's size, and the hash layer against PCA + ITQ in slow loops."""

import numpy as np
import pytest
import torch

from hashlens.deep.base import Given, make_targets
from hashlens.deep.ritq import RITQ
from hashlens.errors import InputError


def table_one_parameters(n_classes):
    """Count by hand: 3x3 filters, two numbers a normalised channel, two linear layers."""
    count = 3 * 16 * 9 + 2 * 16
    width = 16
    for n_out in (16, 32, 64):
        for _ in range(5):
            count += 9 * width * n_out + 9 * n_out * n_out + 2 * 2 * n_out
            width = n_out
    return count + 64 * 256 + 256 + 256 * n_classes + n_classes


def test_network_is_table_one_exactly():
    network = RITQ(n_bits=48).network(n_classes=10, n_channels=3)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert trained == table_one_parameters(10) == 482_714
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 1 + 3 * 5 * 2
    assert [m.stride[0] for m in convolutions].count(2) == 2
    assert {m.kernel_size for m in convolutions} == {(3, 3)}


def test_down_sampling_halves_twice():
    trunk = RITQ().network(10, 3).trunk
    assert trunk.layers(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)


def test_hash_layer_is_pca_then_the_rotation_of_least_loss():
    rng = np.random.default_rng(0)
    features = np.maximum(rng.normal(size=(200, 8)) @ rng.normal(size=(8, 12)), 0)
    method = RITQ(n_bits=4, trunk="resnet-8", n_features=12)
    network = method.network(3, 1)
    loss = method.finish(network, features.astype(np.float32), Given(np.empty(0), 0, (4,)))[
        "quantisation_loss"
    ]
    centred = features - features.mean(0)
    with torch.inference_mode():
        projected = network.hash_layer(torch.from_numpy(features.astype(np.float32))).numpy()
    # W R has orthonormal columns within the span of the four leading directions.
    weights = network.hash_layer.weight.detach().numpy().T.astype(np.float64)
    leading = np.linalg.svd(centred, full_matrices=False)[2][:4].T
    np.testing.assert_allclose(weights.T @ weights, np.eye(4), atol=1e-4)
    np.testing.assert_allclose(leading @ (leading.T @ weights), weights, atol=1e-4)
    np.testing.assert_allclose(centred @ weights, projected, atol=1e-3)
    signs = np.where(projected >= 0, 1.0, -1.0)
    np.testing.assert_allclose(((signs - projected) ** 2).sum(), loss, rtol=1e-3)
    # No small turn of the rotation lowers the loss with these codes: it is the Procrustes optimum.
    for _ in range(20):
        skew = rng.normal(size=(4, 4)) * 0.02
        turn = np.linalg.qr(np.eye(4) + skew - skew.T)[0]
        turn *= np.sign(np.diag(turn))
        assert ((signs - projected @ turn) ** 2).sum() >= loss * (1 - 1e-4)


def test_loss_is_cross_entropy_in_slow_loops():
    method = RITQ(n_bits=4, trunk="resnet-8")
    network = method.network(3, 1)
    outputs = network(torch.randn(5, 1, 8, 8))
    labels = torch.tensor([0, 2, 1, 1, 0])
    expected = 0.0
    for row, label in zip(outputs.logits.detach().numpy(), labels, strict=True):
        shares = np.exp(row) / np.exp(row).sum()
        wanted = np.full(3, 0.1 / 3)
        wanted[label] += 0.9
        expected -= (wanted * np.log(shares)).sum() / 5
    loss = method.loss(outputs, make_targets(labels, 3, 0.1), 0.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_more_bits_than_features_are_refused():
    with pytest.raises(InputError, match=r"n_bits must be at most n_features = 256. Got 300"):
        RITQ(n_bits=300).network(10, 3)
