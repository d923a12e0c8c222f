"""HashNet against slow loops from its formula: weights, shares of labels, continuation."""

import math

import pytest
import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.hashnet import HashNet
from hashlens.deep.recipe import Recipe


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def slow_loss(z, labels, alpha, beta):
    """Equation 4 with the pairs of the batch; `labels` are sets."""
    n = len(z)
    h = [[math.tanh(beta * value) for value in row] for row in z.tolist()]
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    similar = {(i, j) for i, j in pairs if labels[i] & labels[j]}
    total = 0.0
    for i, j in pairs:
        x = alpha * sum(a * b for a, b in zip(h[i], h[j], strict=True))
        if (i, j) in similar:
            share = len(labels[i] & labels[j]) / len(labels[i] | labels[j])
            total += share * len(pairs) / len(similar) * (math.log(1 + math.exp(x)) - x)
        else:
            total += len(pairs) / (len(pairs) - len(similar)) * math.log(1 + math.exp(x))
    return total / len(pairs)


def loss_of(z, labels, n_classes, progress=0.0):
    method = HashNet(n_bits=4, steepness=6.0, final_beta=5.0)
    return method.loss(Outputs(z, z, None), make_targets(labels, n_classes, 0.1), progress)


@pytest.mark.parametrize(("progress", "beta"), [(0.0, 1.0), (0.5, math.sqrt(13)), (1.0, 5.0)])
def test_loss_is_the_papers_in_slow_loops(progress, beta):
    z, labels = torch.randn(6, 4), torch.tensor([0, 1, 0, 2, 1, 0])
    expected = slow_loss(z, [{int(label)} for label in labels], 6 / 4, beta)
    assert loss_of(z, labels, 3, progress).item() == pytest.approx(expected, rel=1e-5)


def test_a_similar_pair_counts_by_the_share_of_common_labels():
    z = torch.randn(5, 4)
    own = [{0, 1}, {1, 2, 3}, {0}, {3}, {0, 1, 2}]
    labels = torch.zeros(5, 4, dtype=torch.bool)
    for row, wanted in zip(labels, own, strict=True):
        row[list(wanted)] = True
    assert loss_of(z, labels, 4).item() == pytest.approx(slow_loss(z, own, 1.5, 1.0), rel=1e-5)


def test_similar_pairs_weigh_as_much_as_dissimilar_ones_however_rare():
    z = torch.zeros(20, 4)
    for labels in (torch.arange(20) // 2, torch.arange(20) % 2):
        assert loss_of(z, labels, 20).item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0]])
def test_a_batch_of_one_kind_of_pairs_has_that_part_alone(labels):
    z = torch.zeros(len(labels), 4, requires_grad=True)
    loss = loss_of(z, torch.tensor(labels), 3)
    assert loss.item() == pytest.approx(math.log(2) if len(labels) > 1 else 0.0)
    loss.backward()
    assert torch.isfinite(z.grad).all()


def test_images_of_a_class_stand_side_by_side():
    assert HashNet().recipe(Recipe()).images_per_class == 4
    assert HashNet().recipe(Recipe(batch_size=2)).images_per_class == 2
