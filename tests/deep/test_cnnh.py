"""CNNH against its paper: stage 1 in slow loops and over all images, stage 2 bit by bit."""

import numpy as np
import pytest
import torch

from hashlens.deep.base import Given, make_targets
from hashlens.deep.cnnh import CNNH
from hashlens.deep.cnnh_trunk import CNNHTrunk
from hashlens.deep.code_descent import descend, objective
from hashlens.deep.codebook import Codebook
from hashlens.deep.label_groups import label_groups
from hashlens.errors import InputError

ONE_LABEL = np.array([0, 2, 2, 1, 0, 2, 3, 3, 2])
SEVERAL = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=bool)


def objective_of_all_images(labels, codes):
    """||S - H H^T / b||^2 / n^2 with a row for every image, in loops."""
    total = 0.0
    for i, first in enumerate(labels):
        for j, second in enumerate(labels):
            alike = (first & second).any() if labels.ndim == 2 else first == second
            product = sum(codes[i, k] * codes[j, k] for k in range(codes.shape[1]))
            total += (product / codes.shape[1] - (1 if alike else -1)) ** 2
    return total / len(labels) ** 2


def rows_of_images(labels, groups, codes):
    if labels.ndim == 1:
        return codes[labels]
    return codes[[int((groups.label_sets == row).all(1).argmax()) for row in labels]]


@pytest.mark.parametrize("labels", [ONE_LABEL, SEVERAL])
def test_the_objective_of_groups_is_that_of_all_images(labels):
    groups = label_groups(labels, 4 if labels.ndim == 1 else 3)
    codes = np.random.default_rng(0).uniform(-1, 1, (len(groups.weights), 5))
    expected = objective_of_all_images(labels, rows_of_images(labels, groups, codes))
    assert objective(groups, codes) == pytest.approx(expected, rel=1e-9)
    found = descend(groups, (5,), seed=0)
    expected = objective_of_all_images(labels, rows_of_images(labels, groups, found.codes))
    assert found.rounded[-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_classes", [2, 10, 40])
def test_stage_1_never_rises(n_classes):
    labels = np.random.default_rng(1).integers(0, n_classes, 500)
    found = descend(label_groups(labels, n_classes), (12,), seed=0)
    assert np.diff(found.relaxed).max() <= 1e-9
    assert np.diff(found.rounded).max() <= 1e-9
    assert found.relaxed[-1] < found.relaxed[0]
    assert set(np.unique(found.codes)) == {-1.0, 1.0}


def test_no_flip_of_one_bit_lowers_the_objective():
    groups = label_groups(np.random.default_rng(2).integers(0, 8, 300), 8)
    found = descend(groups, (10,), seed=0)
    for c in range(8):
        for j in range(10):
            flipped = found.codes.astype(np.float64)
            flipped[c, j] *= -1
            assert objective(groups, flipped) >= found.rounded[-1] - 1e-6


def test_two_classes_get_opposite_codes_and_ten_are_far_apart():
    two = descend(label_groups(np.array([0, 1, 1]), 2), (8,), seed=0).codes
    np.testing.assert_array_equal(two[0], -two[1])
    ten = descend(label_groups(np.arange(1000) % 10, 10), (48,), seed=0).codes
    distances = (48 - ten @ ten.T)[np.triu_indices(10, 1)] / 2
    assert distances.mean() == pytest.approx(48 / 2 * 10 / 9, rel=1e-3)  # Plotkin's bound
    assert distances.min() >= 20


def test_each_prefix_is_solved_for_itself_and_kept():
    groups = label_groups(np.arange(1000) % 10, 10)
    nested = descend(groups, (12, 24, 48), seed=0).codes
    np.testing.assert_array_equal(nested[:, :12], descend(groups, (12,), seed=0).codes)
    for n_bits in (12, 24, 48):
        alone = descend(groups, (n_bits,), seed=0).rounded[-1]
        assert objective(groups, nested[:, :n_bits].astype(np.float64)) <= alone + 0.01


def test_50_000_images_and_many_classes_take_no_n_by_n_memory():
    labels = np.random.default_rng(0).integers(0, 1000, 50_000)
    codes = descend(label_groups(labels, 1000), (32,), seed=0).codes
    assert len(np.unique(codes, axis=0)) == 1000


def test_only_the_most_frequent_label_sets_have_codes(monkeypatch):
    monkeypatch.setattr("hashlens.deep.label_groups.MAX_LABEL_SETS", 2)
    groups = label_groups(np.vstack([SEVERAL, SEVERAL[:1]]), 3)
    assert groups.label_sets.astype(int).tolist() == [[1, 0, 0], [1, 1, 0]]
    assert groups.weights.tolist() == [0.5, 0.5]


def test_a_label_set_without_a_code_gets_that_of_the_nearest():
    book = Codebook(torch.tensor([[-1.0], [1.0]]), torch.tensor([[True, True, False], [False] * 3]))
    unknown = torch.tensor([[False, True, False], [False, False, True], [True, True, True]])
    assert book.of(unknown)[1:].tolist() == [[1.0], [-1.0]]


@pytest.mark.parametrize("labels", [ONE_LABEL, SEVERAL])
def test_loss_is_the_cross_entropy_of_the_bits_in_slow_loops(labels):
    n_classes = 4 if labels.ndim == 1 else 3
    method = CNNH(n_bits=6, trunk="resnet-8")
    network = method.network(n_classes, 1)
    figures = method.prepare(network, Given(labels, 0, (6,)))
    assert figures["n_distinct_codes"] == len(network.codes)
    outputs = network(torch.randn(len(labels), 1, 8, 8))
    groups = label_groups(labels, n_classes)
    codes = rows_of_images(labels, groups, network.codes.numpy())
    for n_bits in (4, 6):
        expected = 0.0
        for row, code in zip(outputs.projection.detach().numpy(), codes, strict=True):
            for k in range(n_bits):
                expected += np.log1p(np.exp(-code[k] * row[k])) / (len(labels) * n_bits)
        targets = make_targets(torch.from_numpy(labels), n_classes, 0.1)
        loss = method.loss(network.prefix(outputs, n_bits), targets, 0.0)
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_loss_needs_the_codes_that_a_network_gives_in_training():
    method = CNNH(n_bits=6, trunk="resnet-8")
    outputs = method.network(4, 1).eval()(torch.zeros(2, 1, 8, 8))
    with pytest.raises(InputError, match="a network in training"):
        method.loss(outputs, make_targets(torch.tensor([0, 1]), 4, 0.0), 0.0)


def test_trunk_is_the_paper_s():
    trunk = CNNHTrunk(3)
    filters = [m for m in trunk.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size) for m in filters] == [
        (32, (5, 5)),
        (64, (5, 5)),
        (128, (5, 5)),
    ]
    for side in (12, 28, 32, 50):
        assert trunk(torch.zeros(2, 3, side, side)).shape == (2, 500)
