"""DNNH-2net: queries from one trunk, what is compared with them from the other."""

import numpy as np
import pytest
import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.dnnh_2net import DNNH2NET

LABELS = torch.tensor([0, 1, 0, 1, 2])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DNNH2NET(6, "resnet-8").network(3, 1)


def test_the_partner_is_the_other_trunk_with_the_same_hash_layer(network):
    images = torch.randn(4, 1, 12, 12)
    outputs = network.train()(images)
    encode, _ = network.hash_layer
    encoded = encode(network.partner_trunk(images))
    expected = (encoded - encoded.mean(0)) / (encoded.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(outputs.partner, expected)
    assert not torch.allclose(outputs.partner, outputs.projection)


def test_one_trunk_encodes_what_is_compared(network):
    assert network.eval()(torch.zeros(1, 1, 12, 12)).partner is None
    assert network.train()(torch.zeros(2, 1, 12, 12)).partner is not None


def test_each_trunk_s_bits_have_statistics_of_their_own(network):
    images = torch.randn(8, 1, 12, 12)
    encode, norm = network.hash_layer
    norm.momentum = network.partner_norm.momentum = 1.0  # keep the statistics of one batch
    network.train()(images)
    for trunk, own in ((network.trunk, norm), (network.partner_trunk, network.partner_norm)):
        torch.testing.assert_close(own.running_mean, encode(trunk(images)).mean(0))
    assert not torch.allclose(norm.running_mean, network.partner_norm.running_mean)


def test_without_normalisation_the_partner_goes_through_the_same_layer():
    torch.manual_seed(0)
    network = DNNH2NET(6, "resnet-8", normalize=False).network(3, 1).train()
    images = torch.randn(4, 1, 12, 12)
    expected = network.hash_layer(network.partner_trunk(images))
    torch.testing.assert_close(network(images).partner, expected)


@pytest.mark.parametrize("triplets", ["all", "random", "hard"])
def test_loss_compares_queries_of_one_with_images_of_the_other(triplets):
    torch.manual_seed(0)
    method = DNNH2NET(6, "resnet-8", triplets=triplets, margin=6.0)  # so large that all cost
    projection, partner = torch.randn(3, 6), torch.randn(3, 6)
    p, q = (method.relax(values, 0.0).numpy() for values in (projection, partner))
    losses = [
        max(0, ((p[i] - q[near]) ** 2).sum() - ((p[i] - q[far]) ** 2).sum() + 6)
        for i, near, far in ((0, 1, 2), (1, 0, 2))
    ]
    outputs = Outputs(projection, projection, None, partner)
    loss = method.loss(outputs, make_targets(torch.tensor([0, 0, 1]), 2, 0.0), 0.0)
    assert loss.item() == pytest.approx(np.mean(losses) / 6, rel=1e-5)


def test_both_trunks_learn(network):
    torch.manual_seed(0)
    outputs = network.train()(torch.randn(5, 1, 12, 12))
    method = DNNH2NET(6, "resnet-8")
    method.loss(outputs, make_targets(LABELS, 3, 0.0), 0.0).backward()
    for trunk in (network.trunk, network.partner_trunk):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trunk.parameters())
