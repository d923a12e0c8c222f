"""GreedyHash: the sign forward, the identity backward, the cubic penalty in slow loops."""

import math

import pytest
import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.greedyhash import GreedyHash
from hashlens.errors import InputError


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_the_classifier_sees_signs_and_the_gradient_passes_unchanged():
    network = GreedyHash(n_bits=4, trunk="resnet-8").network(3, 1)
    h = torch.tensor([[0.3, -2.0, 0.0, 5.0]], requires_grad=True)
    code = network.activate(h)
    torch.testing.assert_close(code, torch.tensor([[1.0, -1.0, 1.0, 1.0]]))
    wanted = torch.tensor([[1.0, -2.0, 3.0, 0.5]])
    (code * wanted).sum().backward()
    assert torch.equal(h.grad, wanted)
    weight, bias = network.classifier.weight, network.classifier.bias
    torch.testing.assert_close(network.scores(h), code @ weight.T + bias)


def test_loss_is_the_papers_in_slow_loops():
    logits, h = torch.randn(4, 3), torch.randn(4, 6)
    labels = torch.tensor([2, 0, 1, 1])
    expected = 0.0
    for row, values, label in zip(logits.tolist(), h.tolist(), labels, strict=True):
        expected += math.log(sum(math.exp(score) for score in row)) - row[label]
        expected += 0.4 * sum(abs(abs(value) - 1) ** 3 for value in values) / 6
    method = GreedyHash(n_bits=6, quantisation_weight=0.4)
    loss = method.loss(Outputs(h, h, logits), make_targets(labels, 3, 0.0), 0.0)
    assert loss.item() == pytest.approx(expected / 4, rel=1e-5)


def test_a_negative_weight_is_refused():
    with pytest.raises(InputError, match="quantisation_weight must be a number >= 0"):
        GreedyHash(quantisation_weight=-0.1).check()
